#!/usr/bin/python3
"""A server of zone files beside NSD on the same zones: thousands of questions of every kind, equal answers.

What differs is listed in DIFFERENCES with its reason; anything else fails, and so does a row that nothing needs.
"""

import itertools
import re
import unittest

import dns.flags
import dns.query
import dns.rdatatype

from client import question
from harness import SystemTest, breakwater_only, temp_folder, write_file
from nameservers import Nsd

SOA = "$TTL 3600\n@ IN SOA ns1 hostmaster 2026010101 7200 3600 1209600 300\n"
LONG = "x" * 240

ZONES = {
    "example.org": SOA + f"""
@ NS ns1
@ NS ns2.example.net.
@ MX 10 mail
@ MX 20 mail.example.net.
@ TXT "v=spf1 mx -all"
@ CAA 0 issue "ca.example"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail 300 A 192.0.2.25
mail 300 AAAA 2001:db8::25
www 300 A 192.0.2.80
www 300 A 192.0.2.81
www HTTPS 1 . alpn=h2
MiXeD.Case 60 A 192.0.2.90
alias 60 CNAME www
alias2 CNAME alias
alias3 CNAME Alias2
out CNAME www.elsewhere.test.
over CNAME www.example.net.
overalias CNAME alias.example.net.
overnothing CNAME nothing.example.net.
dangling CNAME nothing
toempty CNAME empty.terminal
tosub CNAME host.sub
tochild CNAME www.child
towild CNAME anything.wild
todname CNAME host.dname
toblocked CNAME x.blocker.wild
self CNAME self
loop1 CNAME loop2
loop2 CNAME loop1
deep.empty.terminal A 192.0.2.5
a.b.c.d.e.f A 192.0.2.6
*.wild 60 A 192.0.2.42
*.wild MX 10 www
*.wild TXT "wild"
blocker.wild A 192.0.2.43
below.blocker2.wild A 192.0.2.44
*.wildcname CNAME www
*.wildout CNAME www.elsewhere.test.
x.*.emptywild A 192.0.2.45
*.wildmx MX 5 host.wildaddress
*.wildaddress A 192.0.2.46
srv SRV 0 0 5060 www
srv SRV 1 0 5060 host.wildaddress
srv SRV 2 0 5060 ns.sub
mxsub MX 10 host.sub
mxalias MX 10 alias
mxwild MX 10 any.wildaddress
sub NS ns.sub
sub NS ns1
sub NS ns.elsewhere.test.
sub DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
ns.sub A 192.0.2.53
ns.sub AAAA 2001:db8::53
host.sub A 192.0.2.54
sub2 NS ns.sub
sub2 NS ns.sub3
sub3 NS ns.sub2
ns.sub2 A 192.0.2.55
ns.sub3 A 192.0.2.56
lame NS ns.nothing
child NS ns1.child
ns1.child A 192.0.2.57
dname 60 DNAME target
target A 192.0.2.65
host.target A 192.0.2.66
alias.target CNAME www
dnameout DNAME elsewhere.test.
dnameover DNAME example.net.
dnameself DNAME x.dnameself
dnameloop DNAME dnameloop2
dnameloop2 DNAME dnameloop
dnamelong DNAME {"l" * 60}.{"m" * 60}.target
unknown TYPE65280 \\# 4 01020304
text TXT "one" "two;three" "with \\"quotes\\""
big TXT ( "{LONG}" "{LONG}"
          "{LONG}" "{LONG}" "{LONG}" )
big TXT "{LONG}" "2" "{LONG}"
huge 60 TXT "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}"
huge 60 TXT "2{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}"
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
ptr PTR www
_sip._tcp SRV 0 5 5060 www
""" + "".join(f"many A 198.51.100.{n}\n" for n in range(60)),
    "example.net": SOA + """
@ NS ns1
@ NS ns1.example.org.
ns1 A 192.0.2.101
ns2 A 192.0.2.102
www A 192.0.2.180
alias CNAME www
back CNAME www.example.org.
mail A 192.0.2.125
""",
    "child.example.org": SOA + "@ NS ns1\nns1 A 192.0.2.57\nwww A 192.0.2.58\nup CNAME www.example.org.\n",
    "signed.test": SOA + """
@ NS ns1
@ DNSKEY 256 3 8 AQID
ns1 A 192.0.2.1
www A 192.0.2.2
""" + "".join(f"{owner} RRSIG {covered} 8 {labels} 3600 20400101000000 20200101000000 1 signed.test. AQID\n"
              for owner, covered, labels in (("@", "SOA", 2), ("@", "NS", 2), ("@", "DNSKEY", 2),
                                             ("ns1", "A", 3), ("www", "A", 3))),
    "2.0.192.in-addr.arpa": SOA + "@ NS ns1.example.org.\n1 PTR ns1.example.org.\n80 PTR www.example.org.\n",
}
TYPES = ["A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DNAME", "DS", "ANY", "SRV", "CAA", "HTTPS", "TYPE65280"]


def names():
    """Every owner, what lies above and below it, and what is not there."""
    found = {"elsewhere.test", "www.elsewhere.test", "org", "example.com", "."}
    for apex, text in ZONES.items():
        found.add(apex)
        for owner in re.findall(r"^([*\w][\w.*-]*) ", text, re.M):
            found.add(f"{owner}.{apex}")
        found |= {f"nothing.{apex}", f"x.y.{apex}", f"*.{apex}"}
    below = {f"{prefix}.{name}" for name in found for prefix in ("x", "Deep.Er")
             if name != "." and not name.endswith(("elsewhere.test", "example.com"))}
    above = {name.split(".", 1)[1] for name in found if name.count(".") > 2}
    long_name = ".".join(["y" * 50] * 3) + ".dnamelong.example.org"
    return sorted(found | below | above | {long_name, "WWW.eXample.ORG", "host.dname.example.org",
                                           "alias.dname.example.org", "www.dnameover.example.org"})


def section(rrsets):
    return sorted((str(r.name).lower(), dns.rdatatype.to_text(r.rdtype), r.ttl, str(item).lower())
                  for r in rrsets for item in r)


class Answer:
    """What two servers must have in common."""

    def __init__(self, message):
        self.rcode = message.rcode()
        self.aa, self.tc = bool(message.flags & dns.flags.AA), bool(message.flags & dns.flags.TC)
        self.flags = message.flags & ~dns.flags.TC
        self.edns, self.do = message.edns, bool(message.ednsflags & dns.flags.DO)
        self.question = [(str(q.name), q.rdtype, q.rdclass) for q in message.question]
        self.answer, self.authority = section(message.answer), section(message.authority)
        self.additional = section(message.additional)

    def key(self):
        if self.tc:  # what is left of it is nobody's concern
            return (self.rcode, self.tc, self.edns, self.question)
        return (self.rcode, self.tc, self.flags, self.edns, self.do, self.question, self.answer, self.authority,
                self.additional)

    def __str__(self):
        return "\n    ".join(str(part) for part in self.key())


# Each row makes up for one difference, where it is there and nothing but it, and says that it did so.

def checking_disabled_comes_back(_qtype, _options, ours, theirs):
    """RFC 4035, 3.1.6 wants the CD of the query in the answer; NSD clears it."""
    if ours.flags & ~theirs.flags != dns.flags.CD:
        return False
    ours.flags &= ~dns.flags.CD
    return True


def any_gets_every_set(qtype, _options, ours, theirs):
    """NSD gives one set of the name to ANY (RFC 8482), we give all, and truncate them where they are too long."""
    if qtype != "ANY" or len({row[1] for row in theirs.answer} - {"RRSIG"}) != 1:
        return False
    more = not ours.tc and set(ours.answer) > set(theirs.answer) and set(ours.additional) >= set(theirs.additional)
    if not more and not (ours.tc and not theirs.tc):
        return False
    ours.tc, ours.answer, ours.additional, ours.authority = theirs.tc, theirs.answer, theirs.additional, theirs.authority
    return True


def datagrams_may_be_longer(_qtype, options, ours, theirs):
    """NSD sends 1,232 octets at most (its ipv4-edns-size), the proxy up to 4,096 where the client takes them."""
    if not theirs.tc or ours.tc or options.get("payload", 0) <= 1232:
        return False
    ours.tc, ours.answer, ours.additional, ours.authority = True, [], [], []
    return True


DIFFERENCES = [checking_disabled_comes_back, any_gets_every_set, datagrams_may_be_longer]


class ZoneAnswers(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd(ZONES)
        cls.folder = temp_folder()
        for name, text in ZONES.items():
            write_file(cls.folder, f"{name}.zone", text)

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def setUp(self):
        self.server = self.proxy(f'newZoneServer{{path="{self.folder}", name="files"}}')

    def both(self, message, tcp):
        send = dns.query.tcp if tcp else dns.query.udp
        return [Answer(send(message, "127.0.0.1", port=port, timeout=5)) for port in (self.server.port, self.nsd.port)]

    def compare(self, asked):
        """[(name, type, options)] through both; the rows of DIFFERENCES that were needed."""
        unlike, used, count = [], set(), 0
        for name, qtype, options in asked:
            message = question(name, qtype, **{k: v for k, v in options.items() if k != "tcp"})
            ours, theirs = self.both(message, options.get("tcp", False))
            count += 1
            if ours.key() == theirs.key():
                continue
            whole = str(ours)
            used |= {row for row in DIFFERENCES if row(qtype, options, ours, theirs)}
            if ours.key() != theirs.key():
                unlike.append(f"{name} {qtype} {options}\n    {whole}\n  NSD:\n    {theirs}")
        if unlike:
            self.fail("\n".join([f"{len(unlike)} of {count}:"] + unlike[:40]))
        return used, count

    @breakwater_only
    def test_thousands_of_questions_are_answered_as_by_nsd(self):
        plain = [(name, qtype, {}) for name, qtype in itertools.product(names(), TYPES)]
        shapes = [{"use_edns": 0, "payload": 1232}, {"use_edns": 0, "payload": 4096, "want_dnssec": True},
                  {"tcp": True}, {"use_edns": 0, "payload": 512, "rd": False, "cd": True}]
        shaped = [(name, qtype, shape) for name, shape in itertools.product(names(), shapes)
                  for qtype in ("A", "NS", "ANY", "TXT", "MX")]
        used, count = self.compare(plain + shaped)
        self.assertGreater(count, 2000)
        self.assertEqual(used, set(DIFFERENCES), "a row that nothing needs")


if __name__ == "__main__":
    unittest.main()
