"""TCP, DNS over TLS and over HTTPS: cache hits, handshakes, and what an idle connection takes."""

import base64
import os
import re
import socket
import ssl
import subprocess
import tempfile

from subjects import LOAD_CORE, Subject, free_port, proxy

CLIENTS = 8
CONNECTIONS = 5000
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty SETTINGS


def certificate():
    folder = tempfile.mkdtemp(prefix="breakwater-bench-")
    pair = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", pair[1], "-out", pair[0], "-days", "30", "-subj", "/CN=bench.example"],
                   check=True, capture_output=True)
    return pair


def encrypted(program, backend, pair, more=""):
    """A proxy that also listens on .dot_port and .doh_port."""
    dot, doh = free_port(), free_port()
    files = f'"{pair[0]}", "{pair[1]}"'
    more = (f'addTLSLocal("127.0.0.1:{dot}", {files}, {{maxInFlight=100}})\n'
            f'addDOHLocal("127.0.0.1:{doh}", {files}, "/dns-query")\n'
            "setMaxTCPClientThreads(10)\n" + more)
    subject = proxy(program, backend, "20000", more)
    subject.ports = {"tcp": subject.port, "dot": dot, "doh": doh}
    return subject


def h2load(subject, _, seconds, mode):
    """GET of one name over and over; dnsperf's own HTTPS client stalls, with dnsdist too."""
    question = base64.urlsafe_b64encode(bytes.fromhex("000001000001000000000000") +
                                        b"\x02n1\x07example\x00\x00\x01\x00\x01").rstrip(b"=").decode()
    run = subprocess.run(["taskset", "-c", LOAD_CORE, "h2load", "-D", str(seconds), "-c", str(CLIENTS), "-m", "12",
                          f"https://127.0.0.1:{subject.ports[mode]}/dns-query?dns={question}"],
                         capture_output=True, text=True, check=False)
    found = re.search(r"finished in [\d.]+s, ([\d.]+) req/s.*status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx",
                      run.stdout, re.S)
    if not found:
        raise RuntimeError(run.stdout + run.stderr)
    completed, *other = (int(found.group(n)) for n in (2, 3, 4, 5))
    return {"completed": completed, "lost": sum(other), "qps": float(found.group(1))}


def handshakes(subject, port, seconds, *how):
    """Connections of CLIENTS times openssl s_time for each CPU second of the subject."""
    before = sum(subject.cpu())
    clients = [subprocess.Popen(["taskset", "-c", LOAD_CORE, "openssl", "s_time", "-connect", f"127.0.0.1:{port}",
                                 "-time", str(seconds), *how], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True) for _ in range(CLIENTS)]
    made = 0
    for text in [client.communicate()[0] for client in clients]:
        found = re.search(r"(\d+) connections in [\d.]+ real seconds", text)
        if not found:
            raise RuntimeError(text)
        made += int(found.group(1))
    return made / (sum(subject.cpu()) - before)


def spoofer():
    """A nameserver that answers everything over UDP and TCP, for a minute's time to live."""
    port = free_port()
    path = os.path.join(tempfile.mkdtemp(prefix="breakwater-bench-"), "spoofer.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(f'setLocal("127.0.0.1:{port}")\naddAction(AllRule(), SpoofAction("192.0.2.1"))\n')
    return Subject(["/usr/bin/dnsdist", "-C", path, "--supervised", "--disable-syslog"], port, LOAD_CORE)


class TlsServer(Subject):
    """openssl s_server, which does nothing but handshakes."""

    def __init__(self, pair):
        self.tls_port = free_port()
        super().__init__(["openssl", "s_server", "-accept", f"127.0.0.1:{self.tls_port}", "-cert", pair[0], "-key",
                          pair[1], "-quiet", "-www"], self.tls_port)

    def ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False


def open_connections(port, alpn, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    return [connect(context, port) for _ in range(count)]


def idle_bytes(subject, port, alpn):
    """Resident bytes of the subject for each of many connections after their handshake."""
    kept = open_connections(port, alpn, 100)  # what is paid once
    before = subject.resident_bytes()
    kept += open_connections(port, alpn, CONNECTIONS)
    grown = subject.resident_bytes() - before
    for connection in kept:
        connection.close()
    return grown / CONNECTIONS


def connect(context, port):
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))
    if connection.selected_alpn_protocol() == "h2":
        connection.sendall(H2_PREFACE)
        connection.recv(9)  # its SETTINGS: the server has a session now
    return connection
