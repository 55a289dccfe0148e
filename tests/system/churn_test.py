#!/usr/bin/python3
"""Servers, rules and caches that come and go ten thousand times leave nothing behind."""

import subprocess
import unittest

from client import Dnsperf
from harness import BINARY, CONSOLE, SANITIZED, SystemTest, breakwater_only, child_environment, temp_folder, write_file
from nameservers import Nsd

ROUNDS = 1000 if SANITIZED else 10000
ZONE = "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n*.w IN A 192.0.2.1\n"


@breakwater_only
class Churn(SystemTest):
    def setUp(self):
        self.nsd = self.started(Nsd({"example.org": ZONE}))
        self.server = f'{{address="127.0.0.1:{self.nsd.port}", healthCheckMode="up"}}'
        self.served = self.proxy(CONSOLE + f"newServer{self.server}\n")

    def run_commands(self, line, count):
        """The line so many times through one console connection: each is a change published on its own."""
        run = subprocess.run([BINARY, "-C", self.served.config_path, "-c"], input=f"{line} done = (done or 0) + 1\n" * count, check=False,
                             capture_output=True, text=True, timeout=300, env=child_environment())
        self.assertEqual(run.returncode, 0, run.stderr[-1000:])
        self.assertNotIn("Error", run.stdout + run.stderr)

    def check_flat(self, line):
        queries = write_file(temp_folder(), "queries", "".join(f"n{n}.w.example.org A\n" for n in range(1000)))
        load = Dnsperf(self.served.port, queries, 600, qps=500)
        self.addCleanup(load.stop)
        self.run_commands(line, ROUNDS // 10)
        before = self.served.resources()
        self.run_commands(line, ROUNDS)
        after = self.served.resources()
        self.assertLess(after[0], before[0] + 8000 + (40000 if SANITIZED else 0), f"resident kB: {before} -> {after}")
        self.assertLessEqual(after[1], before[1] + 10, f"descriptors: {before} -> {after}")
        self.assertEqual(int(self.served.console("return done")), ROUNDS + ROUNDS // 10)

    def test_servers(self):
        self.check_flat(f"s = newServer{self.server} rmServer(s)")

    def test_rules(self):
        self.check_flat('addAction(QNameSuffixRule("x.example."), DropAction(), {name="x"}) rmRule("x")')

    def test_caches(self):
        self.check_flat('getPool("other"):setCache(newPacketCache(100)) getPool("other"):unsetCache()')


if __name__ == "__main__":
    unittest.main()
