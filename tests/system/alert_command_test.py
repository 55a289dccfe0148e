#!/usr/bin/python3
"""setAlertCommand: a program is told of zones that turn bad and good on real nameservers."""

import json
import os
import time
import unittest

import dns.rcode

from client import ask
from harness import CONSOLE, SystemTest, breakwater_only, temp_folder, wait_until, write_file
from nameservers import Database, PowerDns

SAMPLE = "sample.example"
ZONES = [f"zone{n}.example" for n in range(5)]
CONFIG = CONSOLE + """
newServer{address="127.0.0.1:%d", name="one", checkName="sample.example."}
setAlertCommand("%s", {args={"first word", "$(second)"}, interval=%d, gather=%d, timeout=%d})
"""
SCRIPT = """#!/bin/sh
printf '%s|%s|%s|' "$1" "$2" "$BREAKWATER_BAD_ZONES" >> "$(dirname "$0")/told"
cat >> "$(dirname "$0")/told"
id -u >> "$(dirname "$0")/uid"
"""


@breakwater_only
class AlertCommand(SystemTest):
    def setUp(self):
        self.database = Database()
        self.database.add_zones([SAMPLE, *ZONES])
        self.server = self.started(PowerDns(self.database, SAMPLE, cache_s=1))
        self.folder = temp_folder()

    def start(self, script=SCRIPT, interval=3600, gather=2, timeout=10, **options):
        path = write_file(self.folder, "alert", script)
        os.chmod(path, 0o755)
        front = self.proxy(CONFIG % (self.server.port, path, interval, gather, timeout), **options)
        for zone in ZONES:  # negative answers carry the SOA, from which zones are learned
            self.assertEqual(ask(f"none.{zone}", port=front.port).rcode(), dns.rcode.NXDOMAIN)
        return front

    def set_soas(self, zones, disabled):
        for zone in zones:
            self.database.execute("update records set disabled = ? where type = 'SOA' and name = ?", (disabled, zone))
        expected = dns.rcode.REFUSED if disabled else dns.rcode.NOERROR
        for zone in zones:
            wait_until(lambda zone=zone: ask(zone, "SOA", port=self.server.port).rcode() == expected, "PowerDNS to see it")

    def ask_all(self, front, zones, rounds=3):
        for number in range(rounds):
            for zone in zones:
                ask(f"n{number}.{zone}", port=front.port)

    def told(self):
        path = os.path.join(self.folder, "told")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [(line.split("|", 3)[:3], json.loads(line.split("|", 3)[3])) for line in file
                    if line.endswith("}\n")]  # the last one may be half written

    def test_zones_that_turn_bad_together_come_in_one_run_within_ten_seconds(self):
        front = self.start()
        self.set_soas(ZONES[:3], disabled=1)
        began = time.monotonic()
        self.ask_all(front, ZONES)
        wait_until(self.told, "the alert command", timeout_s=10)
        self.assertLess(time.monotonic() - began, 10)
        (words, event), = self.told()
        self.assertEqual(words, ["first word", "$(second)", " ".join(f"{zone}." for zone in ZONES[:3])])
        self.assertEqual([row["zone"] for row in event["bad"]], [f"{zone}." for zone in ZONES[:3]])
        self.assertEqual({(row["server"].split()[0], row["kind"]) for row in event["bad"]}, {("one", "refused")})
        wait_until(lambda: "the alert command ended with status 0" in front.log(), "its end in the log")
        self.assertEqual((front.stat("alert-commands"), front.stat("alert-command-failures")), (1, 0))
        # The interval is not over: what comes now waits.
        self.set_soas(ZONES[:3], disabled=0)
        self.ask_all(front, ZONES)
        wait_until(lambda: "zone2.example. is good again" in front.log(), "the log to say so")
        self.assertEqual(front.stat("alert-commands"), 1)

    def test_a_pool_that_has_lost_its_servers_is_told_of_and_so_is_their_return(self):
        front = self.start(interval=1, gather=1)
        self.server.kill()
        wait_until(self.told, "the alert command", timeout_s=10)
        _, event = self.told()[0]
        self.assertEqual(([row["pool"] for row in event["pools-down"]], event["pools-up"]), ([""], []))
        self.assertIn("no server of the first tier of pool", front.log())
        self.server.start()
        wait_until(lambda: any(event["pools-up"] for _, event in self.told()), "the news that it is back", timeout_s=10)

    def test_good_again_is_told_in_the_next_run(self):
        front = self.start(interval=1, gather=0)
        self.set_soas(ZONES[:1], disabled=1)
        self.ask_all(front, ZONES[:1])
        wait_until(lambda: len(self.told()) == 1, "the first run")
        self.set_soas(ZONES[:1], disabled=0)
        self.ask_all(front, ZONES[:1])
        wait_until(lambda: len(self.told()) == 2, "the second run")
        self.assertEqual([row["zone"] for row in self.told()[1][1]["good"]], [f"{ZONES[0]}."])

    def test_a_program_that_hangs_or_fails_is_logged_and_holds_up_nobody(self):
        front = self.start("#!/bin/sh\nexec sleep 1000\n", interval=1, gather=0, timeout=1)
        self.set_soas(ZONES[:1], disabled=1)
        self.ask_all(front, ZONES[:1])
        wait_until(lambda: "took too long and was killed" in front.log(), "the time limit")
        self.assertEqual(ask(f"www.{ZONES[1]}", port=front.port).rcode(), dns.rcode.NOERROR)
        write_file(self.folder, "alert", "#!/bin/sh\nexit 3\n")
        wait_until(lambda: "ended with status 3" in front.log(), "the failure")
        # What could not be told is told once the program works.
        write_file(self.folder, "alert", SCRIPT)
        wait_until(self.told, "the next run")
        self.assertEqual([row["zone"] for row in self.told()[0][1]["bad"]], [f"{ZONES[0]}."])
        self.assertGreaterEqual(front.stat("alert-command-failures"), 2)

    @unittest.skipUnless(os.geteuid() == 0, "only root has privileges to drop")
    def test_it_runs_without_the_privileges_that_were_dropped(self):
        os.chmod(self.folder, 0o777)
        front = self.start(gather=0, arguments=("--uid", "nobody"))
        self.set_soas(ZONES[:1], disabled=1)
        self.ask_all(front, ZONES[:1])
        wait_until(self.told, "the alert command")
        path = f"{self.folder}/uid"
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path), "its user")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read().strip(), "65534")


if __name__ == "__main__":
    unittest.main()
