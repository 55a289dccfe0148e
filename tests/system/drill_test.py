#!/usr/bin/python3
"""A standby of zone files behind a real PowerDNS is drilled: one of its two zones holds something else."""

import json
import os
import subprocess
import unittest

import dns.rcode

from client import addresses, ask, run
from harness import BINARY, CONSOLE, CONTROL, SystemTest, breakwater_only, temp_folder, wait_until, write_file
from nameservers import Database, PowerDns

SAME, OTHER = "same.example", "other.example"
CONFIG = CONSOLE + """
setLocal("127.0.0.1:{port}")
newServer{address="127.0.0.1:PDNS", name="pdns", checkName="same.example.", checkInterval=1}
newZoneServer{name="standby", path="FOLDER", tier=2, interval=1}
controlUnixSocket("FOLDER/control.sock")
"""
ZONE = """$TTL 300
@ 3600 IN SOA ns1 hostmaster 1 7200 3600 1209600 60
@ 3600 IN NS NS1
@ 3600 IN NS ns2
@ IN A 192.0.2.1
www IN A {www}
"""


@breakwater_only
class Drill(SystemTest):
    def setUp(self):
        self.folder = temp_folder()
        database = Database()
        database.add_zones([SAME, OTHER])
        self.pdns = self.started(PowerDns(database, SAME))
        self.write_zone(SAME, "192.0.2.1")
        self.write_zone(OTHER, "192.0.2.66")

    def write_zone(self, zone, www):
        write_file(self.folder, "new", f"$ORIGIN {zone}.\n" + ZONE.format(www=www))
        os.rename(os.path.join(self.folder, "new"), os.path.join(self.folder, f"{zone}.zone"))

    def front(self, more=""):
        config = CONFIG.replace("PDNS", str(self.pdns.port)).replace("FOLDER", self.folder)
        return self.proxy(config + more)

    def ctl(self, *words):
        return run(CONTROL, "--socket", f"{self.folder}/control.sock", *words)

    def report(self):
        return json.loads(self.ctl("--json", "drill", "report").stdout)

    def drill(self, front, *options):
        """One with queries until it is over: its exit status, and its report."""
        with subprocess.Popen([CONTROL, "--socket", f"{self.folder}/control.sock", "--json", "drill", "standby",
                               *options], stdout=subprocess.PIPE, text=True) as drill:
            wait_until(lambda: self.report().get("state") == "running", "the drill to begin")
            while drill.poll() is None:
                self.ask_all(front)
            return drill.returncode, json.loads(drill.stdout.read())

    def ask_all(self, front):
        for zone in (SAME, OTHER):
            self.assertEqual(addresses(ask(f"www.{zone}", port=front.port)), ["192.0.2.1"])
            ask(zone, "SOA", port=front.port)
            ask(zone, "NS", port=front.port, tcp=True)
            self.assertEqual(ask(f"none.{zone}", port=front.port).rcode(), dns.rcode.NXDOMAIN)

    def test_the_zone_that_differs_is_named_and_the_service_stays_as_it_was(self):
        front = self.front()
        status, report = self.drill(front, "--for", "2s", "--share", "100%")
        self.assertEqual((status, report["state"]), (1, "done"))
        self.assertEqual([zone["zone"] for zone in report["zones"]], [f"{OTHER}."])
        self.assertGreater(report["equal"], report["different"])
        self.assertEqual(report["unanswered"], 0)
        sample = report["zones"][0]["samples"][0]
        self.assertEqual(sample["question"], f"www.{OTHER}. A")
        self.assertIn(f"only the first tier has www.{OTHER}. A", sample["difference"])
        self.assert_suspect(front, report)

        # It answers all the same where nothing else does.
        self.pdns.kill()
        wait_until(lambda: self.ctl("servers").stdout.count(" down ") == 1, "PowerDNS to be down")
        self.assertEqual(addresses(ask(f"www.{OTHER}", port=front.port)), ["192.0.2.66"])

    def assert_suspect(self, front, report):
        self.assertIn("suspect: a drill has found that its answers differ", front.console("showServers()"))
        servers = self.ctl("servers").stdout
        self.assertIn("?: suspect, a drill has found differences", servers)
        self.assertRegex(front.log(), rf"standby \(zones:\S+\) is suspect: www.{OTHER}. A, zone {OTHER}.: only the first tier")
        self.assertIn("the server is suspect until a drill finds none", front.log())
        text = self.ctl("drill", "report").stdout
        self.assertRegex(text, rf"drill 1 of standby \(\S+\) is done: {report['compared']} answers compared")
        self.assertRegex(text, rf"(?m)^{OTHER}\. +{report['different']}$")
        self.assertEqual(front.stat("drill-differences"), report["different"])
        self.assertEqual(front.stat("drill-queries"), report["compared"])

    def test_a_cache_that_answers_all_is_no_reason_to_compare_nothing(self):
        front = self.front('getPool(""):setCache(newPacketCache(1000))\n')
        self.ask_all(front)
        misses = front.stat("cache-misses")
        status, report = self.drill(front, "--for", "1s", "--share", "100%")
        self.assertEqual((status, [zone["zone"] for zone in report["zones"]]), (1, [f"{OTHER}."]))
        self.assertGreater(report["compared"], 10)
        self.assertEqual(front.stat("cache-misses"), misses)

    def test_a_clean_drill_takes_the_mark_away(self):
        front = self.front()
        self.assertEqual(self.drill(front, "--for", "1s", "--share", "1.0")[0], 1)
        self.write_zone(OTHER, "192.0.2.1")
        wait_until(lambda: "2 zones" in front.console("showServers()") and self.clean(front), "a clean drill", timeout_s=40)
        self.assertNotIn("suspect", front.console("showServers()"))
        self.assertIn("standby", front.log())

    def clean(self, front):
        return self.drill(front, "--for", "1s", "--share", "1.0")[0] == 0

    def test_live_only_equal_answers_of_the_standby_are_served(self):
        front = self.front()
        status, report = self.drill(front, "--for", "1s", "--share", "100%", "--live")  # ask_all checks the answers
        self.assertEqual(status, 1)
        self.assertGreater(report["served"], 0)
        self.assertEqual(report["served"], report["equal"])

    def test_a_schedule_begins_drills_by_itself(self):
        front = self.front('addDrill{server="standby", every=2, duration=1, share=1}\n')

        def second():
            self.ask_all(front)
            return self.report().get("id", 0) >= 2
        wait_until(second, "the second drill")
        self.assertIn("other.example.", self.ctl("drill", "report", "1").stdout)

    def test_what_cannot_be_drilled_is_told(self):
        self.front()
        for words, text in ((["pdns"], "'pdns' is no standby"), (["nobody"], "there is no server 'nobody'")):
            result = self.ctl("drill", *words)
            self.assertEqual(result.returncode, 1)
            self.assertIn(text, result.stderr)
        self.assertIn("there was no drill yet", self.ctl("drill", "report").stderr)
        self.assertIn("no drill runs", self.ctl("drill", "stop").stderr)
        self.assertEqual(self.ctl("drill", "standby", "--share", "200%").returncode, 2)
        for line, text in (('addDrill{server="a", share=2}', "share must be above 0"),
                           ('addDrill{every=60}', "server is missing"),
                           ('addDrill{server="a", at="25:00"}', "at is a time of day"),
                           ('addDrill{server="a", at="3:00"}', "at is a time of day"),
                           ('addDrill{server="a", at="03:00", every=60}', "it needs one of them"),
                           ('addDrill{server="a", every=5, duration=5}', "every longer than that")):
            config = write_file(temp_folder(), "check.conf", line + "\n")
            result = run(BINARY, "--check-config", "-C", config)
            self.assertEqual(result.returncode, 1, line)
            self.assertIn(text, result.stdout + result.stderr)
        config = write_file(temp_folder(), "check.conf", 'addDrill{server="a"}\n')
        result = run(BINARY, "--check-config", "-C", config)
        self.assertIn("addDrill: there is no server 'a'", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
