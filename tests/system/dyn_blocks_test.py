#!/usr/bin/python3
"""Dynamic blocks under a real flood: who asks too much is blocked on every transport, for a time, and nobody else."""

import json
import re
import socket
import unittest
import urllib.request

import dns.exception
import dns.rcode

from client import Dnsperf, addresses, ask, question
from every_transport import Closed, EveryTransport
from harness import (CONSOLE, ROOT, accepts_tcp, breakwater_only, free_port, full_speed_only,
                     resident_kb, wait_until, write_file)
from nameservers import Nsd

with open(f"{ROOT}/examples/zones/example.org.zone", encoding="utf-8") as zone:
    ZONE = zone.read()

WEB = """
webserver("127.0.0.1:%d")
setWebserverConfig({acl="127.0.0.0/8", statsRequireAuthentication=false, dashboardRequiresAuthentication=false,
                    apiRequiresAuthentication=false})
"""
LIMITS = """
setRingBuffersSize(100000)
g = dynBlockRulesGroup()
g:setQueryRate(100, 2, "too many queries", 4, DNSAction.Refused)
g:excludeRange("127.0.0.3/32")
function maintenance() g:apply() end
"""


@breakwater_only
class DynBlocks(EveryTransport):
    def setUp(self):
        self.nsd = self.started(Nsd({"example.org": ZONE}))

    def start(self, more):
        sealed = free_port()
        self.ports = {"dot": free_port(), "doh": free_port(), "dnscrypt_udp": sealed, "dnscrypt_tcp": sealed,
                      "web": free_port()}
        files = '"{}", "{}"'.format(*self.pair)
        self.front = self.proxy(
            'setLocal("127.0.0.1:{port}")\n' + CONSOLE + 'setACL({"127.0.0.0/8"})\n' +
            f'addTLSLocal("127.0.0.1:{self.ports["dot"]}", {files})\n'
            f'addDOHLocal("127.0.0.1:{self.ports["doh"]}", {files}, "/dns-query")\n' + self.dnscrypt_bind(sealed) +
            f'newServer{{address="127.0.0.1:{self.nsd.port}", healthCheckMode="up"}}\n'
            'getPool(""):setCache(newPacketCache(1000))\n' + WEB % self.ports["web"] + more)
        self.ports["udp"] = self.ports["tcp"] = self.front.port
        wait_until(lambda: accepts_tcp(self.ports["doh"]), "the port for HTTPS")
        self.assertIn("192.0.2.80", addresses(self.send("doh", question("web.example.org"))))

    def flood(self, source, count):
        """So many queries from there; nobody reads what comes back."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((source, 0))
            wire = question("web.example.org").to_wire()
            for _ in range(count):
                client.sendto(wire, ("127.0.0.1", self.front.port))

    def rcode_from(self, source):
        try:
            return ask("web.example.org", port=self.front.port, source=source, timeout_s=1).rcode()
        except dns.exception.Timeout:
            return None

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['web']}{path}", timeout=5) as page:
            return page.read().decode()

    def await_blocked(self, source="127.0.0.1"):
        wait_until(lambda: self.rcode_from(source) == dns.rcode.REFUSED, f"{source} to be blocked")

    def test_a_flooder_is_blocked_on_every_transport_and_then_no_longer(self):
        self.start(LIMITS)
        for source in ("127.0.0.1", "127.0.0.3"):
            self.flood(source, 2000)
        self.await_blocked()
        for transport in self.for_each():
            self.assertEqual(self.send(transport, question("web.example.org")).rcode(), dns.rcode.REFUSED)
        # The cache's answers are not for the blocked either, and others have them: one who asks little, and one excluded.
        for source in ("127.0.0.2", "127.0.0.3"):
            self.assertEqual(self.rcode_from(source), dns.rcode.NOERROR, source)
        shown = self.front.console("showDynBlocks()")
        row = re.search(r"^127\.0\.0\.1/32 +([1-4]) +(\d+) false +Send Refused +too many queries$", shown, re.M)
        self.assertTrue(row, shown)
        self.assertNotIn("127.0.0.3", shown)
        self.assertGreaterEqual(int(row.group(2)), 4)
        listed = json.loads(self.get("/jsonstat?command=dynblocklist"))
        block = listed["127.0.0.1/32"]
        self.assertEqual((block["reason"], block["action"], block["ebpf"], block["warning"]),
                         ("too many queries", "Send Refused", False, False))
        self.assertLessEqual(block["seconds"], 4)
        metrics = self.get("/metrics")
        self.assertRegex(metrics, r"(?m)^dnsdist_dyn_block_nmg_size 1$")
        blocked = re.search(r"(?m)^dnsdist_dyn_blocked (\d+)$", metrics)
        self.assertGreaterEqual(int(blocked.group(1)), 4)
        self.assertIn("Inserting dynamic block for 127.0.0.1/32 for 4 seconds: too many queries", self.front.log())
        wait_until(lambda: self.rcode_from("127.0.0.1") == dns.rcode.NOERROR, "the block to end")
        self.assertEqual(json.loads(self.get("/jsonstat?command=dynblocklist")), {})

    def test_dropped_clients_get_nothing_on_any_transport(self):
        self.start("")
        self.front.console('addDynamicBlock("127.0.0.1", "by hand", DNSAction.Drop, 60)')
        for transport in self.for_each():
            with self.assertRaises(Closed):
                self.send(transport, question("web.example.org"), timeout_s=1)
        self.assertEqual(self.rcode_from("127.0.0.2"), dns.rcode.NOERROR)
        self.front.console("clearDynBlocks()")
        for transport in self.for_each():
            self.assertIn("192.0.2.80", addresses(self.send(transport, question("web.example.org"))))

    def test_random_names_of_a_zone_are_blocked_by_a_visitor(self):
        self.start("""
g = dynBlockRulesGroup()
g:setSuffixMatchRule(5, "random names", 30, DNSAction.Nxdomain, function(node, self, sum)
  return node.labelsCount >= 3 and sum.nxdomains > 20 and sum.nxdomains > sum.queries * 0.9
end)
function maintenance() g:apply() end
""")
        for number in range(60):
            ask(f"x{number}.none.example.org", port=self.front.port)
        wait_until(lambda: "none.example.org." in self.front.console("showDynBlocks()"), "the name to be blocked")
        answer = ask("other.none.example.org", port=self.front.port)
        self.assertEqual((answer.rcode(), answer.authority), (dns.rcode.NXDOMAIN, []))
        self.assertEqual(self.rcode_from("127.0.0.1"), dns.rcode.NOERROR)

    def test_a_broken_visitor_is_counted_and_everything_goes_on(self):
        self.start("""
g = dynBlockRulesGroup()
g:setQueryRate(100, 2, "too many queries", 10, DNSAction.Refused)
g:setSuffixMatchRule(5, "broken", 30, DNSAction.Drop, function(node) return node.nothing.here end)
function maintenance() g:apply() end
""")
        self.flood("127.0.0.1", 2000)
        self.await_blocked()
        wait_until(lambda: re.search(r"error in the visitor of a suffix match rule: \S+\.conf:\d+:", self.front.log()),
                   "the error with its place")
        self.assertEqual(self.rcode_from("127.0.0.2"), dns.rcode.NOERROR)

    @full_speed_only
    def test_rules_in_lua_are_answered_while_large_rings_are_looked_at(self):
        """Workers wait for the state at most setLuaLockTimeout: a look at the rings must not hold it that long."""
        self.start("""
setRingBuffersSize(500000, 10)
setLuaLockTimeout(50)
addAction(AllRule(), LuaAction(function(dq) return DNSAction.None, "" end))
g = dynBlockRulesGroup()
g:setQueryRate(1000000, 10, "never", 10)
g:setSuffixMatchRule(60, "never", 30, DNSAction.Drop, function(node, self, sum) visits = (visits or 0) + 1 return false end)
function maintenance() g:apply() end
""")
        names = write_file(self.front.folder, "names", "".join(f"n{i}.z{i % 97}.example.org A\n" for i in range(20000)))
        load = Dnsperf(self.front.port, names, 6, qps=20000)
        report = load.report()
        self.assertGreater(report["completed"], 10000)
        self.assertGreater(int(self.front.console("return visits")), 1000)
        timeouts = re.search(r"lua-lock-timeouts\s+(\d+)", self.front.console("dumpStats()"))
        self.assertEqual(timeouts.group(1), "0")

    @full_speed_only
    def test_a_flood_from_many_addresses_takes_bounded_memory(self):
        """Each address asks once: 65,000 of 127/8, and the rings hold the last 20,000."""
        self.start("""
setRingBuffersSize(20000)
g = dynBlockRulesGroup()
g:setQueryRate(0, 1, "any at all", 2, DNSAction.Refused)
g:setQuiet(true)
function maintenance() g:apply() end
""")
        before = resident_kb(self.front.pid)
        wire = question("web.example.org").to_wire()
        most = 0
        for number in range(65000):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind((f"127.{1 + number // 64000}.{number // 250 % 256}.{1 + number % 250}", 0))
                client.sendto(wire, ("127.0.0.1", self.front.port))
            if number % 5000 == 0:
                most = max(most, self.sizes())
        wait_until(lambda: self.sizes() > 0 or most > 0, "blocks")
        self.assertLess(resident_kb(self.front.pid) - before, 60_000)
        self.assertEqual(self.front.log().count("Inserting dynamic block"), 0)

    def sizes(self):
        return int(re.search(r"(?m)^dnsdist_dyn_block_nmg_size (\d+)$", self.get("/metrics")).group(1))


if __name__ == "__main__":
    unittest.main()
