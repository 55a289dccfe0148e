#!/usr/bin/python3
"""The Unix control socket and breakwaterctl, as a provisioning script uses them."""

import json
import os
import socket
import stat
import threading
import time
import unittest

from client import ask, run
from harness import CONSOLE, CONTROL, IS_DNSDIST, SystemTest, temp_folder, wait_until, write_file
from nameservers import Nsd

ZONE = ("$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
        + "".join(f"h{n} IN A 192.0.2.{n}\n" for n in range(1, 50)))


@unittest.skipIf(IS_DNSDIST, "dnsdist has no control socket")
class Control(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE, "example.net": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def setUp(self):
        self.path = os.path.join(temp_folder(), "control.sock")
        self.running = self.proxy(
            f'controlUnixSocket("{self.path}", {{mode="0600"}})\n'
            f'newServer{{address="127.0.0.1:{self.nsd.port}", name="first", checkName="example.org"}}\n'
            f'newServer{{address="127.0.0.1:{self.nsd.port}", name="second", checkName="example.org"}}\n'
            'getPool(""):setCache(newPacketCache(1000))\n'
            'addAction(QNameRule("refused.example.org"), RCodeAction(DNSRCode.REFUSED), {name="no"})\n')

    def control(self, *arguments):
        return run(CONTROL, "--socket", self.path, *arguments)

    def json(self, *arguments):
        result = self.control("--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return json.loads(result.stdout.strip().splitlines()[-1])

    def aged(self, name):
        """Asks until the answer comes from the cache with a lower TTL."""
        wait_until(lambda: ask(name, port=self.running.port).answer[0].ttl < 300, "an aged hit")

    def fresh(self, name):
        return ask(name, port=self.running.port).answer[0].ttl == 300

    def test_the_socket_has_the_mode_of_the_configuration(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_status_servers_and_rules_are_told_as_text_and_json(self):
        self.assertIn("first", self.control("servers").stdout)
        self.assertIn("qname==refused.example.org", self.control("rules").stdout)
        self.assertEqual(self.control("status").returncode, 0)
        servers = self.json("servers")["servers"]
        self.assertEqual([s["name"] for s in servers], ["first", "second"])
        self.assertTrue(self.json("status")["ok"])
        self.assertIn("caches", self.json("cache", "stats"))

    def test_a_server_is_taken_out_and_put_back(self):
        for state, up in (("down", False), ("up", True), ("auto", True)):
            self.assertEqual(self.control("server", "first", state).returncode, 0)
            self.assertEqual(self.json("servers")["servers"][0]["up"], up, state)
        self.assertNotEqual(self.control("server", "nobody", "down").returncode, 0)

    def test_lua_that_is_busy_does_not_hold_up_health_checks_and_control(self):
        path = os.path.join(temp_folder(), "busy.sock")
        proxy = self.proxy(CONSOLE + f'controlUnixSocket("{path}")\n'
                           f'newServer{{address="127.0.0.1:{self.nsd.port}", checkInterval=1, checkFunction='
                           'function() return newDNSName("example.org."), DNSQType.SOA, 1 end}\n')
        busy = threading.Thread(target=proxy.console, args=("local e = os.time() + 5 while os.time() < e do end",))
        busy.start()
        slowest = 0
        states = set()
        while busy.is_alive():
            before = time.monotonic()
            self.assertEqual(run(CONTROL, "--socket", path, "status").returncode, 0)
            slowest = max(slowest, time.monotonic() - before)
            servers = json.loads(run(CONTROL, "--socket", path, "--json", "servers").stdout)
            states.add(servers["servers"][0]["up"])
        busy.join()
        self.assertLess(slowest, 2)
        self.assertEqual(states, {True})  # it is not the server's fault
        self.assertEqual(ask("h1.example.org", port=proxy.port).rcode(), 0)

    def test_flushing_a_name_makes_it_fresh_and_leaves_others(self):
        for name in ("h1.example.org", "h2.example.org"):
            self.aged(name)
        self.assertEqual(self.control("flush", "h1.example.org").returncode, 0)
        self.assertTrue(self.fresh("h1.example.org"))
        self.assertFalse(self.fresh("h2.example.org"))

    def test_flushing_a_suffix_makes_all_below_fresh(self):
        names = ["h3.example.org", "h4.example.org", "h3.example.net"]
        for name in names:
            self.aged(name)
        self.assertEqual(self.control("flush", "example.org", "--suffix").returncode, 0)
        self.assertEqual([self.fresh(name) for name in names], [True, True, False])

    def test_a_soft_flush_can_be_undone(self):
        self.aged("h5.example.org")
        flush = self.json("flush", "h5.example.org")
        self.assertEqual(self.control("flush", "undo", str(flush["id"])).returncode, 0)
        self.assertFalse(self.fresh("h5.example.org"))

    def test_a_list_is_flushed_at_a_pace(self):
        names = [f"h{n}.example.org" for n in range(10, 40)]
        for name in names:
            self.aged(name)
        listed = write_file(temp_folder(), "zones.txt", "".join(name + "\n" for name in names))
        result = self.control("flush", "--list", listed, "--rate", "100")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertTrue(all(self.fresh(name) for name in names))

    def test_many_requests_go_over_one_connection(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.connect(self.path)
            stream = control.makefile("rb")
            for number in range(1000):
                control.sendall(json.dumps({"command": "flush", "name": f"n{number}.example.org"}).encode() + b"\n")
                self.assertTrue(json.loads(stream.readline())["ok"])

    def test_rubbish_is_refused_and_harms_nobody(self):
        for rubbish in (b"x\n", b"{}\n", b"[1,2]\n", b'{"command":"no"}\n', b'{"command":"flush"}\n', b"\xff\x00\n",
                        b"{" * 1000 + b"\n", b"a" * 100000 + b"\n"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.connect(self.path)
                control.settimeout(5)
                try:
                    control.sendall(rubbish)
                    answer = control.makefile("rb").readline()
                except ConnectionError:
                    continue
                if answer:
                    self.assertFalse(json.loads(answer)["ok"], rubbish[:20])
        self.assertEqual(self.control("status").returncode, 0)

    def test_wrong_use_exits_with_an_error(self):
        for arguments in (["no-such-command"], ["flush"], ["flush", "undo", "999"], ["server", "first", "sideways"]):
            result = self.control(*arguments)
            self.assertNotEqual(result.returncode, 0, arguments)
            self.assertTrue(result.stdout + result.stderr, arguments)
        self.assertNotEqual(run(CONTROL, "--socket", "/nonexistent/socket", "status").returncode, 0)


if __name__ == "__main__":
    unittest.main()
