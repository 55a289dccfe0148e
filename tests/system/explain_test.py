#!/usr/bin/python3
"""breakwaterctl explain against real nameservers: it says what then happens, and changes nothing."""

import json
import unittest

import dns.rcode

from client import addresses, ask, run
from harness import CONSOLE, CONTROL, SystemTest, breakwater_only, wait_until
from nameservers import Database, PowerDns

SAMPLE, ZONE = "sample.example", "zone1.example"
CONFIG = CONSOLE + """
setACL({"0.0.0.0/0"})
setServerPolicy(firstAvailable)
controlUnixSocket("{dir}/control.sock")
newServer{address="127.0.0.1:%d", name="one", order=1, checkName="sample.example.", checkInterval=1}
newServer{address="127.0.0.1:%d", name="two", order=2, checkName="sample.example.", checkInterval=1, tier=2}
getPool(""):setCache(newPacketCache(1000, {maxTTL=%d, lastGood={maxAge=3600, ttl=30, clientTimeout=0.4, recheck=60}}))
addAction(QNameRule("refused.example"), RCodeAction(DNSRCode.REFUSED), {name="no"})
addAction(LuaRule(function(dq) called = (called or 0) + 1 return false end), DropAction(), {name="script"})
addAction(QNameRule("dropped.example"), DropAction(), {name="away"})
addAction(QNameRule("scripted.example"), LuaAction(function(dq) called = -1 return DNSAction.Drop, "" end), {name="act"})
addAction(AndRule{QNameRule("limited.example"), MaxQPSRule(1)}, QPSAction(1), {name="slow"})
"""


@breakwater_only
class Explain(SystemTest):
    def setUp(self):
        self.databases = [Database(), Database()]
        self.servers = []
        for number, database in enumerate(self.databases):
            database.add_zones([SAMPLE, ZONE], address=f"192.0.2.{number + 1}")
            self.servers.append(self.started(PowerDns(database, SAMPLE, cache_s=1)))

    def start(self, max_ttl=3600, checks='healthCheckMode="up"'):
        config = CONFIG.replace("checkInterval=1", checks)
        return self.proxy(config % (self.servers[0].port, self.servers[1].port, max_ttl))

    def explain(self, front, *words, text=False):
        options = [] if text else ["--json"]
        result = run(CONTROL, "--socket", f"{front.folder}/control.sock", *options, "explain", *words)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout if text else json.loads(result.stdout)

    def control(self, front, *words):
        result = run(CONTROL, "--socket", f"{front.folder}/control.sock", "--json", *words)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return json.loads(result.stdout)

    def test_rules_are_told_as_they_would_go(self):
        front = self.start()
        reply = self.explain(front, "refused.example", "--client", "192.0.2.7")
        self.assertEqual([(r["name"], r["match"], r["effect"]) for r in reply["rules"]],
                         [("no", "yes", "answers Query Refused")])
        self.assertEqual(ask("refused.example", port=front.port).rcode(), dns.rcode.REFUSED)
        reply = self.explain(front, "dropped.example")
        self.assertEqual([(r["name"], r["match"]) for r in reply["rules"]], [("script", "undecided"), ("away", "yes")])
        self.assertEqual(reply["verdict"], "a rule drops it")
        reply = self.explain(front, "scripted.example")
        self.assertEqual([(r["name"], r.get("effect")) for r in reply["rules"]], [("script", None), ("act", "undecided")])
        self.assertFalse(reply["certain"])
        self.assertEqual(front.console("called").strip(), "")
        self.assertIn("undecided", self.explain(front, f"www.{ZONE}", text=True))

    def test_fresh_flushed_held_and_standby_are_told_and_true(self):
        front = self.start()
        name = f"www.{ZONE}"
        before = self.explain(front, name, "A", "--client", "192.0.2.7")
        self.assertEqual(before["cache"]["state"], "nothing")
        self.assertRegex(before["backend"]["asked"], "^one ")
        standby = before["backend"]["servers"][1]
        self.assertRegex(standby["why-not"], "tier 2 waits")
        self.assertEqual(addresses(ask(name, port=front.port)), ["192.0.2.1"])
        fresh = self.explain(front, name)["cache"]
        self.assertEqual(fresh["state"], "fresh")
        self.assertGreater(fresh["ttl-left"], 0)
        flush = self.control(front, "flush", ZONE, "--suffix")
        due = self.explain(front, name)
        self.assertEqual((due["cache"]["state"], due["cache"]["flushed-by"]), ("due", flush["id"]))
        self.assertIn(f"flushed by {flush['id']}", self.explain(front, name, text=True))
        self.control(front, "flush", "undo", str(flush["id"]))
        self.assertEqual(self.explain(front, name)["cache"]["state"], "fresh")

    def test_a_server_that_is_down_or_bad_for_the_zone_is_told(self):
        front = self.start(max_ttl=1, checks="checkInterval=1")
        name = f"www.{ZONE}"
        self.assertEqual(ask(f"none.{ZONE}", port=front.port).rcode(), dns.rcode.NXDOMAIN)
        self.assertEqual(addresses(ask(name, port=front.port)), ["192.0.2.1"])
        self.databases[0].execute("update records set disabled = 1 where type = 'SOA' and name = ?", (ZONE,))
        wait_until(lambda: ask(ZONE, "SOA", port=self.servers[0].port).rcode() == dns.rcode.REFUSED, "PowerDNS to see it")
        number = iter(range(1000))

        def is_bad():
            ask(f"n{next(number)}.{ZONE}", port=front.port)
            return self.explain(front, f"new.{ZONE}")["backend"]["servers"][0]["zone-state"] == "bad"
        wait_until(is_bad, "the zone to turn bad on the first server")
        backend = self.explain(front, f"new.{ZONE}")["backend"]
        self.assertEqual(backend["servers"][0]["last-bad"], "refused")
        self.assertRegex(backend["asked"], "^two ")
        self.assertRegex(self.explain(front, f"www.{SAMPLE}")["backend"]["asked"], "^one ")
        self.assertRegex(self.explain(front, f"new.{ZONE}", text=True), r"bad for zone1\.example\. since \d+ s \(refused\)")
        self.servers[0].kill()
        wait_until(lambda: self.explain(front, f"www.{SAMPLE}")["backend"]["servers"][0]["up"] is False, "the check to see it")
        backend = self.explain(front, f"www.{SAMPLE}")["backend"]
        self.assertEqual(backend["servers"][0]["why-not"], "it is down")
        self.assertRegex(backend["asked"], "^two ")

    def test_the_last_good_answer_is_told(self):
        front = self.start(max_ttl=1)
        name = f"www.{ZONE}"
        self.assertEqual(addresses(ask(name, port=front.port)), ["192.0.2.1"])
        self.servers[0].kill()
        self.servers[1].kill()
        wait_until(lambda: ask(name, port=front.port, timeout_s=8).answer[0].ttl == 30, "a last good answer")
        reply = self.explain(front, name)
        self.assertEqual(reply["cache"]["state"], "last-good")
        self.assertGreater(reply["cache"]["next-try-ms"], 0)
        self.assertIn("last good answer", reply["verdict"])

    def test_nothing_changes(self):
        front = self.start()
        name = f"www.{ZONE}"
        ask(name, port=front.port)
        wait_until(lambda: self.control(front, "status")["responses"] >= 1, "the answer to be counted")
        def told():
            caches = self.control(front, "cache", "stats")["caches"]
            for cache in caches:
                del cache["cleanup-count"]  # the sweeper's own
            return caches, self.control(front, "rules")
        before = told()
        status = self.control(front, "status")
        for asked in (name, "limited.example", "new.example"):
            for _ in range(5):
                self.explain(front, asked)
        self.assertEqual(told(), before)
        after = self.control(front, "status")
        for counter in ("queries", "responses", "cache-hits", "cache-misses", "rule-drop", "self-answered"):
            self.assertEqual(after[counter], status[counter], counter)
        # The one token of the limit is still there: the first rule matches once.
        reply = self.explain(front, "limited.example")
        self.assertEqual([r["name"] for r in reply["rules"]], ["script", "slow"])
        self.assertEqual(front.console("called").strip(), "1")


if __name__ == "__main__":
    unittest.main()
