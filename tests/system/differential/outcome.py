"""One question and what came of it, as lines of text that two programs can be compared by."""

import select
import socket
import time
from dataclasses import dataclass, field

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

NO_ANSWER = ["no answer"]


@dataclass
class Q:
    """A question. raw replaces the message (the ID goes in its first two bytes)."""
    name: str = "www.example.org"
    qtype: str = "A"
    qclass: str = "IN"
    tcp: bool = False
    edns: int = -1
    payload: int = 1232
    do: bool = False
    rd: bool = True
    cd: bool = False
    ad: bool = False
    ecs: str = ""
    options: list = field(default_factory=list)
    opcode: int = 0
    source: str = "127.0.0.1"
    trailing: bytes = b""
    raw: bytes = b""
    times: int = 1
    timeout_s: float = 1.0

    def has_edns(self):
        return self.edns >= 0 or self.do or bool(self.options) or bool(self.ecs)

    def wire(self, message_id):
        if self.raw:
            return message_id.to_bytes(2, "big") + self.raw
        options = [dns.edns.GenericOption(code, data) for code, data in self.options]
        if self.ecs:
            address, bits = self.ecs.split("/")
            options.append(dns.edns.ECSOption(address, int(bits)))
        edns = 0 if options or self.do else self.edns
        message = dns.message.make_query(
            self.name, self.qtype, self.qclass, use_edns=edns if edns >= 0 else None, want_dnssec=self.do,
            payload=self.payload if edns >= 0 else None, options=options or None)
        message.id = message_id
        message.flags = ((dns.flags.RD if self.rd else 0) | (dns.flags.CD if self.cd else 0)
                         | (dns.flags.AD if self.ad else 0) | dns.opcode.to_flags(self.opcode))
        return message.to_wire() + self.trailing


@dataclass
class Burst:
    """Questions sent at once over one UDP socket; the outcome is who was answered in what order."""
    questions: list
    timeout_s: float = 3


def describe(wire):
    """The lines of an answer: header, question, records in sorted order, EDNS."""
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
    except Exception as error:  # pylint: disable=broad-except  # shown in the comparison
        return [f"unreadable: {type(error).__name__}", wire.hex()]
    lines = [f"{dns.opcode.to_text(message.opcode())} {dns.rcode.to_text(message.rcode())} "
             f"{dns.flags.to_text(message.flags)}"]
    lines += [f"question {q.name} {dns.rdataclass.to_text(q.rdclass)} {dns.rdatatype.to_text(q.rdtype)}"
              for q in message.question]
    for section in ("answer", "authority", "additional"):
        for rrset in getattr(message, section):
            lines += sorted(f"{section} {rrset.name} {rrset.ttl} {dns.rdataclass.to_text(rrset.rdclass)} "
                            f"{dns.rdatatype.to_text(rrset.rdtype)} {item}" for item in rrset)
    if message.edns >= 0:
        options = " ".join(f"{int(o.otype)}:{o.to_text() if hasattr(o, 'to_text') else o}"
                           for o in message.options)
        lines.append(f"edns {message.edns} size {message.payload} "
                     f"{'do' if message.ednsflags & 0x8000 else ''} {options}".strip())
    return lines


def same(first, second):
    """Equal lines, where TTLs may differ by one: a second may have passed between the two."""
    if len(first) != len(second):
        return False
    for one, other in zip(first, second):
        a, b = one.split(" "), other.split(" ")
        if len(a) > 4 and len(a) == len(b) and a[0] in ("answer", "authority", "additional"):
            if abs(int(a[2]) - int(b[2])) > 1:
                return False
            a[2] = b[2]
        if a != b:
            return False
    return True


class Exchange:
    """One question on its way to one program; finish() waits for what comes back."""

    def __init__(self, question, port, message_id):
        self.question, self.message_id = question, message_id
        wire = question.wire(message_id)
        kind = socket.SOCK_STREAM if question.tcp else socket.SOCK_DGRAM
        family = socket.AF_INET6 if ":" in question.source else socket.AF_INET
        self.socket = socket.socket(family, kind)
        self.socket.bind((question.source, 0))
        self.deadline = time.monotonic() + question.timeout_s
        self.socket.settimeout(question.timeout_s)
        self.socket.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        self.socket.sendall(len(wire).to_bytes(2, "big") + wire if question.tcp else wire)

    def finish(self):
        try:
            wire = self.receive()
        except (TimeoutError, OSError):
            return list(NO_ANSWER)
        finally:
            self.socket.close()
        if not wire:
            return list(NO_ANSWER)
        if wire[:2] != self.message_id.to_bytes(2, "big"):
            return ["an answer with another ID"]
        return describe(wire)

    def receive(self):
        if not self.question.tcp:
            self.socket.settimeout(max(0.01, self.deadline - time.monotonic()))
            return self.socket.recv(65535)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            chunk = self.socket.recv(65535)
            if not chunk:
                return b""
            data += chunk
        return data[2:]


def burst_order(burst, port):
    """Which questions of a burst were answered, in the order of their answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        for number, question in enumerate(burst.questions, 1):
            client.send(question.wire(number))
        order, deadline = [], time.monotonic() + burst.timeout_s
        while len(order) < len(burst.questions):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([client], [], [], left)[0]:
                break
            order.append(f"answer to question {int.from_bytes(client.recv(65535)[:2], 'big')}")
        return order
