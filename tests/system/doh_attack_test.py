#!/usr/bin/python3
"""What one client of DNS over HTTPS can cost the others: frames of HTTP/2 written by hand."""

import contextlib
import socket
import time
import unittest
import urllib.request

import client
import harness
from h2_frames import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST, SETTINGS,
                       WINDOW, encoded, frame, get, post, text)

MOST_KB = 20_000 if not harness.SANITIZED else 500_000  # no attack may take more; ASan keeps freed memory


@harness.breakwater_only
class DohAttackTest(harness.SystemTest):
    def setUp(self):
        web = harness.free_port()
        self.metrics_url = f"http://127.0.0.1:{web}/metrics"
        self.proxy_ = self.proxy(
            f'webserver("127.0.0.1:{web}")\nsetWebserverConfig({{statsRequireAuthentication=false}})\n'
            'addDOHLocal("127.0.0.1:{port}", nil, nil, {"/dns-query"}, {idleTimeout=2})\nsetACL("127.0.0.0/8")\n'
            'addAction("spoof.test.", SpoofAction("192.0.2.1"))\n' + harness.CONSOLE +
            'newServer({address="127.0.0.1:9", tcpOnly=true, healthCheckMode="up", tcpConnectTimeout=30})\n')
        self.url = f"http://127.0.0.1:{self.proxy_.port}/dns-query?dns={encoded('spoof.test')}"
        self.path = f"/dns-query?dns={encoded('spoof.test')}"
        self.others_are_answered()
        self.before_kb = harness.resident_kb(self.proxy_.pid)

    def others_are_answered(self):
        started = time.monotonic()
        run = client.run("curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}", self.url)
        self.assertEqual(run.stdout, "200")
        self.assertLess(time.monotonic() - started, 2)

    @contextlib.contextmanager
    def attack(self):
        with client.tcp_connection(self.proxy_.port, timeout_s=10) as connection:
            connection.sendall(PREFACE + frame(SETTINGS))
            yield connection
            self.others_are_answered()
            self.assertLess(harness.resident_kb(self.proxy_.pid) - self.before_kb, MOST_KB)

    def metric(self, name):
        """Of the one frontend."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        return next(int(line.split()[-1]) for line in lines if line.startswith(f"dnsdist_frontend_{name}{{"))

    @contextlib.contextmanager
    def counted(self, *names, least=1):
        """What happens within must be counted, by these counters together."""
        before = sum(self.metric(name) for name in names)
        yield
        harness.wait_until(lambda: sum(self.metric(name) for name in names) >= before + least, names)

    def flood(self, piece, times=2000):
        """Sends until the server has ended the connection; it must, and count it."""
        with self.counted("doh_bad_requests"), self.attack() as connection:
            with contextlib.suppress(OSError):
                for number in range(times):
                    connection.sendall(piece(number) if callable(piece) else piece)
            self.assert_ended(connection)

    def assert_ended(self, connection):
        with contextlib.suppress(ConnectionError):
            client.receive_all(connection)  # a time-out is an error: the server keeps it open

    def test_rapid_reset(self):
        request = get("spoof.test")

        def piece(number):
            first = number * 20 + 1
            return b"".join(frame(HEADERS, END_STREAM | END_HEADERS, stream, request) +
                            frame(RST, 0, stream, b"\0\0\0\x08") for stream in range(first, first + 20, 2))
        self.flood(piece)

    def test_rapid_reset_of_what_waits_for_a_server(self):
        request = get("slow.test")
        self.flood(lambda n: frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, request) +
                   frame(RST, 0, 2 * n + 1, b"\0\0\0\x08"))

    def test_resets_that_the_server_is_made_to_send(self):
        request = get("slow.test")
        self.flood(lambda n: frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, request) +
                   frame(WINDOW, 0, 2 * n + 1, b"\x7f\xff\xff\xff"))

    def test_a_frame_that_breaks_the_rules_ends_the_connection(self):
        self.flood(frame(HEADERS, END_HEADERS, 1, post()) + frame(WINDOW, 0, 1, b"\0\0\0\0"), times=1)

    def test_pings(self):
        self.flood(frame(PING, 0, 0, b"12345678") * 50)

    def test_settings(self):
        self.flood(frame(SETTINGS) * 50)

    def test_priorities(self):
        self.flood(lambda n: frame(PRIORITY, 0, 2 * n + 1, b"\0\0\0\0\0") * 50)

    def test_empty_data(self):
        with self.counted("doh_bad_requests"), self.attack() as connection:
            connection.sendall(frame(HEADERS, END_HEADERS, 1, post()))
            with contextlib.suppress(OSError):
                for _ in range(500):
                    connection.sendall(frame(DATA, 0, 1) * 50)
            self.assert_ended(connection)

    def test_continuations(self):
        with self.counted("doh_bad_requests"), self.attack() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(frame(HEADERS, 0, 1, get("spoof.test")))
                for _ in range(10000):
                    connection.sendall(frame(CONTINUATION, 0, 1, text(b"a", b"b" * 100)))
            self.assert_ended(connection)

    def test_headers_that_unpack_to_megabytes(self):
        big = b"\x40" + b"\x01a" + b"\x7f\x81\x1e" + b"v" * 4000  # into the table, then named over and over
        with self.counted("doh_bad_requests"), self.attack() as connection:
            connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 1, get("spoof.test") + big + b"\xbe" * 10000))
            self.assert_ended(connection)

    def test_a_megabyte_of_query(self):
        with self.counted("doh_bad_requests"), self.attack() as connection:
            block = b"\x82\x86" + b"\x00\x05:path\x7f\x81\xff\x3f" + b"A" * 1_000_000
            with contextlib.suppress(OSError):
                connection.sendall(frame(HEADERS, END_STREAM, 1, block[:16000]))
                for at in range(16000, len(block), 16000):
                    connection.sendall(frame(CONTINUATION, 0, 1, block[at:at + 16000]))
            self.assert_ended(connection)
        run = client.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", self.url + "A" * 100_000)
        self.assertIn(run.stdout, ("431", "000"))  # 000: the connection broke while curl still sent

    def test_more_streams_than_allowed_are_refused(self):
        with self.counted("doh_refused_requests", least=100), self.attack() as connection:
            for stream in range(1, 401, 2):
                connection.sendall(frame(HEADERS, END_HEADERS, stream, post()))
            self.assert_ended(connection)

    def test_slow_bodies_are_given_up(self):
        with self.counted("tcpclienttimeouts"), self.counted("doh_refused_requests", least=100), \
                self.attack() as connection:
            for stream in range(1, 201, 2):
                connection.sendall(frame(HEADERS, END_HEADERS, stream, post()) + frame(DATA, 0, stream, b"x" * 600))
            self.others_are_answered()
            self.assert_ended(connection)

    def test_a_client_that_does_not_read(self):
        with self.counted("tcpdiedsendingresponse", "tcpclienttimeouts"), self.attack() as connection:
            connection.sendall(frame(WINDOW, 0, 0, b"\x3f\0\0\0"))
            self.others_are_answered()
            open_ = self.descriptors()
            connection.settimeout(0.5)
            with contextlib.suppress(OSError):
                for stream in range(1, 400_001, 2):
                    connection.sendall(frame(HEADERS, END_STREAM | END_HEADERS, stream, get("spoof.test")))
            harness.wait_until(lambda: self.descriptors() < open_, "the connection to be given up")

    def test_a_window_that_is_never_opened(self):
        with self.counted("tcpclienttimeouts"), self.attack() as connection:
            connection.sendall(frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
            for stream in range(1, 201, 2):
                connection.sendall(frame(HEADERS, END_STREAM | END_HEADERS, stream, get("spoof.test")))
            self.assert_ended(connection)

    def test_a_window_that_is_never_opened_between_pings(self):
        with self.attack() as connection:
            connection.sendall(frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
            for stream in range(1, 21, 2):
                connection.sendall(frame(HEADERS, END_STREAM | END_HEADERS, stream, get("spoof.test")))
            ended = time.monotonic() + 15
            with contextlib.suppress(OSError):
                while time.monotonic() < ended:
                    connection.sendall(frame(PING, 0, 0, b"12345678"))
                    connection.settimeout(0.2)
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(65536):
                            return
            self.assertLess(time.monotonic(), ended, "the connection lives on")

    def test_pipelined_requests_get_all_their_answers_or_none(self):
        with client.tcp_connection(self.proxy_.port, timeout_s=10) as connection:
            request = f"GET {self.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            connection.sendall(request * 500)
            connection.shutdown(socket.SHUT_WR)
            got = client.receive_all(connection)
        self.assertEqual(got.count(b"HTTP/1.1 200"), 500)

    def test_trailers_do_not_stand_for_headers(self):
        proxy = self.proxy(
            'addDOHLocal("127.0.0.1:{port}", nil, nil, {"/dns-query"}, {trustForwardedForHeader=true})\n'
            'setACL("192.0.2.0/24")\naddAction(AllRule(), SpoofAction("192.0.2.1"))\n')
        query = client.question("a.test").to_wire()
        with client.tcp_connection(proxy.port, timeout_s=10) as connection:
            head = post() + text(b"content-type", b"application/dns-message") + text(b"x-forwarded-for", b"198.51.100.1")
            connection.sendall(PREFACE + frame(SETTINGS) + frame(HEADERS, END_HEADERS, 1, head) +
                               frame(DATA, 0, 1, query) +
                               frame(HEADERS, END_HEADERS | END_STREAM, 1, text(b"x-forwarded-for", b"192.0.2.7")))
            connection.settimeout(1)
            got = b""
            with contextlib.suppress(TimeoutError):
                while chunk := connection.recv(65536):
                    got += chunk
        self.assertNotIn(query[12:20], got)  # 403, without the question

    def test_a_slow_server_behind_bounds_what_is_asked(self):
        """Requests for what no server answers, taken back at once: those in flight stay few."""
        request = get("slow.test")
        with self.attack() as connection:
            for stream in range(1, 121, 2):
                connection.sendall(frame(HEADERS, END_STREAM | END_HEADERS, stream, request) +
                                   frame(RST, 0, stream, b"\0\0\0\x08"))

    def test_idle_and_silent_connections_end(self):
        with self.counted("tcpclienttimeouts", least=2), client.tcp_connection(self.proxy_.port) as silent, \
                self.attack() as connection:
            self.assert_ended(silent)
            self.assert_ended(connection)

    def test_one_byte_at_a_time(self):
        request = PREFACE + frame(SETTINGS) + frame(HEADERS, END_STREAM | END_HEADERS, 1, get("spoof.test"))
        with client.tcp_connection(self.proxy_.port) as connection:
            for byte in request:
                connection.sendall(bytes([byte]))
            self.assertIn(b"\xc0\x00\x02\x01", client.receive_all(connection))

    def descriptors(self):
        return self.proxy_.resources()[1]


if __name__ == "__main__":
    unittest.main()
