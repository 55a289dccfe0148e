#!/usr/bin/python3
"""Resolvers behind the proxy over TLS: unbound and knot-resolver, each alone and both in turn."""

import collections
import unittest

import dns.exception
import dns.message

from certificates import Certificates
from client import addresses, ask, framed, question, read_framed, tcp_connection
from harness import CONSOLE, SystemTest, breakwater_only, wait_until
from resolvers import KnotResolver, Unbound

KINDS = {"unbound": (Unbound, "192.0.2.53"), "knot-resolver": (KnotResolver, "192.0.2.54")}


def server_line(proxy, name):
    """The row of a server in showTCPStats(), by the heads of the columns that are used here."""
    row = next(line for line in proxy.console("showTCPStats()").splitlines() if f" {name} " in line).split()
    return {"connections": int(row[11]), "reused": int(row[12]), "resumed": int(row[13])}


@breakwater_only  # 1.7.3 asks over TLS only where the client came over TCP
class Resolvers(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def setUp(self):
        self.behind = {name: self.started(kind(self.pair, address)) for name, (kind, address) in KINDS.items()}

    def proxy_to(self, *names, more=""):
        servers = "".join(
            f'newServer{{address="127.0.0.1:{self.behind[name].port}", name="{name}", tls="openssl", checkType="A", '
            f'subjectName="dns.example", caStore="{self.certificates.ca}", maxInFlight=50}}\n' for name in names)
        proxy = self.proxy(CONSOLE + 'setLocal("127.0.0.1:{port}")\nsetWorkers(1)\n' + servers + more)
        wait_until(lambda: proxy.console("showServers()").count(" up ") == len(names), "the health checks")
        return proxy

    def test_answers_come_over_one_connection_that_is_used_again(self):
        for name, (_, address) in KINDS.items():
            with self.subTest(name):
                proxy = self.proxy_to(name)
                for number in range(50):
                    answer = ask(f"n{number}.example", port=proxy.port, tcp=number % 2 == 1, use_edns=0)
                    self.assertEqual(addresses(answer), [address])
                counts = server_line(proxy, name)
                self.assertGreaterEqual(counts["reused"], 45, counts)
                self.assertLessEqual(counts["connections"], 5, counts)

    def test_many_questions_are_in_flight_at_once(self):
        for name, (_, address) in KINDS.items():
            with self.subTest(name):
                proxy = self.proxy_to(name)
                with tcp_connection(proxy.port, timeout_s=10) as client:
                    asked = {number: question(f"n{number}.example", id=number) for number in range(1, 101)}
                    client.sendall(b"".join(framed(query.to_wire()) for query in asked.values()))
                    while asked:
                        answer = dns.message.from_wire(read_framed(client))
                        self.assertTrue(asked.pop(answer.id).is_response(answer))
                        self.assertEqual(addresses(answer), [address])

    def test_sessions_are_resumed(self):
        for name, (_, address) in KINDS.items():
            with self.subTest(name):
                proxy = self.proxy_to(name, more="setMaxCachedTCPConnectionsPerDownstream(0)\n")
                for number in range(10):
                    self.assertEqual(addresses(ask(f"n{number}.example", port=proxy.port)), [address])
                self.assertGreaterEqual(server_line(proxy, name)["resumed"], 5)

    def test_both_take_their_turn_and_one_stands_in_for_the_other(self):
        proxy = self.proxy_to(*KINDS, more="setServerPolicy(roundrobin)\n")
        said = collections.Counter()
        for number in range(40):
            said.update(addresses(ask(f"n{number}.example", port=proxy.port)))
        self.assertEqual(said, {"192.0.2.53": 20, "192.0.2.54": 20})
        self.behind["unbound"].stop()
        wait_until(lambda: self.one_answers(proxy), "only the other to be asked", timeout_s=40)

    @staticmethod
    def one_answers(proxy):
        """Twenty answers in a row that come from knot-resolver."""
        try:
            return all(addresses(ask(f"x{n}.example", port=proxy.port, timeout_s=2)) == ["192.0.2.54"] for n in range(20))
        except dns.exception.Timeout:
            return False


if __name__ == "__main__":
    unittest.main()
