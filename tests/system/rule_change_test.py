#!/usr/bin/python3
"""A rule among ten thousand is replaced while queries come: none is lost, and none sees the chain without it."""

import re
import subprocess
import time
import unittest

from client import Dnsperf, addresses, ask
from harness import (BINARY, CONSOLE, SANITIZED, SystemTest, breakwater_only, child_environment, full_speed_only,
                     temp_folder, write_file)

RULES, PLACE, CHANGES = 10000, 5000, 20
CONFIG = CONSOLE + f"""
for i = 1, {RULES} do addAction(QNameRule("n" .. i .. ".example"), RCodeAction(DNSRCode.NXDOMAIN)) end
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
function replace(address)
  rmRule("asked")
  addAction(QNameRule("asked.example"), SpoofAction(address), {{name="asked"}})
  mvRule({RULES + 1}, {PLACE})
end
addAction(QNameRule("asked.example"), SpoofAction("192.0.2.1"), {{name="asked"}})
mvRule({RULES + 1}, {PLACE})
"""


@breakwater_only
class RuleChange(SystemTest):
    def changes(self, proxy):
        """Replaces the rule that often, each time published by itself; the seconds that one took."""
        lines = "".join(f'replace("192.0.2.{2 + n % 200}")\n' for n in range(CHANGES))
        # The client reads a file as well: one without the rules.
        with open(proxy.config_path, encoding="utf-8") as file:
            console = "".join(line for line in file if re.match("setKey|controlSocket", line))
        config = write_file(temp_folder(), "console.conf", console)
        before = time.monotonic()
        run = subprocess.run([BINARY, "-C", config, "-c"], input=lines, check=False, capture_output=True,
                             text=True, timeout=120, env=child_environment())
        self.assertNotIn("Error", run.stdout + run.stderr)
        return (time.monotonic() - before) / CHANGES

    def test_no_query_is_lost_or_answered_without_the_rule(self):
        proxy = self.proxy(CONFIG)
        self.assertEqual(addresses(ask("asked.example", port=proxy.port)), ["192.0.2.1"])
        names = write_file(temp_folder(), "names", "asked.example A\n")
        load = Dnsperf(proxy.port, names, 5, qps=100 if SANITIZED else 1000)
        rounds = 0
        while load.running():
            self.changes(proxy)
            rounds += 1
        report = load.report()
        self.assertGreater(rounds, 0)
        self.assertGreater(report["completed"], 100)
        self.assertEqual((report["lost"], list(report["rcodes"])), (0, ["NOERROR"]), report["text"])
        self.assertEqual(addresses(ask("asked.example", port=proxy.port)), [f"192.0.2.{1 + CHANGES}"])

    @full_speed_only
    def test_a_change_takes_less_than_50_ms(self):
        proxy = self.proxy(CONFIG)
        # The least of several: the machine may have other work.
        self.assertLess(min(self.changes(proxy) for _ in range(5)), 0.05)


if __name__ == "__main__":
    unittest.main()
