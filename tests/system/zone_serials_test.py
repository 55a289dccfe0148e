#!/usr/bin/python3
"""Servers that come back with older zone files: two real NSD, examples of each way it may end."""

import json
import unittest

from client import addresses, ask, run
from harness import BINARY, CONSOLE, CONTROL, SystemTest, breakwater_only, temp_folder, wait_until, write_file
from nameservers import Nsd

ZONE = "example.org"
NEW, OLD = "192.0.2.8", "192.0.2.5"
CONFIG = CONSOLE + """
setLocal("127.0.0.1:{port}")
setServerPolicy(firstAvailable)
setUDPTimeout(1)
getPool(""):setCache(newPacketCache(1000, {lastGood={ttl=30, recheck=1}}))
setZoneHealth({serials=true, lag=%(lag)d, serialInterval=1, acceptOlderAfter=%(accept)d})
controlUnixSocket("{dir}/control.sock")
addZoneStateChangeCallback(function(zone, server, bad, reason, serial)
  infolog("told of " .. zone .. " " .. tostring(bad) .. " " .. reason .. " " .. serial)
end)
newServer{address="127.0.0.1:%(one)d", name="one", order=1, checkName="example.org.", checkType="SOA", checkInterval=1}
newServer{address="127.0.0.1:%(two)d", name="two", order=2, checkName="example.org.", checkType="SOA", checkInterval=1}
"""


def zone_text(serial, address):
    return (f"$TTL 1\n@ SOA ns1 hostmaster {serial} 7200 3600 1209600 1\n@ NS ns1\nns1 A 192.0.2.1\n"
            f"www A {address}\nmail A {address}\n")


def nsd(serial, address, port=None):
    return Nsd({ZONE: zone_text(serial, address)}, port=port)


@breakwater_only
class ZoneSerials(SystemTest):
    def setUp(self):
        self.servers = [self.started(nsd(8, NEW)), self.started(nsd(8, NEW))]

    def come_back(self, front, serial, address, numbers=(0, 1)):
        """They end, which is noticed, and start again with other zone files."""
        for number in numbers:
            self.servers[number].kill()

        def are_down():
            servers = json.loads(self.control(front, "--json", "servers"))["servers"]
            return not any(servers[number]["up"] for number in numbers)
        wait_until(are_down, "the servers to be down", timeout_s=20)
        for number in numbers:
            self.servers[number] = self.started(nsd(serial, address, self.servers[number].port))

    def front(self, lag=300, accept=3600):
        settings = {"lag": lag, "accept": accept, "one": self.servers[0].port, "two": self.servers[1].port}
        front = self.proxy(CONFIG % settings)
        self.front_port = front.port
        self.assertEqual(self.address(), [NEW])
        wait_until(lambda: [row.get("serial") for row in self.zones(front)] == [8, 8], "both serials to be known")
        return front

    def address(self, label="www"):
        return addresses(ask(f"{label}.{ZONE}", port=self.front_port))

    def control(self, front, *words):
        return run(CONTROL, "--socket", f"{front.folder}/control.sock", *words).stdout

    def zones(self, front, *words):
        return json.loads(self.control(front, "--json", "zones", *words))["zones"]

    def state(self, front):
        self.address()
        return {row["server"].split()[0]: (row["state"], row.get("serial")) for row in self.zones(front)}

    def test_what_one_server_has_of_old_is_not_given_out(self):
        front = self.front()
        self.come_back(front, 5, OLD, numbers=[0])
        wait_until(lambda: self.state(front) == {"one": ("bad", 5), "two": ("good", 8)}, "it to be found out", timeout_s=20)
        for label in ("www", "mail"):
            self.assertEqual(self.address(label), [NEW])
        self.assertRegex(self.control(front, "zones", "--bad"), r"example\.org\. +one .* +bad .*serial 5, behind 8")
        self.assertRegex(front.console("showZones()"), r"example\.org\. +one .* bad .* older +5, behind 8")
        self.assertIn("it is older for the zone: serial 5, behind 8", self.control(front, "explain", f"mail.{ZONE}"))
        wait_until(lambda: "told of example.org. true older serial 5, behind 8" in front.log(), "the callback")
        self.assertIn("its answers are older: serial 5, behind 8", front.log())

        # It follows on, without a restart.
        self.servers[0].change({ZONE: zone_text(8, NEW)})
        wait_until(lambda: self.state(front)["one"] == ("good", 8), "it to be good again", timeout_s=20)

    def test_where_all_come_back_older_the_last_good_answer_stays_until_they_are_repaired(self):
        front = self.front()
        self.come_back(front, 5, OLD)
        seen = set()

        def both_are_bad():
            seen.update(self.address())
            return self.state(front) == {"one": ("bad", 5), "two": ("bad", 5)}
        wait_until(both_are_bad, "both to be found out", timeout_s=20)
        for _ in range(5):
            seen.update(self.address())
        self.assertEqual(seen, {NEW})
        self.come_back(front, 9, "192.0.2.9")
        wait_until(lambda: self.address() == ["192.0.2.9"], "the repair to show", timeout_s=20)
        wait_until(lambda: not self.zones(front, "--bad"), "all to be good", timeout_s=20)

    def test_a_serial_that_goes_back_on_purpose_is_taken_after_a_hard_flush(self):
        front = self.front()
        self.come_back(front, 5, OLD)
        wait_until(lambda: self.state(front) == {"one": ("bad", 5), "two": ("bad", 5)}, "both to be found out", timeout_s=20)
        self.control(front, "flush", ZONE, "--suffix", "--hard")
        self.assertEqual(self.address(), [OLD])
        wait_until(lambda: self.state(front) == {"one": ("good", 5), "two": ("good", 5)}, "both to be good", timeout_s=20)

    def test_a_serial_that_goes_back_on_purpose_is_taken_where_all_agree_for_long_enough(self):
        front = self.front(lag=0, accept=4)
        self.come_back(front, 5, OLD)
        self.assertEqual(self.address(), [NEW])
        wait_until(lambda: self.address() == [OLD], "it to be accepted", timeout_s=30)
        wait_until(lambda: "agreed on that for acceptOlderAfter" in front.log(), "the log to say so")

    def test_bad_options_are_told(self):
        for line, text in (("setZoneHealth({serials=true, ask=false})", "ask must not be false"),
                           ("setZoneHealth({serialInterval=0})", "serialInterval must be 1 to 3600 seconds"),
                           ("setZoneHealth({serialInterval=3601})", "serialInterval must be 1 to 3600 seconds"),
                           ("setZoneHealth({lag=60, acceptOlderAfter=59})", "acceptOlderAfter must not be less than lag"),
                           ("setZoneHealth({good=17})", "good must be 1 to 16")):
            path = write_file(temp_folder(), "check.conf", line + "\n")
            check = run(BINARY, "-C", path, "--check-config", "--strict")
            self.assertNotEqual(check.returncode, 0, line)
            self.assertIn(text, check.stdout + check.stderr)


if __name__ == "__main__":
    unittest.main()
