#!/usr/bin/python3
"""Health by zone with two real PowerDNS, one of which refuses a zone; and a standby of zone files."""

import json
import unittest
import urllib.request

import dns.rcode

from client import addresses, ask, run
from harness import CONSOLE, CONTROL, SystemTest, breakwater_only, free_port, temp_folder, wait_until, write_file
from nameservers import Database, PowerDns

ZONES = [f"zone{n}.example" for n in range(6)]
SAMPLE = "sample.example"
CONFIG = CONSOLE + """
setLocal("127.0.0.1:{port}")
setServerPolicy(firstAvailable)
setZoneHealth({failover="on"})
controlUnixSocket("{dir}/control.sock")
webserver("127.0.0.1:%(web)d")
setWebserverConfig({statsRequireAuthentication=false, apiKey="a key", password="secret"})
addZoneStateChangeCallback(function(zone, server, bad, reason)
  infolog("told of " .. zone .. " on " .. server .. " " .. tostring(bad) .. " " .. reason)
end)
newServer{address="127.0.0.1:%(one)d", name="one", order=1, checkName="sample.example.", checkInterval=1}
newServer{address="127.0.0.1:%(two)d", name="two", order=2, checkName="sample.example.", checkInterval=1}
"""


@breakwater_only
class ZoneHealth(SystemTest):
    def setUp(self):
        self.databases = [Database(), Database()]
        self.servers = []
        for number, database in enumerate(self.databases):
            database.add_zones([SAMPLE, *ZONES], address=f"192.0.2.{number + 1}")
            self.servers.append(self.started(PowerDns(database, SAMPLE, cache_s=1)))
        self.web = free_port()
        self.ports = {"one": self.servers[0].port, "two": self.servers[1].port, "web": self.web}

    def set_soas(self, zone, disabled):
        self.databases[0].execute("update records set disabled = ? where type = 'SOA' and name = ?", (disabled, zone))
        expected = dns.rcode.REFUSED if disabled else dns.rcode.NOERROR
        wait_until(lambda: ask(zone, "SOA", port=self.ports["one"]).rcode() == expected, "PowerDNS to see it")

    def learn(self, front):
        """Negative answers carry the SOA, from which zones are learned."""
        for zone in ZONES:
            self.assertEqual(ask(f"none.{zone}", port=front.port).rcode(), dns.rcode.NXDOMAIN)

    def control(self, front, *words):
        return run(CONTROL, "--socket", f"{front.folder}/control.sock", *words).stdout

    def bad_zones(self, front):
        return {(row["zone"], row["server"].split()[0]) for row in
                json.loads(self.control(front, "--json", "zones", "--bad"))["zones"] if row["state"] == "bad"}

    def test_a_zone_that_one_server_refuses_is_asked_of_the_other(self):
        front = self.proxy(CONFIG % self.ports)
        self.learn(front)
        self.set_soas(ZONES[2], disabled=1)
        for _ in range(4):
            self.assertEqual(addresses(ask(f"www.{ZONES[2]}", port=front.port)), ["192.0.2.2"])
        self.assertEqual(addresses(ask(f"www.{ZONES[3]}", port=front.port)), ["192.0.2.1"])
        self.assertEqual(self.bad_zones(front), {("zone2.example.", "one")})
        self.assertRegex(self.control(front, "zones", "--bad"), r"zone2\.example\. +one \(.*\) +bad .*refused=[3-9]")
        self.assertRegex(front.console("showZones()"), r"zone2\.example\. +one \(.*\) +bad")
        self.assertIn("zone5.example.", front.console("showZones({all=true})"))
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/metrics") as page:
            metrics = page.read().decode()
        self.assertRegex(metrics, r'zone_bad\{zone="zone2\.example\.",server="one .*"\} 1')
        self.check_web(front)
        wait_until(lambda: "zone zone2.example. is bad on one" in front.log(), "the log to name the zone", timeout_s=5)
        wait_until(lambda: "told of zone2.example. on one" in front.log(), "the callback")

        self.set_soas(ZONES[2], disabled=0)
        wait_until(lambda: addresses(ask(f"www.{ZONES[2]}", port=front.port)) and not self.bad_zones(front),
                   "the zone to be good again", timeout_s=30)
        wait_until(lambda: "zone zone2.example. is good again on one" in front.log(), "the log to say so")

    def check_web(self, front):
        """What people and programs see of it in the web server."""
        address = f"http://127.0.0.1:{self.web}"
        reply = run("curl", "-s", "-H", "X-API-Key: a key", f"{address}/api/v1/servers/localhost/zones?bad")
        self.assertEqual([(row["zone"], row["state"], row["last-bad"]) for row in json.loads(reply.stdout)["zones"]
                          if row["state"] == "bad"], [("zone2.example.", "bad", "refused")])
        self.assertEqual(run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                             f"{address}/api/v1/servers/localhost/zones").stdout, "401")
        self.assertEqual(run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{address}/zones").stdout, "401")
        shown = run("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={temp_folder()}",
                    "--dump-dom", f"http://anybody:secret@127.0.0.1:{self.web}/zones", timeout_s=120)
        self.assertRegex(shown.stdout, r"<td>zone2\.example\.</td><td>one \(.*?\)</td><td>20.* UTC</td><td>refused \d+</td>",
                         shown.stderr[-2000:])
        self.assertNotIn("zone3.example", shown.stdout)
        # The style of the page is one that its own policy lets the browser use.
        self.assertNotIn("Content Security Policy", shown.stderr)
        self.assertTrue(front.running())

    def test_a_standby_of_zone_files_answers_where_no_server_does(self):
        folder = temp_folder()
        write_file(folder, "zone1.example.zone",
                   "$TTL 300\n@ SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\nwww A 192.0.2.9\nns1 A 192.0.2.9\n")
        standby = f'newZoneServer({{name="standby", path="{folder}", tier=9}})\n'
        front = self.proxy(CONFIG.replace('failover="on"', "") % self.ports + standby)
        self.learn(front)
        self.assertEqual(addresses(ask(f"www.{ZONES[1]}", port=front.port)), ["192.0.2.1"])
        for database in self.databases:
            database.execute("update records set disabled = 1 where type = 'SOA' and name = 'zone1.example'")
        for server in self.servers:
            wait_until(lambda port=server.port: ask(ZONES[1], "SOA", port=port).rcode() == dns.rcode.REFUSED,
                       "PowerDNS to see it")
        for _ in range(5):
            self.assertEqual(addresses(ask(f"www.{ZONES[1]}", port=front.port)), ["192.0.2.9"])
        # What the standby does not hold either is refused as it came.
        self.assertEqual(ask("www.unknown.example", port=front.port).rcode(), dns.rcode.REFUSED)
        for server in self.servers:
            server.kill()
        wait_until(lambda: addresses(ask(f"www.{ZONES[1]}", port=front.port, timeout_s=8)) == ["192.0.2.9"], "the standby")

    def test_names_that_have_no_answer_make_no_zone_bad(self):
        """PowerDNS answers SERVFAIL to odd octets, and REFUSED to signatures by themselves."""
        front = self.proxy(CONFIG % self.ports)
        self.learn(front)
        for n in range(12):
            self.assertEqual(ask(f"{n % 4}%.{ZONES[1]}", port=front.port).rcode(), dns.rcode.SERVFAIL)
            self.assertEqual(ask(f"x{n}.{ZONES[3]}", "RRSIG", port=front.port).rcode(), dns.rcode.REFUSED)
        wait_until(lambda: front.stat("zone-questions") > 0, "a question of the proxy's own")
        self.assertEqual(self.bad_zones(front), set())
        self.assertNotIn("is bad on", front.log())

    def test_a_ds_record_is_asked_of_the_parents_zone(self):
        parent, child = ZONES[4], f"child.{ZONES[4]}"
        for database in self.databases:
            database.add_zones([child])
            database.execute("insert into records(domain_id, name, type, content, ttl, prio, disabled, auth) "
                             "select id, ?, 'NS', ?, 3600, 0, 0, 0 from domains where name = ?", (child, f"ns1.{child}", parent))
        folder = temp_folder()
        write_file(folder, "child.zone", f"$ORIGIN {child}.\n$TTL 300\n@ SOA ns1 hostmaster 1 7200 3600 1209600 60\n"
                   "@ NS ns1\nns1 A 192.0.2.9\n")
        standby = f'newZoneServer({{name="standby", path="{folder}", tier=9}})\n'
        front = self.proxy(CONFIG % self.ports + standby)
        for zone in (parent, child):
            self.assertEqual(ask(f"none.{zone}", port=front.port).rcode(), dns.rcode.NXDOMAIN)
        for _ in range(4):
            reply = ask(child, "DS", port=front.port)
            self.assertEqual(reply.rcode(), dns.rcode.NOERROR)
            self.assertEqual([str(rrset.name) for rrset in reply.authority], [f"{parent}."])
        self.assertEqual(self.bad_zones(front), set())

    def test_a_standby_without_a_file_hides_no_server(self):
        folder = temp_folder()
        write_file(folder, "zone1.example.zone",
                   "$TTL 300\n@ SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\nns1 A 192.0.2.9\n")
        standby = f'newZoneServer({{name="standby", path="{folder}", tier=9}})\n'
        front = self.proxy(CONFIG.rsplit("newServer", 1)[0] % self.ports + standby)
        self.learn(front)
        self.set_soas(ZONES[2], disabled=1)
        wait_until(lambda: ask(f"www.{ZONES[2]}", port=front.port) and self.bad_zones(front), "the zone to be bad")
        self.set_soas(ZONES[2], disabled=0)
        self.assertEqual(addresses(ask(f"www.{ZONES[2]}", port=front.port)), ["192.0.2.1"])

    def test_bad_options_are_told(self):
        for line, text in (("setZoneHealth({of=17})", "of must be 1 to 16"),
                           ("setZoneHealth({bad=6})", "bad must be 1 to 5"),
                           ('setZoneHealth({failover="maybe"})', 'failover is "auto", "on" or "off"'),
                           ('newServer{address="192.0.2.1", tier=0}', "'tier': must be 1 to 255")):
            self.refused(line, text)


if __name__ == "__main__":
    unittest.main()
