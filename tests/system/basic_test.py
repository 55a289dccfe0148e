#!/usr/bin/python3
"""Answers through the proxy are the backend's own, on every transport and address family."""

import os
import socket
import unittest

from client import addresses, ask, content, framed, question, read_framed, run, tcp_connection
from harness import ROOT, SystemTest
from nameservers import Nsd

import dns.message

with open(os.path.join(ROOT, "examples/zones/example.org.zone"), encoding="utf-8") as zone:
    ZONES = {"example.org": zone.read() + "".join(f"big IN TXT \"{'x' * 200}{n}\"\n" for n in range(20))}

QUESTIONS = [("www.example.org", "A"), ("example.org", "SOA"), ("example.org", "NS"), ("example.org", "MX"),
             ("web.example.org", "AAAA"), ("WeB.ExAmPlE.oRg", "A"), ("x.wild.example.org", "A"),
             ("nothing.example.org", "A"), ("mail.example.org", "AAAA"), ("a.sub.example.org", "A"),
             ("_sip._udp.example.org", "SRV"), ("example.net", "A")]


class Basic(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd(ZONES)

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def compare(self, config, hosts=("127.0.0.1",)):
        proxy = self.proxy(config.replace("{backend}", str(self.nsd.port)))
        for host in hosts:
            for tcp in (False, True):
                for edns in (None, 0):
                    for name, qtype in QUESTIONS:
                        options = {"tcp": tcp, "use_edns": edns, "rd": False}
                        direct = ask(name, qtype, port=self.nsd.port, **options)
                        for _ in range(2):  # the second may come from a cache
                            through = ask(name, qtype, port=proxy.port, host=host, **options)
                            self.assertEqual(content(through), content(direct), (host, name, qtype, options))
                            self.assertEqual(str(through.question[0].name), name + ".")
                            self.assertEqual(through.edns, direct.edns, (name, options))

    def test_answers_equal_the_backends_over_udp_and_tcp(self):
        self.compare('newServer("127.0.0.1:{backend}")')

    def test_answers_equal_the_backends_through_a_cache(self):
        self.compare('newServer("127.0.0.1:{backend}")\ngetPool(""):setCache(newPacketCache(1000))')

    def test_ipv6_on_both_sides(self):
        self.compare('setLocal("127.0.0.1:{port}")\naddLocal("[::1]:{port}")\nnewServer("[::1]:{backend}")',
                     hosts=("127.0.0.1", "::1"))

    def test_wildcard_listeners_answer_from_the_address_asked(self):
        proxy = self.proxy('setLocal("0.0.0.0:{port}")\naddLocal("[::]:{port}")\nsetACL({"0.0.0.0/0", "::/0"})\n'
                           f'newServer("127.0.0.1:{self.nsd.port}")')
        wire = question("www.example.org").to_wire()
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.77"),
                             (socket.AF_INET, "127.9.8.7"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.sendto(wire, (host, proxy.port))
                answer, source = client.recvfrom(4096)
                self.assertEqual(source[:2], (host, proxy.port))
                self.assertIn("192.0.2.80", addresses(dns.message.from_wire(answer)))

    def test_a_large_answer_is_truncated_over_udp_and_whole_over_tcp(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")\ngetPool(""):setCache(newPacketCache(1000))')
        for _ in range(2):
            whole = ask("big.example.org", "TXT", port=proxy.port, tcp=True)
            self.assertEqual(len(addresses(whole)), 20)
            for edns, payload in ((None, 512), (0, 1232)):
                cut = ask("big.example.org", "TXT", port=proxy.port, use_edns=edns, payload=payload)
                self.assertTrue(cut.flags & 0x0200, "TC expected")
                self.assertLessEqual(len(cut.to_wire()), payload)
        full = ask("big.example.org", "TXT", port=proxy.port, use_edns=0, payload=4096)
        self.assertLessEqual(len(full.to_wire()), 4096)

    def test_dig_and_kdig_agree_with_the_backend(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        for extra in ([], ["+tcp"], ["+dnssec"]):
            for tool in ("dig", "kdig"):
                texts = [sorted(run(tool, "@127.0.0.1", "-p", str(p), "+short", *extra, "example.org", "NS")
                                .stdout.split()) for p in (self.nsd.port, proxy.port)]
                self.assertEqual(texts[0], ["ns1.example.org.", "ns2.example.org."])
                self.assertEqual(texts[0], texts[1], (tool, extra))

    def test_pipelined_tcp_queries_are_all_answered(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        queries = {n: question("web.example.org" if n % 2 else f"n{n}.example.org", id=n) for n in range(1, 101)}
        with tcp_connection(proxy.port) as connection:
            connection.sendall(b"".join(framed(q.to_wire()) for q in queries.values()))
            for _ in range(len(queries)):
                answer = dns.message.from_wire(read_framed(connection))
                query = queries.pop(answer.id)
                self.assertEqual(answer.question, query.question)
                self.assertEqual(answer.rcode(), 0 if answer.id % 2 else 3)
        self.assertFalse(queries)

    def test_a_tcp_query_may_arrive_byte_by_byte(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        with tcp_connection(proxy.port) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in framed(question("web.example.org").to_wire()):
                connection.send(bytes([byte]))
            self.assertIn("192.0.2.80", addresses(dns.message.from_wire(read_framed(connection))))

    def test_kdig_keeps_a_connection_open_for_many_questions(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        asked = [word for _ in range(20) for word in ("-q", "web.example.org", "-t", "A")]
        output = run("kdig", "@127.0.0.1", "-p", str(proxy.port), "+tcp", "+keepopen", "+short", *asked).stdout
        self.assertEqual(output.split().count("192.0.2.80"), 20)



if __name__ == "__main__":
    unittest.main()
