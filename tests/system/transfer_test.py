#!/usr/bin/python3
"""Zone transfers through the proxy, and who may use it at all."""

import unittest

import dns.exception

from client import ask, framed, question, read_framed, run, tcp_connection
from harness import CONSOLE, IS_DNSDIST, SystemTest
from nameservers import Nsd

RECORDS = 5000
ZONE = ("$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n" +
        "".join(f"host{n} IN TXT \"record number {n} of a zone that needs several messages\"\n"
                for n in range(RECORDS)))


class Transfers(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def transfer(self, tool, port, host="127.0.0.1"):
        arguments = [f"@{host}", "-p", str(port), "example.org", "AXFR"]
        arguments += ["+noall", "+answer"] if tool == "dig" else ["+tcp", "+noall", "+answer"]
        rows = run(tool, *arguments).stdout.splitlines()
        return sorted(" ".join(row.split()) for row in rows if row.strip() and not row.startswith(";"))

    def test_a_zone_of_many_messages_arrives_whole(self):
        proxy = self.proxy(f'addLocal("[::1]:{{port}}")\naddLocal("127.0.0.1:{{port}}")\n'
                           f'newServer("127.0.0.1:{self.nsd.port}")\ngetPool(""):setCache(newPacketCache(1000))')
        for tool in ("dig", "kdig"):
            direct = self.transfer(tool, self.nsd.port)
            self.assertEqual(len(direct), RECORDS + 4)  # the SOA comes twice
            for host in ("127.0.0.1", "::1"):
                for _ in range(2):
                    self.assertEqual(self.transfer(tool, proxy.port, host), direct)

    def test_a_connection_serves_questions_before_and_after_a_transfer(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        questions = [("ns1.example.org", "A"), ("example.org", "AXFR"), ("ns1.example.org", "A")]
        if IS_DNSDIST:  # it closes the connection after a transfer
            questions.pop()
        with tcp_connection(proxy.port) as connection:
            for name, qtype in questions:
                connection.sendall(framed(question(name, qtype).to_wire()))
                soas = 0
                while True:
                    message = read_framed(connection)
                    self.assertIsNotNone(message, (qtype, soas))
                    parsed = dns.message.from_wire(message, xfr=True, one_rr_per_rrset=True)
                    soas += sum(r.rdtype == 6 for r in parsed.answer)
                    if qtype != "AXFR" or soas == 2:
                        break

    def test_a_rule_refuses_transfers(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")\n'
                           "addAction(OrRule({QTypeRule(DNSQType.AXFR), QTypeRule(DNSQType.IXFR)}), "
                           "RCodeAction(DNSRCode.REFUSED))")
        for tcp in (False, True):
            self.assertEqual(ask("example.org", "AXFR", port=proxy.port, tcp=tcp).rcode(), 5)
            self.assertEqual(ask("ns1.example.org", "A", port=proxy.port, tcp=tcp).rcode(), 0)


class AccessList(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def config(self, acl):
        return CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\n{acl}\n'

    def denied(self, proxy, source):
        with self.assertRaises(dns.exception.Timeout):
            ask("ns1.example.org", port=proxy.port, source=source, timeout_s=0.3)
        with self.assertRaises((EOFError, OSError)):
            ask("ns1.example.org", port=proxy.port, source=source, tcp=True)

    def allowed(self, proxy, source):
        for tcp in (False, True):
            self.assertEqual(ask("ns1.example.org", port=proxy.port, source=source, tcp=tcp).rcode(), 0)

    def test_only_listed_clients_are_answered(self):
        proxy = self.proxy(self.config('setACL({"127.0.0.8/29", "!127.0.0.9/32"})'))
        self.denied(proxy, "127.0.0.1")
        self.allowed(proxy, "127.0.0.10")
        self.denied(proxy, "127.0.0.9")
        self.assertGreaterEqual(proxy.stat("acl-drops"), 2)

    def test_the_command_line_replaces_the_default_list(self):
        proxy = self.proxy(self.config(""), arguments=["-a", "127.0.0.8/29", "-a", "127.1.0.0/16"])
        self.denied(proxy, "127.0.0.1")
        self.allowed(proxy, "127.0.0.10")
        self.allowed(proxy, "127.1.2.3")

    def test_the_list_changes_at_run_time(self):
        proxy = self.proxy(self.config('setACL("127.0.0.2/32")'))
        self.denied(proxy, "127.0.0.1")
        proxy.console('addACL("127.0.0.1/32")')
        self.allowed(proxy, "127.0.0.1")
        proxy.console('setACL({"127.0.0.3/32"})')
        self.denied(proxy, "127.0.0.1")


if __name__ == "__main__":
    unittest.main()
