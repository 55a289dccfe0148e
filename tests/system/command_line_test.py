#!/usr/bin/python3
"""Flags, exit statuses and the exact lines that scripts look for."""

import json
import os
import re
import signal
import socket
import unittest

import dns.exception

from client import Dnsperf, ask, run
from harness import (BINARY, CONSOLE, IS_DNSDIST, Proxy, SystemTest, breakwater_only, free_port, temp_folder,
                     wait_until, write_file)
from nameservers import Nsd

ZONE = "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"


class CheckConfig(unittest.TestCase):
    def check(self, text, *arguments, name="a.conf"):
        path = write_file(temp_folder(), name, text)
        return path, run(BINARY, "-C", path, "--check-config", *arguments)

    def test_a_good_file_gives_exactly_one_line(self):
        path, result = self.check('newServer("127.0.0.1:5301")\naddAction(AllRule(), DropAction())\n')
        self.assertEqual(result.stdout + result.stderr, f"Configuration '{path}' OK!\n")
        self.assertEqual(result.returncode, 0)

    @breakwater_only
    def test_a_good_file_gives_exactly_one_structured_line(self):
        _, result = self.check('newServer("127.0.0.1:5301")\n', "--structured-logging", "true")
        text = result.stdout + result.stderr
        self.assertRegex(text, r'\Amsg="Configuration OK" subsystem="setup" level="0" prio="Info" '
                               r'ts="\d+\.\d{3}"[^\n]*\n\Z')
        self.assertEqual(result.returncode, 0)

    @breakwater_only
    def test_lines_are_objects_of_json_where_asked_for(self):
        for more in ("", "newServer{address='127.0.0.1:5301', maxCheckFailure=2}\n"):
            _, result = self.check(more, "--structured-logging", "true", "--structured-logging-backend", "json")
            lines = [json.loads(line) for line in result.stderr.splitlines()]
            self.assertEqual(result.stdout, "")
            self.assertEqual(len(lines), 2 if more else 1)
            self.assertEqual((lines[-1]["msg"], lines[-1]["subsystem"]), ("Configuration OK", "setup"))
            self.assertEqual({key for line in lines for key in line}, {"level", "msg", "priority", "subsystem", "ts"})

    def test_an_error_names_file_and_line_and_exits_with_1(self):
        for text in ("newServer('127.0.0.1:5301')\naddAction(AllRule(\n", "local a = 1\nnoSuchFunction()\n",
                     "\nerror('on purpose')\n", "\nnewServer({})\n"):
            path, result = self.check(text)
            self.assertEqual(result.returncode, 1, text)
            self.assertNotIn("OK!", result.stdout)
            if not IS_DNSDIST:
                self.assertRegex(result.stdout + result.stderr, re.escape(path) + r":2\b|" + re.escape(path) + r":3\b")

    def test_a_server_without_an_address_is_told_and_left_out_unless_the_file_is_strict(self):
        text = "\nprint(newServer('not an address') == nil)\n"
        path, result = self.check(text)
        self.assertEqual(result.returncode, 0)
        self.assertIn("OK!", result.stdout)
        if not IS_DNSDIST:
            self.assertIn(f"{path}:2: newServer: ", result.stdout + result.stderr)
            self.assertEqual(self.check(text, "--strict")[1].returncode, 1)

    def test_an_unfinished_name_is_an_error_that_says_so(self):
        if IS_DNSDIST:
            self.skipTest("nothing is unfinished there")
        path, result = self.check('-- a comment\naddDOQLocal("127.0.0.1:8443", "/c", "/k")\n')
        self.assertEqual(result.returncode, 1)
        self.assertIn("addDOQLocal is not available yet", result.stdout + result.stderr)
        self.assertIn(path + ":2", result.stdout + result.stderr)

    @breakwater_only
    def test_an_unknown_option_is_told_with_the_nearest(self):
        line = 'newServer{address="127.0.0.1:5301", maxCheckFailure=2}\n'
        path, result = self.check(line)
        self.assertEqual(result.returncode, 0)
        self.assertIn("maxCheckFailures", result.stdout + result.stderr)
        self.assertIn(path + ":1", result.stdout + result.stderr)
        _, result = self.check("setStrictConfig(true)\n" + line)
        self.assertEqual(result.returncode, 1)
        self.assertIn("maxCheckFailures", result.stdout + result.stderr)

    @breakwater_only
    def test_a_missing_file_is_an_error(self):
        for extra in (["--check-config"], ["--supervised"]):
            result = run(BINARY, "-C", "/nonexistent/file.conf", *extra)
            self.assertEqual(result.returncode, 1)
            self.assertIn("/nonexistent/file.conf", result.stdout + result.stderr)

    @breakwater_only
    def test_an_unreadable_file_is_an_error(self):
        folder = temp_folder()
        result = run(BINARY, "-C", folder, "--check-config")
        self.assertEqual(result.returncode, 1)
        self.assertIn(folder, result.stdout + result.stderr)


class Flags(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def test_help_and_version_exit_with_0(self):
        for flag in ("--help", "-h", "--version", "-V"):
            result = run(BINARY, flag)
            self.assertEqual(result.returncode, 0, flag)
            self.assertTrue(result.stdout, flag)

    def test_an_unknown_flag_exits_with_1(self):
        self.assertEqual(run(BINARY, "--no-such-flag").returncode, 1)

    def test_listeners_and_backends_can_be_given_on_the_command_line(self):
        port = free_port()
        proxy = Proxy('setVerboseHealthChecks(false)\n--setLocal("")', arguments=[
            "-l", f"127.0.0.1:{port}", "-l", f"[::1]:{port}", f"127.0.0.1:{self.nsd.port}"])
        self.addCleanup(self.stop_cleanly, proxy)
        proxy.port = port
        proxy.start()
        for host in ("127.0.0.1", "::1"):
            self.await_answer(port, host)

    def await_answer(self, port, host="127.0.0.1"):
        """On a busy machine the first health check may come to nothing: then the next one decides."""
        def answered():
            try:
                return ask("ns1.example.org", port=port, host=host, timeout_s=2).rcode() == 0
            except dns.exception.Timeout:
                return False
        wait_until(answered, f"an answer from {host}:{port}")

    def test_sigterm_under_load_ends_with_status_0(self):
        proxy = self.proxy(CONSOLE + f'newServer("127.0.0.1:{self.nsd.port}")')
        queries = write_file(temp_folder(), "queries", "ns1.example.org A\nnone.example.org A\n")
        loads = [Dnsperf(proxy.port, queries, 3, qps=500, timeout_s=1, tcp=tcp) for tcp in (False, True)]
        wait_until(lambda: proxy.stat("queries") > 200, "the load to arrive")
        status = proxy.stop(timeout_s=10)
        for load in loads:
            load.process.kill()
            load.process.communicate()
        if not IS_DNSDIST:
            self.assertEqual(status, 0, proxy.log())

    @breakwater_only
    def test_sigint_ends_with_status_0(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        proxy.signal(signal.SIGINT)
        self.assertEqual(proxy.wait(10), 0)

    @breakwater_only
    def test_sighup_does_not_disturb_service(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        for _ in range(3):
            proxy.signal(signal.SIGHUP)
            self.await_answer(proxy.port)
        self.assertTrue(proxy.running())

    def await_udp_sockets(self, port, count):
        """One reading of the table may miss a line when sockets of others come and go meanwhile."""
        def counted():
            with open("/proc/net/udp", encoding="ascii") as table:
                return sum(line.split()[1].endswith(f":{port:04X}") for line in table.readlines()[1:]) == count
        wait_until(counted, f"{count} UDP sockets on port {port}")

    @breakwater_only
    def test_every_worker_has_its_own_socket(self):
        for workers in (1, 3):
            proxy = self.proxy(f'setWorkers({workers})\nnewServer("127.0.0.1:{self.nsd.port}")')
            self.await_udp_sockets(proxy.port, workers)

    @breakwater_only
    def test_one_worker_for_each_cpu_by_default(self):
        proxy = self.proxy(f'newServer("127.0.0.1:{self.nsd.port}")')
        self.await_udp_sockets(proxy.port, len(os.sched_getaffinity(0)))

    def test_a_port_in_use_is_a_clear_error(self):
        for kind, name in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
            with socket.socket(socket.AF_INET, kind) as owner:
                if kind == socket.SOCK_STREAM:  # a connection of an earlier test may linger on that port
                    owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                owner.bind(("127.0.0.1", free_port()))
                if kind == socket.SOCK_STREAM:
                    owner.listen(1)
                port = owner.getsockname()[1]
                proxy = Proxy(f'setLocal("127.0.0.1:{port}")')
                status = proxy.wait(20)
                self.assertEqual(status, 1, name)
                self.assertRegex(proxy.log(), "(?i)address already in use")
                self.assertIn(str(port), proxy.log())

    def test_an_address_that_no_interface_has_yet_is_served_once_one_has_it(self):
        later = "198.18.78.1"
        proxy = self.proxy(f'setLocal("127.0.0.1:{{port}}")\naddLocal("{later}:{{port}}")\n'
                           f'addACL("{later}/32")\naddAction(AllRule(), SpoofAction("192.0.2.80"))')
        if not IS_DNSDIST:
            for kind in ("UDP", "TCP"):
                self.assertIn(f"no interface has the address of {kind} {later}:{proxy.port} yet", proxy.log())
        run("ip", "addr", "add", f"{later}/32", "dev", "lo")
        self.addCleanup(run, "ip", "addr", "del", f"{later}/32", "dev", "lo")
        for more in ([], ["+tcp"]):
            answer = run("dig", "+short", "+tries=1", "+time=5", f"@{later}", "-p", str(proxy.port), "a.example", *more)
            self.assertEqual(answer.stdout.strip(), "192.0.2.80")


if __name__ == "__main__":
    unittest.main()
