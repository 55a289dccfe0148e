#!/usr/bin/python3
"""What floods of connections and of requests may cost: connections that never begin TLS, and streams without end.

flood_bounds_test.py --streams 5000000 asks for so many streams on one connection (200,000 by default).
"""

import contextlib
import os
import resource
import select
import socket
import ssl
import sys
import unittest

from certificates import Certificates
from client import framed, question, read_framed, run
from h2_frames import encoded
from harness import CONSOLE, SANITIZED, SystemTest, accepts_tcp, breakwater_only, free_port, wait_until

STREAMS = 20_000 if SANITIZED else 200_000
MANY = 300
ATTACKER, OTHER = "127.0.0.66", "127.0.0.5"


def quiet_sockets(port, count):
    """Connections that say nothing."""
    return [socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(ATTACKER, 0)) for _ in range(count)]


def close_all(sockets):
    for one in sockets:
        one.close()


def closed(sockets):
    """How many the server has closed."""
    waiting = select.poll()
    for one in sockets:
        waiting.register(one, select.POLLIN)
    return len(waiting.poll(0))


@breakwater_only
class HalfOpen(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * MANY), hard), hard))

    def start(self, options="", extra=""):
        self.ports = {"dot": free_port(), "doh": free_port()}
        files = '"{}", "{}"'.format(*self.pair)
        self.front = self.proxy(CONSOLE + f'''setLocal("127.0.0.1:{{port}}")
addTLSLocal("127.0.0.1:{self.ports["dot"]}", {files}, {{{options}}})
addDOHLocal("127.0.0.1:{self.ports["doh"]}", {files}, "/dns-query", {{{options}}})
addAction(AllRule(), SpoofAction("192.0.2.1"))
{extra}''')
        wait_until(lambda: all(accepts_tcp(port) for port in self.ports.values()), "the ports")

    def served(self, transport):
        """Whether somebody else gets an answer."""
        port = self.ports[transport]
        if transport == "doh":
            url = f"https://127.0.0.1:{port}/dns-query?dns={encoded('a.example')}"
            return run("curl", "-sk", "--interface", OTHER, "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}",
                       url).stdout == "200"
        context = ssl.create_default_context(cafile=self.certificates.ca)
        with contextlib.suppress(OSError):
            plain = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(OTHER, 0))
            with context.wrap_socket(plain, server_hostname="dns.example") as connection:
                connection.sendall(framed(question("a.example").to_wire()))
                return read_framed(connection) is not None
        return False

    def test_they_are_given_up_after_the_time_out_and_counted(self):
        for transport in ("dot", "doh"):
            with self.subTest(transport):
                self.start()
                kilobytes, descriptors = self.front.resources()
                sockets = quiet_sockets(self.ports[transport], MANY)
                for one in sockets[::2]:
                    one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100))  # half of a hello
                self.assertTrue(self.served(transport))
                self.assertLess(self.front.resources()[0] - kilobytes, 25_000 if not SANITIZED else 500_000)
                wait_until(lambda s=sockets: closed(s) == MANY, "all to be closed")
                wait_until(lambda d=descriptors: self.front.resources()[1] <= d + 2, "their descriptors to be free")
                self.assertGreaterEqual(self.timeouts(transport), MANY)
                self.assertTrue(self.served(transport))
                close_all(sockets)

    def timeouts(self, transport):
        text = self.front.console("showTCPStats()").splitlines()
        head = next(row for row in text if "Client timeouts" in row or "Client Timeouts" in row)
        row = next(row for row in text if f":{self.ports[transport]} " in row)
        at = head.lower().index("client timeouts")
        return int(row[at:].split()[0])

    def test_one_client_has_no_more_than_its_share(self):
        self.start(extra="setMaxTCPConnectionsPerClient(50)\n")
        for transport in ("dot", "doh"):
            with self.subTest(transport):
                before, refused = self.front.resources()[1], self.front.stat("tcp-refused-connections")
                sockets = quiet_sockets(self.ports[transport], MANY)
                wait_until(lambda s=sockets: closed(s) >= MANY - 50, "those over the limit to be closed")
                self.assertLessEqual(self.front.resources()[1] - before, 52)
                self.assertGreaterEqual(self.front.stat("tcp-refused-connections") - refused, MANY - 50)
                self.assertTrue(self.served(transport))
                close_all(sockets)

    def test_a_full_listener_takes_others_again_once_the_silent_ones_are_given_up(self):
        self.start(options="maxConcurrentTCPConnections=40")
        for transport in ("dot", "doh"):
            with self.subTest(transport):
                sockets = quiet_sockets(self.ports[transport], MANY)
                wait_until(lambda s=sockets: closed(s) >= MANY - 40, "those over the limit to be closed")
                wait_until(lambda t=transport: self.served(t), "others to be served again")
                close_all(sockets)


@breakwater_only
class FailedHandshakes(SystemTest):
    """They cost no more than handshakes that succeed: processor time of the program, by its kind of end."""

    COUNT = 100 if SANITIZED else 400

    def setUp(self):
        certificates = Certificates()
        files = '"{}", "{}"'.format(*certificates.make("dns.example"))
        self.front = self.proxy(CONSOLE + f'setWorkers(1)\naddTLSLocal("127.0.0.1:{{port}}", {files})\n'
                                'addAction(AllRule(), SpoofAction("192.0.2.1"))\n')
        self.context = ssl.create_default_context(cafile=certificates.ca)
        outgoing = ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="dns.example").do_handshake()
        self.hello = outgoing.read()

    def seconds(self):
        """Of processor time that the program has used."""
        total = 0
        for task in os.listdir(f"/proc/{self.front.pid}/task"):
            with open(f"/proc/{self.front.pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    def cost(self, connect):
        """In microseconds of one such connection."""
        connect()
        before = self.seconds()
        for _ in range(self.COUNT):
            connect()
        return (self.seconds() - before) / self.COUNT * 1e6

    def whole(self):
        plain = socket.create_connection(("127.0.0.1", self.front.port), timeout=10)
        with self.context.wrap_socket(plain, server_hostname="dns.example") as connection:
            connection.sendall(framed(question("a.example").to_wire()))
            self.assertIsNotNone(read_framed(connection))

    def raw(self, *pieces):
        """Sends the pieces, waits for an answer after each, and goes."""
        with socket.create_connection(("127.0.0.1", self.front.port), timeout=10) as connection:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    connection.sendall(piece)
                    connection.recv(4096)

    def test_cut_spoilt_or_impossible(self):
        whole = self.cost(self.whole)
        spoilt = b"\x17\x03\x03\x00\x20" + bytes(32)  # where the client's Finished should be
        kinds = {"cut after the hello": (self.hello,), "no TLS": (b"GET / HTTP/1.0\r\n\r\n",),
                 "spoilt": (self.hello, spoilt), "no common version": (self.hello.replace(b"\x03\x04", b"\x03\x00"),),
                 "garbage within": (self.hello[:60] + bytes(len(self.hello) - 60),)}
        for what, pieces in kinds.items():
            with self.subTest(what):
                self.assertLess(self.cost(lambda p=pieces: self.raw(*p)), 1.1 * whole)


@breakwater_only
class Streams(SystemTest):
    def test_streams_in_sequence_leave_nothing_behind(self):
        proxy = self.proxy(CONSOLE + 'setWorkers(1)\naddDOHLocal("127.0.0.1:{port}")\nsetACL("127.0.0.0/8")\n'
                           'addAction(AllRule(), SpoofAction("192.0.2.1"))\n')
        url = f"http://127.0.0.1:{proxy.port}/dns-query?dns={encoded('a.example')}"
        self.load(url, STREAMS // 10)
        before = proxy.resources()
        self.load(url, STREAMS)
        after = proxy.resources()
        self.assertEqual(proxy.stat("queries"), STREAMS + STREAMS // 10)
        self.assertLess(after[0] - before[0], 1000 if not SANITIZED else 100_000)
        wait_until(lambda: proxy.resources()[1] <= before[1], "the connection to be closed")

    def load(self, url, count):
        done = run("h2load", "-n", str(count), "-c1", "-m20", url, timeout_s=3600)
        self.assertIn(f"{count} succeeded, 0 failed", done.stdout, done.stdout + done.stderr)


if __name__ == "__main__":
    if "--streams" in sys.argv:
        at = sys.argv.index("--streams")
        STREAMS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main()
