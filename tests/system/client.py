"""Clients: dnspython for single questions, dig, kdig and dnsperf as operators use them."""

import re
import socket
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype


def question(name, qtype="A", **options):
    """A query message; options are those of dns.message.make_query, plus rd and cd."""
    rd, cd = options.pop("rd", True), options.pop("cd", False)
    message = dns.message.make_query(name, qtype, **options)
    message.flags = (dns.flags.RD if rd else 0) | (dns.flags.CD if cd else 0)
    return message


def ask(name, qtype="A", port=53, host="127.0.0.1", tcp=False, timeout_s=5, **options):
    """The answer to one question; raises dns.exception.Timeout where none comes."""
    source = options.pop("source", None)
    message = question(name, qtype, **options)
    if tcp:
        return dns.query.tcp(message, host, port=port, timeout=timeout_s, source=source)
    # Who had this port before may get a late answer from elsewhere.
    return dns.query.udp(message, host, port=port, timeout=timeout_s, source=source, ignore_unexpected=True)


def addresses(answer):
    """The sorted addresses (or other data) of the answer section."""
    return sorted(str(item) for rrset in answer.answer for item in rrset)


def content(answer):
    """What two answers must have in common: all but ID, TTLs and the order of records."""
    def section(rrsets):
        return sorted((str(r.name).lower(), r.rdclass, dns.rdatatype.to_text(r.rdtype), str(item))
                      for r in rrsets for item in r)
    return (dns.rcode.to_text(answer.rcode()), dns.flags.to_text(answer.flags),
            section(answer.answer), section(answer.authority), section(answer.additional))


def run(*arguments, timeout_s=60):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s,
                          check=False)


def receive_all(connection):
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


def framed(wire):
    return len(wire).to_bytes(2, "big") + wire


def read_framed(connection):
    """One DNS message from a stream; None at its end."""
    header = read_exactly(connection, 2)
    return read_exactly(connection, int.from_bytes(header, "big")) if header else None


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def tcp_connection(port, host="127.0.0.1", timeout_s=5):
    return socket.create_connection((host, port), timeout=timeout_s)


class Dnsperf:
    """A run of dnsperf in the background; report() waits for its end."""

    def __init__(self, port, queries_path, seconds, **options):
        qps, tcp = options.get("qps"), options.get("tcp", False)
        arguments = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", queries_path, "-l", str(seconds),
                     "-t", str(options.get("timeout_s", 5)), "-q", str(options.get("window", 100)),
                     "-c", str(options.get("clients", 4))]
        if qps:
            arguments += ["-Q", str(qps)]
        if tcp:
            arguments += ["-m", "tcp"]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def running(self):
        return self.process.poll() is None

    def stop(self):
        self.process.kill()
        self.process.communicate()

    def report(self):
        """{"sent", "completed", "lost", "qps", "rcodes": {NAME: count}, "text"}."""
        text = self.process.communicate(timeout=300)[0]

        def number(label):
            found = re.search(label + r":\s+([\d.]+)", text)
            if not found:
                raise AssertionError("dnsperf reported nothing:\n" + text)
            return float(found.group(1))

        codes = re.search(r"Response codes:\s+(.*)", text)
        rcodes = dict((name, int(count)) for name, count in
                      re.findall(r"(\w+) (\d+) \(", codes.group(1) if codes else ""))
        return {"sent": int(number("Queries sent")), "completed": int(number("Queries completed")),
                "lost": int(number("Queries lost")), "qps": number("Queries per second"),
                "rcodes": rcodes, "text": text}
