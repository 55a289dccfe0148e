#!/usr/bin/python3
"""Forty thousand zones in PowerDNS's SQLite backend, asked at random through a cache."""

import random
import unittest

from client import Dnsperf, ask, content, run
from harness import SANITIZED, SystemTest, temp_folder, write_file
from nameservers import Database, PowerDns

COUNT = 4000 if SANITIZED else 40000


class Zones(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.zones = [f"customer-{n}.example" for n in range(COUNT)]
        database = Database()
        database.add_zones(cls.zones)
        cls.backend = PowerDns(database, cls.zones[0])

    @classmethod
    def tearDownClass(cls):
        cls.backend.kill()

    def test_random_questions_over_all_zones_are_answered_as_by_the_backend(self):
        proxy = self.proxy(f'newServer{{address="127.0.0.1:{self.backend.port}", checkName="{self.zones[0]}"}}\n'
                           'getPool(""):setCache(newPacketCache(100000))')
        chooser = random.Random(1)
        lines = [f"{chooser.choice(['', 'www.'])}{zone} {chooser.choice(['A', 'SOA', 'NS'])}\n"
                 for zone in chooser.choices(self.zones, k=COUNT)]
        path = write_file(temp_folder(), "queries", "".join(lines))
        for tcp in (False, True):
            report = run("dnsperf", "-s", "127.0.0.1", "-p", str(proxy.port), "-d", path, "-n", "1", "-q", "50",
                         *(["-m", "tcp"] if tcp else []), timeout_s=300).stdout
            self.assertRegex(report, rf"Queries completed:\s+{COUNT} \(100.00%\)")
            self.assertRegex(report, rf"Response codes:\s+NOERROR {COUNT} \(100.00%\)")
        for zone in chooser.sample(self.zones, 500):
            for qtype in ("A", "SOA", "MX"):
                through = ask(zone, qtype, port=proxy.port, use_edns=0)
                self.assertEqual(content(through), content(ask(zone, qtype, port=self.backend.port, use_edns=0)))

    def test_a_name_of_another_zone_is_refused_as_by_the_backend(self):
        proxy = self.proxy(f'newServer{{address="127.0.0.1:{self.backend.port}", checkName="{self.zones[0]}"}}')
        self.assertEqual(ask("somebody-else.test", port=proxy.port).rcode(), 5)

    def test_a_load_beyond_what_the_backend_can_do_ends_in_timeouts_not_in_silence_afterwards(self):
        proxy = self.proxy(f'newServer{{address="127.0.0.1:{self.backend.port}", checkName="{self.zones[0]}"}}\n'
                           'setUDPTimeout(1)')
        lines = [f"x{n}.customer-{n % COUNT}.example A\n" for n in range(100000)]
        path = write_file(temp_folder(), "queries", "".join(lines))
        Dnsperf(proxy.port, path, 5, window=2000, timeout_s=2).report()
        for zone in self.zones[:50]:
            self.assertEqual(ask(zone, port=proxy.port).rcode(), 0)


if __name__ == "__main__":
    unittest.main()
