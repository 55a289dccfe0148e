"""A backend that says in a TXT record what reached it, so that what was sent on can be compared."""

import socket
import threading

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from harness import free_port


class Probe:
    """Answers on UDP and TCP at 127.0.0.1 until close(); its name is the first word of each answer.

    Names tell what to answer: ttlN gives that TTL, rcodeN that rcode, tc a truncated answer over UDP,
    scopeN echoes the client subnet with that scope, silent nothing; everything else NOERROR.
    """

    def __init__(self, name):
        self.name = name
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = free_port()
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(50)
        self.seen, self.closed = 0, False
        for target in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=target, daemon=True).start()

    def close(self):
        self.closed = True
        for open_socket in (self.udp, self.tcp):
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            open_socket.close()

    def serve_udp(self):
        while True:
            try:
                wire, client = self.udp.recvfrom(65535)
            except OSError:
                return
            if self.closed:
                return
            answer = self.answer(wire, "udp")
            if answer:
                self.udp.sendto(answer, client)

    def serve_tcp(self):
        while True:
            try:
                connection = self.tcp.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection, connection.makefile("rb") as stream:
            while True:
                length = int.from_bytes(stream.read(2), "big")
                wire = stream.read(length)
                if not wire:
                    return
                answer = self.answer(wire, "tcp")
                if answer:
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def answer(self, wire, transport):
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except Exception:  # pylint: disable=broad-except
            if len(wire) < 12:  # also the empty datagram that shutdown() gives
                return b""
            return wire[:2] + bytes([wire[2] | 0x80]) + bytes([wire[3] & 0xf0 | 1]) + bytes(8)
        labels = str(query.question[0].name).lower().split(".") if query.question else [""]
        if labels[0] == "silent":
            return b""
        if "root-servers" not in labels:  # health checks do not count
            self.seen += 1
        response = dns.message.make_response(query, our_payload=1400)
        response.flags |= dns.flags.AA
        ttl = next((int(word[3:]) for word in labels if word[:3] == "ttl" and word[3:].isdigit()), 60)
        self.fill(response, query, labels, ttl)
        if labels[0] == "tc" and transport == "udp":
            response.answer, response.flags = [], response.flags | dns.flags.TC
        elif query.question and query.question[0].rdtype == dns.rdatatype.TXT:
            text = self.describe(query, wire, transport)
            response.answer.append(dns.rrset.from_text(
                query.question[0].name, ttl, query.question[0].rdclass, "TXT",
                " ".join(f'"{part}"' for part in text)))
        return response.to_wire()

    def fill(self, response, query, labels, ttl):
        question = query.question[0] if query.question else None
        for word in labels:
            if word.startswith("rcode") and word[5:].isdigit():
                response.set_rcode(int(word[5:]))
                return
            if word.startswith("scope") and word[5:].isdigit():
                for option in query.options:
                    if option.otype == dns.edns.ECS:
                        response.use_edns(0, 0, 1400, options=[
                            dns.edns.ECSOption(option.address, option.srclen, int(word[5:]))])
        if question is not None and question.rdtype == dns.rdatatype.A and "empty" not in labels:
            owner = str(question.name)
            response.answer.append(dns.rrset.from_text(owner, ttl, "IN", "A", "192.0.2.1", "192.0.2.2"))
            response.authority.append(dns.rrset.from_text("example.", ttl * 2, "IN", "NS", "ns.example."))
            response.additional.append(dns.rrset.from_text("ns.example.", ttl * 3, "IN", "A", "192.0.2.53"))
        elif question is not None and "negative" in labels:
            response.authority.append(dns.rrset.from_text(
                "example.", ttl, "IN", "SOA", "ns.example. host.example. 1 2 3 4 30"))

    def describe(self, query, wire, transport):
        length = len(query.to_wire())
        options = ",".join(f"{int(o.otype)}={o.to_wire().hex()}" for o in query.options)
        return [self.name, transport, f"{dns.opcode.to_text(query.opcode())} {dns.flags.to_text(query.flags)}",
                str(query.question[0].name),
                f"edns{query.edns} {'do' if query.ednsflags & 0x8000 else ''} {options}".strip(),
                f"counts {wire[4:12].hex()}", f"trailing {wire[length:].hex()}"]
