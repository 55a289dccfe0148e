"""PROXY protocol headers and the programs that send them, for tests; a configuration that tells what came."""

import os
import socket
import ssl
import struct

from client import framed, question, read_framed, run, tcp_connection
from h2_frames import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, get
from harness import Process, accepts_tcp, free_port, temp_folder, write_file

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\0\0\0"

# TXT queries are answered with whom and what the query seems to come from and go to, and the values.
ECHO = """
addAction(QTypeRule(DNSQType.TXT), LuaAction(function(dq)
  local text = dq.remoteaddr:toStringWithPort() .. " " .. dq.localaddr:toStringWithPort()
  local values = dq:getProxyProtocolValues()
  for type = 1, 255 do
    if values[type] then text = text .. " " .. type .. "=" .. string.sub(values[type], 1, 20) end
  end
  return DNSAction.SpoofRaw, string.char(string.len(text)) .. text
end))
"""


def header(source="192.0.2.1", port=4321, values=(), family=0x11):
    """One that announces a client of 198.51.100.53:5353; `values` are pairs of type and bytes."""
    content = bytes(int(part) for part in source.split(".")) + bytes([198, 51, 100, 53])
    content += struct.pack("!HH", port, 5353)
    content += b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in values)
    return SIGNATURE + struct.pack("!BBH", 0x21, family, len(content)) + content


def of_size(size):
    """A header of so many bytes in all."""
    return header(values=[(0xE0, b"x" * (size - 16 - 12 - 3))])


def ask_stream(connection, name="echo.example", qtype="TXT"):
    connection.sendall(framed(question(name, qtype).to_wire()))
    return read_framed(connection)


def ask_https(connection, name="echo.example", qtype="TXT"):
    """The body of the answer to a GET over HTTP/2, which tls_stream() agrees on; None where the server closed."""
    connection.sendall(PREFACE + frame(SETTINGS) + frame(HEADERS, END_STREAM | END_HEADERS, 1, get(name, qtype)))
    body, flags = b"", 0
    while not flags & END_STREAM:
        start = read_exactly(connection, 9)
        if len(start) < 9:
            return None
        content = read_exactly(connection, int.from_bytes(start[:3], "big"))
        if int.from_bytes(start[5:], "big") == 1 and start[3] in (DATA, HEADERS):
            flags = start[4]
            body += content if start[3] == DATA else b""
    return body or None


def read_exactly(connection, size):
    """So many bytes, or fewer where the server closed."""
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def stream(port, before=b"", host="127.0.0.1", source=None):
    connection = tcp_connection(port, host) if source is None else bound(port, host, source)
    connection.sendall(before)
    return connection


def bound(port, host, source):
    return socket.create_connection((host, port), timeout=5, source_address=(source, 0))


def tls_stream(port, outside=b"", inside=b"", source="127.0.0.1"):
    """A TLS connection with bytes before the handshake and as the first ones after it."""
    plain = bound(port, "127.0.0.1", source)
    plain.sendall(outside)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "dot"])
    connection = context.wrap_socket(plain)
    connection.sendall(inside)
    return connection


def certificate():
    """The paths of a certificate and its key."""
    folder = temp_folder()
    paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    made = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
               "-out", paths[0], "-keyout", paths[1])
    assert made.returncode == 0, made.stderr
    return paths


class Haproxy(Process):
    """haproxy that passes TCP connections on to `port` behind a PROXY header of version 2."""

    def __init__(self, port):
        folder = temp_folder()
        self.port = free_port()
        config = write_file(folder, "haproxy.cfg", f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen dns
  bind 127.0.0.1:{self.port}
  server one 127.0.0.1:{port} send-proxy-v2
""")
        super().__init__(["/usr/sbin/haproxy", "-db", "-f", config], os.path.join(folder, "haproxy.log"))
        self.await_ready(lambda: accepts_tcp(self.port), "haproxy to listen")
