#!/usr/bin/python3
"""The matrix feature x transport: what holds for a query over UDP holds over TCP, TLS, HTTPS and DNSCrypt."""

import unittest

import dns.flags
import dns.rcode
import dns.rdatatype

from client import addresses, question, run
from every_transport import PROTOCOLS, Closed, EveryTransport
from harness import CONSOLE, accepts_tcp, breakwater_only, free_port, wait_until
from nameservers import Nsd

ZONE = """$ORIGIN example.org.
$TTL 300
@ IN SOA ns.example.org. host.example.org. 1 3600 600 86400 60
@ IN NS ns.example.org.
ns IN A 127.0.0.1
www IN A 192.0.2.80
""" + "".join(f"big IN TXT \"{n:03}{'x' * 200}\"\n" for n in range(12))

RULES = """
addAction(QNameRule("spoof.example."), SpoofAction("192.0.2.1"))
addAction(QNameRule("refused.example."), RCodeAction(DNSRCode.REFUSED))
addAction(QNameRule("dropped.example."), DropAction())
addAction(AndRule{QNameRule("once.example."), NotRule(MaxQPSRule(1, 1))}, RCodeAction(DNSRCode.NOTIMP))
addAction(QNameRule("once.example."), SpoofAction("192.0.2.2"))
addAction(QNameRule("lua.example."), LuaAction(function(dq)
  return DNSAction.Spoof, dq:getProtocol():gsub("[^%a%d]", "") .. ".protocol.example."
end))
addAction(QNameRule("tagged.example."), SetTagAction("color", "blue"))
addAction(TagRule("color", "blue"), SpoofAction("192.0.2.3"))
addAction(QNameRule("pool.example."), PoolAction("nobody"))
addSelfAnsweredResponseAction(QNameRule("ttl.example."), SetMaxTTLResponseAction(7))
addAction(QNameRule("ttl.example."), SpoofAction("192.0.2.4"))
addResponseAction(QNameRule("www.example.org."), SetMaxTTLResponseAction(77))
"""


@breakwater_only
class Transports(EveryTransport):
    def setUp(self):
        self.nsd = self.started(Nsd({"example.org": ZONE}))
        self.start()

    def start(self, acl='"127.0.0.0/8"', more=""):
        sealed = free_port()
        self.ports = {"dot": free_port(), "doh": free_port(), "dnscrypt_udp": sealed, "dnscrypt_tcp": sealed}
        files = '"{}", "{}"'.format(*self.pair)
        self.front = self.proxy(
            'setLocal("127.0.0.1:{port}")\n' + CONSOLE + f"setACL({{{acl}}})\n" +
            f'addTLSLocal("127.0.0.1:{self.ports["dot"]}", {files})\n'
            f'addDOHLocal("127.0.0.1:{self.ports["doh"]}", {files}, "/dns-query")\n' + self.dnscrypt_bind(sealed) +
            f'newServer{{address="127.0.0.1:{self.nsd.port}", healthCheckMode="up"}}\n'
            'getPool(""):setCache(newPacketCache(1000))\n' + RULES + more)
        self.ports["udp"] = self.ports["tcp"] = self.front.port
        wait_until(lambda: accepts_tcp(self.ports["doh"]), "the ports")

    def test_rules_decide_alike(self):
        for transport in self.for_each():
            for name, said in (("spoof.example", ["192.0.2.1"]), ("tagged.example", ["192.0.2.3"]),
                               ("lua.example", [PROTOCOLS[transport] + ".protocol.example."])):
                self.assertEqual(addresses(self.send(transport, question(name))), said, name)
            refused = self.send(transport, question("refused.example"))
            self.assertEqual(refused.rcode(), dns.rcode.REFUSED)
            for name in ("dropped.example", "pool.example"):
                with self.assertRaises(Closed, msg=name):
                    self.send(transport, question(name), timeout_s=1)

    def test_response_rules_and_the_cache_serve_alike(self):
        for transport in self.for_each():
            for _ in range(2):  # a miss, or a hit of another transport's answer; then a hit
                answer = self.send(transport, question("www.example.org"))
                self.assertEqual(addresses(answer), ["192.0.2.80"])
                self.assertLessEqual(answer.answer[0].ttl, 77)
            self.assertEqual(self.send(transport, question("ttl.example")).answer[0].ttl, 7)
        self.assertGreaterEqual(self.front.stat("cache-hits"), 4)

    def test_large_answers_are_whole_where_they_fit(self):
        for transport in self.for_each():
            answer = self.send(transport, question("big.example.org", "TXT", use_edns=0, payload=1232))
            truncated = bool(answer.flags & dns.flags.TC)
            self.assertEqual(truncated, transport in ("udp", "dnscrypt_udp"))
            self.assertEqual(len(answer.answer[0]) if answer.answer else 0, 0 if truncated else 12)

    def test_the_access_list_holds_everywhere(self):
        self.start(acl='"192.0.2.0/24"')
        for transport in self.for_each():
            with self.assertRaises(Closed):
                self.send(transport, question("spoof.example"), timeout_s=2)
        self.assertGreaterEqual(self.front.stat("acl-drops"), 6)

    def test_rate_limits_count_over_all_transports_together(self):
        answers = [self.send(transport, question("once.example")).rcode() for transport in PROTOCOLS]
        self.assertEqual(answers[0], dns.rcode.NOERROR)
        self.assertIn(dns.rcode.NOTIMP, answers[1:])

    def test_what_is_no_query_is_not_answered(self):
        for transport in self.for_each():
            answer = question("spoof.example")
            answer.flags |= dns.flags.QR
            with self.assertRaises(Closed):
                self.send(transport, answer, timeout_s=1)
        self.assertGreaterEqual(self.front.stat("noncompliant-queries"), 6)

    def test_transfers_come_over_tcp_tls_and_dnscrypt_alone(self):
        for transport in ("tcp", "dot"):
            with self.subTest(transport):
                words = ["+tls"] if transport == "dot" else ["+tcp"]
                text = run("kdig", "@127.0.0.1", "-p", str(self.ports[transport]), *words, "example.org", "AXFR").stdout
                self.assertEqual(text.count("IN\tSOA"), 2, text)
        sealed = self.send("dnscrypt_tcp", question("example.org", "AXFR"))
        self.assertEqual({records.rdtype for records in sealed.answer},
                         {dns.rdatatype.SOA, dns.rdatatype.NS, dns.rdatatype.A, dns.rdatatype.TXT})
        self.assertEqual(self.send("doh", question("example.org", "AXFR")).rcode(), dns.rcode.NOTIMP)

    def test_the_name_of_the_tls_handshake_can_be_matched(self):
        self.start(more='mvRuleToTop()\naddAction(SNIRule("dns.example"), RCodeAction(DNSRCode.NXDOMAIN))\nmvRuleToTop()\n')
        for transport in self.for_each():
            expected = dns.rcode.NXDOMAIN if transport in ("dot", "doh") else dns.rcode.NOERROR
            self.assertEqual(self.send(transport, question("spoof.example")).rcode(), expected)


if __name__ == "__main__":
    unittest.main()
