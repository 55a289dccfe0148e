#!/usr/bin/python3
"""Runs the same configurations and questions through dnsdist 1.7.3 and Breakwater and compares.

differential_test.py [-v] [Differential.test_NAME ...]; the cases are in cases_*.py beside it.
"""

import collections
import glob
import importlib
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(os.path.dirname(os.path.dirname(HERE)), "support")]

import known_failures  # noqa: E402
from harness import BINARY, CONSOLE, DNSDIST, IS_DNSDIST, ROOT, Proxy  # noqa: E402
from nameservers import Nsd  # noqa: E402
from outcome import Burst, Exchange, burst_order, same  # noqa: E402
from probe import Probe  # noqa: E402

with open(os.path.join(ROOT, "examples/zones/example.org.zone"), encoding="utf-8") as zone_file:
    ZONE = zone_file.read()
ZONES = {"example.org": ZONE, "example.net": ZONE.replace("example.org", "example.net"),
         "2.0.192.in-addr.arpa": "$TTL 60\n@ IN SOA ns host 1 2 3 4 5\n@ IN NS ns.example.org.\n1 IN PTR a.example.org.\n"}
SHOW = os.environ.get("DIFFERENTIAL_SHOW")  # prints what dnsdist answered, to judge a case by
OLD_ONLY = 'setSecurityPollSuffix("")\n'


class Differential(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd(ZONES)

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def run_case(self, case):
        probes = {name: Probe(name) for name in ("one", "two", "three")}
        for probe in probes.values():
            self.addCleanup(probe.close)
        ports = {"nsd": self.nsd.port, **{name: probe.port for name, probe in probes.items()}}
        newer = case.config if IS_DNSDIST else case.newer or case.config
        old, new = (self.launch(binary, text, ports) for binary, text in
                    ((DNSDIST, OLD_ONLY + case.config), (BINARY, newer)))
        for proxy in (old, new):
            proxy.start()
        if case.tally:
            self.assertEqual(self.tally(case, old, probes), self.tally(case, new, probes))
        else:
            for index, question in enumerate(case.questions):
                self.compare(case, index, question, (old, new))
        for command in case.console:
            self.compare_console(case, command, old, new)
        self.assertTrue(old.running() and new.running())
        for proxy in (old, new):
            status = proxy.stop()
            self.assertIn(status, (0,) if proxy.binary != DNSDIST else (0, -15), proxy.log()[-4000:])

    def launch(self, binary, text, ports):
        for name, port in ports.items():
            text = text.replace("{" + name + "}", str(port))
        proxy = Proxy(CONSOLE + text, binary=binary)
        self.addCleanup(proxy.kill)
        return proxy

    def compare(self, case, index, question, proxies):
        if isinstance(question, Burst):
            self.assertEqual(*(burst_order(question, proxy.port) for proxy in proxies))
            return
        for round_number in range(question.times):
            message_id = 1000 + index * 16 + round_number
            exchanges = [Exchange(question, proxy.port, message_id) for proxy in proxies]
            old, new = (exchange.finish() for exchange in exchanges)
            if question.qtype == "ANY":  # spoofed records of several types come in random order
                old, new = sorted(old), sorted(new)
            if SHOW:
                print(case.name, index, round_number, *old, sep="\n    ")
            if case.raw_answers and question.has_edns() and not IS_DNSDIST:
                old.append("edns 0 size 1232" + (" do" if question.do else ""))
            if index in case.differs and not IS_DNSDIST:
                self.check_difference(case.differs[index], new, question)
            elif not same(old, new):
                self.assertEqual(old, new, f"question {index}, round {round_number}: {question}")

    def check_difference(self, difference, lines, question):
        reason, *wanted = difference
        for line in wanted:
            if line.startswith("-"):
                self.assertFalse([x for x in lines if re.search(line[1:], x)], (reason, question, lines))
            else:
                self.assertTrue([x for x in lines if re.search(line, x)], (reason, question, line, lines))

    def tally(self, case, proxy, probes):
        before = {name: probe.seen for name, probe in probes.items()}
        for index, question in enumerate(case.questions):
            for round_number in range(question.times):
                Exchange(question, proxy.port, index * 100 + round_number).finish()
        return collections.Counter({name: probe.seen - before[name] for name, probe in probes.items()})

    def compare_console(self, case, command, old, new):
        outputs = [normalised(proxy.console(command), proxy) for proxy in (old, new)]
        if "showDynBlocks" in command:  # the seconds that are left
            outputs = [[re.sub(r"^(\S+) \d+ ", r"\1 SECONDS ", line) for line in lines] for lines in outputs]
        if SHOW:
            print(case.name, command, *outputs[0], sep="\n    ")
        if command in case.console_differs:
            if not IS_DNSDIST:
                self.check_difference(case.console_differs[command], outputs[1], command)
        else:
            self.assertEqual(outputs[0], outputs[1], command)


def normalised(text, proxy):
    """Without column widths, own port, latencies and UUIDs, which say nothing about behaviour."""
    text = text.replace(str(proxy.port), "PORT").replace(str(proxy.console_port), "CONSOLE")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]


def add_cases():
    seen = set()
    for path in sorted(glob.glob(os.path.join(HERE, "cases_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for case in module.CASES:
            assert case.name not in seen, f"two cases are called {case.name}"
            seen.add(case.name)
            setattr(Differential, f"test_{case.name}", lambda self, case=case: self.run_case(case))
    return len(seen)


COUNT = add_cases()
if not IS_DNSDIST:
    known_failures.mark(Differential)
assert COUNT >= 60, f"only {COUNT} cases"

if __name__ == "__main__":
    unittest.main()
