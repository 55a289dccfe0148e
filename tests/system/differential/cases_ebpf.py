"""Filters in the kernel as 1.7 has them: by address and by name. They need root."""

import os

from case import PROBE, Case
from outcome import Q

FILTER = "bpf = newBPFFilter(%s)\nsetDefaultBPFFilter(bpf)\n"
TABLES = FILTER % "{maxItems=10}, {maxItems=10}, {maxItems=10}"


def asked(name="a.example", qtype="A", **more):
    return Q(name, qtype, timeout_s=0.5, **more)


# The order of entries is the kernel's in 1.7: one of each kind is enough to compare.
STATS = "return bpf:getStats()"


def blocked(name, lines, questions, setup=TABLES, **more):
    return Case("ebpf_" + name, PROBE + setup + lines, questions, console=[STATS], **more)


def any_type(count):
    """Since 2.0 the number of every type is 65535, for 255 is ANY."""
    return {STATS: ("every type is 65535 since 2.0", rf"example\. 65535: {count}$")}


CASES = [] if os.geteuid() != 0 else [
    blocked("address", 'bpf:block(newCA("127.0.0.2"))\n',
            [asked(source="127.0.0.2", times=3), asked(source="127.0.0.22"), asked(source="127.0.0.2", edns=0),
             asked(), asked(tcp=True)]),
    blocked("address_of_before_1_7", 'bpf:block(newCA("127.0.0.2"))\n', [asked(source="127.0.0.2"), asked()],
            setup=FILTER % "10, 10, 10"),
    blocked("v6_address", 'bpf:block(newCA("2001:db8::1"))\n', [asked()]),
    blocked("name", 'bpf:blockQName(newDNSName("Bad.example"))\n',
            [asked("bad.example", times=2), asked("BAD.eXample", "TXT"), asked("www.bad.example"), asked("example"),
             asked("bad.example", tcp=True), asked("bad.example", edns=0), asked("xbad.example")],
            console_differs=any_type(4)),
    blocked("name_and_type", 'bpf:blockQName(newDNSName("bad.example"), 16)\n',
            [asked("bad.example", "TXT"), asked("bad.example"), asked("Bad.example", "TXT", do=True)]),
    blocked("long_name", f'bpf:blockQName(newDNSName("{"x" * 63}.{"y" * 63}.{"z" * 63}.example"))\n',
            [asked(f"{'X' * 63}.{'y' * 63}.{'Z' * 63}.example"), asked(f"{'x' * 63}.{'y' * 63}.{'z' * 62}.example")],
            console_differs=any_type(1)),
    blocked("unblocked", 'bpf:block(newCA("127.0.0.2"))\nbpf:unblock(newCA("127.0.0.2"))\n'
            'bpf:blockQName(newDNSName("a.example"), 1)\nbpf:unblockQName(newDNSName("a.example"), 1)\n',
            [asked(source="127.0.0.2")]),
    blocked("no_question", 'bpf:blockQName(newDNSName("bad.example"))\n',
            [asked(raw=bytes.fromhex("0100000100000000000003626164")), asked()],
            console_differs=any_type(0)),
    Case("ebpf_dynamic_block", PROBE + TABLES + 'addDynBlocks({[newCA("127.0.0.2")]=1}, "by hand", 60, DNSAction.Drop)\n',
         [asked(source="127.0.0.2"), asked(source="127.0.0.3")]),
]
