#!/usr/bin/python3
"""Zone transfers through the proxy, and who may use it at all."""

import fcntl
import sys
import termios
import time
import unittest

import dns.exception

from client import ask, framed, question, read_framed, run, tcp_connection
from harness import CONSOLE, IS_DNSDIST, SANITIZED, SystemTest, breakwater_only, resident_kb, wait_until
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

    def await_full_buffer(self, connection):
        seen = [0, time.monotonic()]  # what lies unread in the client's socket, and since when

        def is_full():
            if unread(connection) != seen[0]:
                seen[:] = [unread(connection), time.monotonic()]
            return seen[0] > 0 and time.monotonic() - seen[1] > 0.5
        wait_until(is_full, "the client's buffer to fill")

    @breakwater_only
    def test_a_client_that_does_not_read_holds_the_nameserver_back(self):
        big = self.started(Nsd({"example.org": ZONE + "".join(
            f"big{n} IN TXT \"{'x' * 250}\"\n" for n in range(100000))}))  # 28 MB, more than buffers take
        proxy = self.proxy(f'setTCPSendTimeout(60)\nnewServer("127.0.0.1:{big.port}")')
        self.assertEqual(ask("ns1.example.org", port=proxy.port, tcp=True).rcode(), 0)
        before = resident_kb(proxy.pid)
        with tcp_connection(proxy.port, timeout_s=30) as slow:
            slow.sendall(framed(question("example.org", "AXFR").to_wire()))
            self.await_full_buffer(slow)
            self.assertEqual(ask("ns1.example.org", port=proxy.port).rcode(), 0)
            if not SANITIZED:
                self.assertLess(resident_kb(proxy.pid) - before, 10000)
            answers = 0
            while answers < RECORDS + 100000 + 4:
                message = read_framed(slow)
                self.assertIsNotNone(message, answers)
                answers += int.from_bytes(message[6:8], "big")

    @breakwater_only
    def test_many_transfers_of_one_connection_wait_for_a_slow_client(self):
        count = 150
        proxy = self.proxy('setTCPSendTimeout(60)\naddLocal("127.0.0.1:{port}", {maxInFlight=1000})\n'
                           f'newServer("127.0.0.1:{self.nsd.port}")')
        with tcp_connection(proxy.port, timeout_s=30) as slow:
            slow.sendall(b"".join(framed(question("example.org", "AXFR").to_wire()) for _ in range(count)))
            self.await_full_buffer(slow)
            answers = 0
            while answers < count * (RECORDS + 4):
                message = read_framed(slow)
                self.assertIsNotNone(message, answers)
                answers += int.from_bytes(message[6:8], "big")

    @breakwater_only  # 1.7.3 adds the client subnet to signed queries too
    def test_signatures_hold(self):
        secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
        closed = self.started(Nsd({"example.org": ZONE}, key=secret))
        proxy = self.proxy(f'newServer{{address="127.0.0.1:{closed.port}", useClientSubnet=true}}')
        plain = ["dig", "@127.0.0.1", "-p", str(proxy.port), "ExAmple.org", "AXFR"]
        self.assertIn("Transfer failed", run(*plain).stdout)
        signed = run(*plain, "-y", f"hmac-sha256:k.:{secret}")
        self.assertEqual(signed.stdout.count("\tTXT\t"), RECORDS)
        said = [line for line in (signed.stdout + signed.stderr).splitlines() if line.startswith(";")]
        self.assertEqual([line for line in said if "verify" in line or "WARNING" in line], [])

    def test_a_rule_refuses_transfers(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")\n'
                           "addAction(OrRule({QTypeRule(DNSQType.AXFR), QTypeRule(DNSQType.IXFR)}), "
                           "RCodeAction(DNSRCode.REFUSED))")
        for tcp in (False, True):
            self.assertEqual(ask("example.org", "AXFR", port=proxy.port, tcp=tcp).rcode(), 5)
            self.assertEqual(ask("ns1.example.org", "A", port=proxy.port, tcp=tcp).rcode(), 0)


def unread(connection):
    return int.from_bytes(fcntl.ioctl(connection, termios.FIONREAD, b"\0" * 4), sys.byteorder)


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
