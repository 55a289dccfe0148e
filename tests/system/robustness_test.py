#!/usr/bin/python3
"""Bad input and scarce resources: what is being served goes on being served."""

import random
import resource
import socket
import struct
import unittest

import dns.exception

from client import ask, addresses, framed, question, read_framed, tcp_connection
from harness import (CONSOLE, IS_DNSDIST, SANITIZED, SystemTest, accepts_tcp, breakwater_only, free_port,
                     resident_kb, wait_until)
from nameservers import Nsd

ZONE = ("$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
        + "".join(f"big IN TXT \"{'x' * 250}{n}\"\n" for n in range(200)))
GARBAGE = 3000 if SANITIZED else 20000


def hostile_messages(chooser):
    """An endless mix of damaged queries, seeded: what once failed fails again."""
    good = question("www.example.org", use_edns=0, payload=1232, want_dnssec=True).to_wire()
    header = good[:12]
    tail = b"\x00\x01\x00\x01"

    def with_flags(flags):
        return header[:2] + struct.pack("!H", flags) + good[4:]

    def with_counts(*counts):
        return header[:4] + struct.pack("!HHHH", *counts) + good[12:]

    opt = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
    makers = [
        lambda: chooser.randbytes(chooser.randrange(0, 600)),
        lambda: good[:chooser.randrange(0, len(good))],
        lambda: good + chooser.randbytes(chooser.randrange(1, 100)),
        lambda: with_flags(0x8000 | chooser.randrange(0x8000)),
        lambda: with_flags(chooser.randrange(1, 16) << 11),
        lambda: with_counts(*(chooser.choice((0, 1, 2, 65535)) for _ in range(4))),
        lambda: header + b"\xc0\x0c" + tail,
        lambda: header + b"\x01a\xc0\x0e" + tail,
        lambda: header + b"\xc0\x0e\xc0\x0c" + tail,
        lambda: header + bytes([chooser.choice((0x40, 0x80, 0xbf))]) + b"abc\x00" + tail,
        lambda: header + b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 4 + b"\x00" + tail,
        lambda: header[:10] + b"\x00\x02" + good[12:33] + opt + opt,
        lambda: header[:10] + b"\x00\x01" + good[12:33] + opt[:9] + b"\xff\xff" + b"\x00\x0a\xff\xff",
        lambda: bytes(b if chooser.random() > 0.05 else chooser.randrange(256) for b in good),
    ]
    while True:
        yield chooser.choice(makers)()


class BadInput(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def served(self, proxy):
        for tcp in (False, True):
            self.assertEqual(addresses(ask("ns1.example.org", port=proxy.port, tcp=tcp)), ["192.0.2.53"])

    def rules_proxy(self):
        return self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\n'
                          'getPool(""):setCache(newPacketCache(1000, {parseECS=true}))\n'
                          'addAction(QNameRule("nothing.example."), RCodeAction(DNSRCode.REFUSED))\n'
                          'addAction(RecordsCountRule(DNSSection.Additional, 5, 9), DropAction())\n'
                          'addAction(TrailingDataRule(), DropAction())\n'
                          'addAction(EDNSOptionRule(10), NoneAction())\n'
                          'addAction(LuaRule(function(dq) return dq.qname:countLabels() > 120 end), DropAction())')

    def test_a_flood_of_garbage_datagrams_does_not_disturb_service(self):
        proxy = self.rules_proxy()
        messages = hostile_messages(random.Random(7))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", proxy.port))
            for count in range(GARBAGE):
                client.send(next(messages))
                if count % 100 == 0:  # no burst larger than a socket buffer, which would drop good ones too
                    self.served(proxy)
        self.served(proxy)
        self.assertTrue(proxy.running())

    def test_garbage_on_streams_does_not_disturb_service(self):
        proxy = self.rules_proxy()
        messages = hostile_messages(random.Random(8))
        for count in range(GARBAGE // 40):
            with tcp_connection(proxy.port) as connection:
                try:
                    kind = count % 4
                    if kind == 0:
                        connection.sendall(framed(next(messages)))
                    elif kind == 1:
                        connection.sendall(b"".join(framed(next(messages)) for _ in range(20)))
                    elif kind == 2:
                        connection.sendall(b"\x10\x00" + next(messages))
                    else:
                        connection.sendall(b"\x00\x00" * 50)
                except OSError:
                    pass  # the proxy may close as soon as it has seen enough
            if count % 100 == 0:
                self.served(proxy)
        self.served(proxy)

    def test_a_response_sent_as_a_query_is_dropped(self):
        proxy = self.rules_proxy()
        wire = bytearray(question("ns1.example.org").to_wire())
        wire[2] |= 0x80
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.3)
            client.sendto(wire, ("127.0.0.1", proxy.port))
            with self.assertRaises(TimeoutError):
                client.recv(4096)
        self.served(proxy)

    def test_a_client_that_does_not_read_harms_only_itself(self):
        proxy = self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\nsetTCPSendTimeout(2)')
        self.served(proxy)
        before = resident_kb(proxy.pid)
        query = framed(question("big.example.org", "TXT").to_wire())
        with tcp_connection(proxy.port) as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.settimeout(1)
            try:
                for _ in range(4000):  # 200 MB of answers, were they all made
                    greedy.sendall(query)
            except OSError:
                pass
            self.served(proxy)
            if not SANITIZED:
                self.assertLess(resident_kb(proxy.pid) - before, 60000)
        self.served(proxy)

    def test_a_backend_that_answers_rubbish_gives_no_answer_to_clients(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as backend:
            backend.bind(("127.0.0.1", 0))
            backend.settimeout(5)
            proxy = self.proxy(CONSOLE + f'newServer{{address="127.0.0.1:{backend.getsockname()[1]}", '
                               'healthCheckMode="up"}\nsetUDPTimeout(1)' if not IS_DNSDIST else CONSOLE +
                               f'newServer{{address="127.0.0.1:{backend.getsockname()[1]}"}}:setUp()')
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.5)
                wire = question("www.example.org").to_wire()
                client.sendto(wire, ("127.0.0.1", proxy.port))
                query, source = await_query(backend, b"\x03www\x07example")
                other = question("www.example.net").to_wire()
                for rubbish in (b"", b"x", query[:11], query, query[:2] + b"\x80" + query[3:12],
                                query[:2] + other[2:], bytes([query[0] ^ 1]) + query[1:2] + b"\x81" + query[3:]):
                    backend.sendto(rubbish, source)
                with self.assertRaises(TimeoutError):
                    client.recv(4096)
                answer = bytearray(query)
                answer[2] |= 0x80
                # A retry may have come in between; the newest copy of the query can be answered too.
                backend.sendto(bytes(answer), source)
                if not IS_DNSDIST:
                    self.assertEqual(client.recv(4096)[:2], wire[:2])

    @breakwater_only
    def test_an_error_in_a_lua_callback_gets_the_documented_fallback(self):
        proxy = self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\n'
                           'addAction(LuaRule(function(dq) error("on purpose") end), DropAction())\n'
                           'addAction(QNameRule("bad.example.org."), LuaAction(function(dq) return nil + 1 end))')
        self.served(proxy)
        self.assertEqual(ask("bad.example.org", port=proxy.port).rcode(), 2)
        self.assertGreaterEqual(proxy.stat("lua-errors"), 3)

    @breakwater_only
    @unittest.skipIf(SANITIZED == "tsan", "TSan holds the alarm back while the thread makes no system call")
    def test_a_lua_callback_without_end_is_stopped_and_others_are_served(self):
        proxy = self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\nsetLuaBudget({{time=100}})\n'
                           'addAction(QNameRule("endless.example.org."), LuaAction(function(dq) while true do end end))\n'
                           'addAction(QNameRule("asleep.example.org."), LuaAction(function(dq) '
                           'os.execute("sleep 60") return DNSAction.None end))')
        for _ in range(3):
            self.assertEqual(ask("endless.example.org", port=proxy.port).rcode(), 2)
            self.assertEqual(ask("asleep.example.org", port=proxy.port).rcode(), 2)
            self.served(proxy)
        self.assertEqual(proxy.stat("lua-stopped"), 3)
        self.assertEqual(proxy.stat("lua-errors"), 6)

    @breakwater_only
    @unittest.skipIf(SANITIZED == "tsan", "TSan holds the alarm back while the thread makes no system call")
    def test_code_of_each_worker_without_end_is_stopped_and_the_query_goes_on(self):
        proxy = self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\n'
                           'setLuaBudget{time=100, onExceed="continue"}\nsetWorkers(2)\n'
                           'addAction(QNameRule("endless.example.org."), LuaFFIPerThreadAction('
                           '"return function(dq) while true do end end"))\n'
                           'addAction(QNameRule("asleep.example.org."), LuaFFIPerThreadAction('
                           '[[return function(dq) os.execute("sleep 60") end]]))\n')
        for _ in range(3):
            self.assertEqual(ask("endless.example.org", port=proxy.port).rcode(), 3)
            self.assertEqual(ask("asleep.example.org", port=proxy.port).rcode(), 2)
            self.served(proxy)
        self.assertEqual(proxy.stat("lua-stopped"), 3)
        self.assertEqual(proxy.stat("lua-errors"), 6)


class HealthScripts(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    @breakwater_only
    @unittest.skipIf(SANITIZED == "tsan", "TSan holds the alarm back while the thread makes no system call")
    def test_a_validator_without_end_holds_up_neither_start_nor_end(self):
        proxy = self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")\n'
                           f'newServer("127.0.0.1:{self.nsd.port}"):setHealthCheckResponseValidator('
                           'function() while true do end end)')
        self.assertEqual(ask("ns1.example.org", port=proxy.port).rcode(), 0)
        self.assertGreaterEqual(proxy.stat("lua-stopped"), 1)

    @breakwater_only
    def test_callbacks_that_wait_for_their_turn_are_left_out_at_the_end(self):
        servers = "".join(f'newServer("127.0.0.1:{free_port()}")\n' for _ in range(60))
        proxy = self.proxy('addServerStateChangeCallback(function() os.execute("sleep 0.5") end)\n' + servers)
        self.assertEqual(proxy.stop(timeout_s=8), 0)


class Scarcity(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    @breakwater_only
    def test_at_the_descriptor_limit_udp_goes_on_and_tcp_comes_back(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        proxy = self.proxy(f'setWorkers(2)\nnewServer("127.0.0.1:{self.nsd.port}")', preexec_fn=limit)
        self.assertTrue(accepts_tcp(proxy.port))
        connections = [tcp_connection(proxy.port) for _ in range(100)]
        try:
            for _ in range(50):
                self.assertEqual(ask("ns1.example.org", port=proxy.port).rcode(), 0)
        finally:
            for connection in connections:
                connection.close()

        def tcp_serves():
            try:
                return ask("ns1.example.org", port=proxy.port, tcp=True, timeout_s=1).rcode() == 0
            except (OSError, EOFError, dns.exception.Timeout):
                return False
        wait_until(tcp_serves, "TCP to be served again")

    def test_connections_of_one_client_are_limited(self):
        # Near the limit a connection gets one answer and is closed; that is the next test.
        threshold = "" if IS_DNSDIST else "setTCPConnectionsOverloadThreshold(0)\n"
        proxy = self.proxy(f'setMaxTCPConnectionsPerClient(3)\n{threshold}newServer("127.0.0.1:{self.nsd.port}")')
        # A connection that has just gone may still be counted for a moment.
        wait_until(lambda: self.which_are_answered(proxy.port, 5) == [True] * 3 + [False] * 2,
                   "three of five connections to be served")

    @staticmethod
    def which_are_answered(port, count):
        query = framed(question("ns1.example.org").to_wire())
        kept, answered = [], []
        try:
            for _ in range(count):
                connection = tcp_connection(port)
                kept.append(connection)
                try:
                    connection.sendall(query)
                    answered.append(read_framed(connection) is not None)
                except ConnectionError:
                    answered.append(False)
        finally:
            for connection in kept:
                connection.close()
        return answered

    @breakwater_only
    def test_near_the_limit_of_one_client_a_connection_gets_one_answer(self):
        proxy = self.proxy(f'setMaxTCPConnectionsPerClient(10)\nnewServer("127.0.0.1:{self.nsd.port}")')
        query = framed(question("ns1.example.org").to_wire())
        kept = []
        try:
            for number in range(9):  # one after the other: workers accept in any order
                kept.append(tcp_connection(proxy.port))
                kept[number].sendall(query)
                self.assertIsNotNone(read_framed(kept[number]), number)
            self.assertEqual(kept[8].recv(1), b"")  # nine are ninety percent of ten
            kept[0].sendall(query)
            self.assertIsNotNone(read_framed(kept[0]))
        finally:
            for connection in kept:
                connection.close()

    def test_a_connection_ends_after_its_number_of_queries(self):
        proxy = self.proxy(f'setMaxTCPQueriesPerConnection(4)\nnewServer("127.0.0.1:{self.nsd.port}")')
        query = framed(question("ns1.example.org").to_wire())
        answered = 0
        with tcp_connection(proxy.port) as connection:
            try:
                while answered < 10:
                    connection.sendall(query)
                    if read_framed(connection) is None:
                        break
                    answered += 1
            except ConnectionError:
                pass
        self.assertIn(answered, (4, 5))  # 1.7.3 looks at the limit one query late

    def test_an_idle_connection_is_closed(self):
        proxy = self.proxy(f'setTCPRecvTimeout(1)\nnewServer("127.0.0.1:{self.nsd.port}")')
        with tcp_connection(proxy.port, timeout_s=10) as connection:
            connection.sendall(b"\x00")  # a length that never gets its second byte
            self.assertEqual(connection.recv(10), b"")


def await_query(backend, part):
    """The first datagram that contains the name asked; health checks come to the same socket."""
    while True:
        wire, source = backend.recvfrom(4096)
        if part in wire:
            return wire, source


if __name__ == "__main__":
    unittest.main()
