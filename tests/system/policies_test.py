#!/usr/bin/python3
"""The policies in examples/policies: each is run in front of NSD, does what its text says, and does so under load."""

import glob
import os
import re
import sys
import unittest

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.update

from certificates import self_signed
from client import Dnsperf, addresses, ask, run
from h2_frames import encoded
from harness import (CONSOLE, ROOT, SANITIZED, SystemTest, breakwater_only, free_port, temp_folder, wait_until,
                     write_file)
from https_client import curl
from nameservers import Nsd

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "differential"))
from probe import Probe  # noqa: E402

FOLDER = os.path.join(ROOT, "examples/policies")
SMALL = "$TTL 300\n@ IN SOA ns.test. root.test. 1 60 60 60 60\n@ IN NS ns.test.\n@ IN A {}\n"
with open(os.path.join(ROOT, "examples/zones/example.org.zone"), encoding="utf-8") as _zone:
    ZONES = {"example.org": _zone.read() + "gone.cdn IN A 192.0.2.70\nx.private IN A 192.0.2.71\nmail.corp IN A 192.0.2.72\n",
             "bakery.example": SMALL.format("192.0.2.90"), "bank.example": SMALL.format("192.0.2.91"),
             "nobody.example": SMALL.format("192.0.2.92")}
OK = dns.rcode.NOERROR


@breakwater_only
class Policies(SystemTest):
    def nsd(self):
        more = {"server": ["  minimal-responses: yes"], "zone": ["  allow-notify: 127.0.0.1 NOKEY"]}
        return self.started(Nsd(ZONES, more=more)).port

    def policy(self, name, replace=(), backend=None):
        """The policy with its addresses on loopback; asked without a pause while the test runs."""
        backend = backend or self.nsd()
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            text = file.read()
        for old, new in (*replace, ('setLocal("192.0.2.10:53")', 'setLocal("127.0.0.1:{port}")'),
                         ('addLocal("192.0.2.11:53")', 'addLocal("127.0.0.2:{port}")')):
            text = text.replace(old, new)
        text = re.sub(r'"192\.0\.2\.[23]\d:53"', f'"127.0.0.1:{backend}"', text)
        proxy = self.proxy(CONSOLE + text)
        names = write_file(proxy.folder, "names", "web.example.org A\nshort.example.org A\nsub.example.org TXT\n"
                           "bank.example A\nx.wild.example.org AAAA\nnope.example.org A\n")
        self.load = Dnsperf(proxy.port, names, 300, qps=500 if SANITIZED else 5000, timeout_s=1)
        self.addCleanup(self.load.stop)
        wait_until(lambda: proxy.stat("queries") > 500, "the load")
        return proxy

    def check_load(self, proxy):
        """The load went on, and nothing failed in Lua."""
        self.assertTrue(self.load.running())
        before = proxy.stat("queries")
        wait_until(lambda: proxy.stat("queries") > before + 100, "the load to go on")
        self.assertEqual(proxy.stat("lua-errors"), 0)
        self.stop_cleanly(proxy)

    def test_every_policy_has_a_test(self):
        there = sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, "*.lua")))
        with open(__file__, encoding="utf-8") as file:
            self.assertEqual(there, sorted(set(re.findall(r'self\.policy\("([a-z-]+\.lua)"', file.read()))))

    def test_rate_limits_send_a_flood_to_tcp_and_leave_others_alone(self):
        proxy = self.policy("rate-limits.lua", [("MaxQPSIPRule(2000, 24, 56, 4000)", "MaxQPSIPRule(1000000, 24, 56)")])
        wait_until(lambda: ask("web.example.org", port=proxy.port).flags & dns.flags.TC, "the limit to be met")
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port, tcp=True)))
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port, source="127.0.0.2")))
        self.assertTrue(ask("example.org", "ANY", port=proxy.port, source="127.0.0.2").flags & dns.flags.TC)
        self.check_load(proxy)

    def test_who_asks_far_too_much_gets_nothing(self):
        proxy = self.policy("rate-limits.lua", [("MaxQPSIPRule(2000, 24, 56, 4000)", "MaxQPSIPRule(100, 24, 56, 200)")])
        wait_until(lambda: proxy.stat("rule-drop") > 100, "the load to be dropped")
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port, tcp=True)))
        self.check_load(proxy)

    def test_a_blocklist_of_many_names_is_read_again_under_load(self):
        listed = write_file(temp_folder(), "blocked", "# names\n" + "".join(f"n{i}.blocked.test\n" for i in range(100000)) +
                            "short.example.org # a name of ours\n")
        proxy = self.policy("blocklist.lua", [("/var/lib/breakwater/blocked.txt", listed)])
        for name in ("n77777.blocked.test", "a.n5.blocked.test", "short.example.org"):
            answer = ask(name, port=proxy.port, use_edns=0)
            self.assertEqual(answer.rcode(), dns.rcode.NXDOMAIN, name)
            self.assertEqual([(e.code, e.text) for e in answer.options], [(15, "on the blocklist")], name)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        write_file(os.path.dirname(listed), "blocked", "web.example.org\n")
        self.assertIn("1 names are blocked", proxy.console("reload_blocklist()"))
        self.assertEqual(ask("web.example.org", port=proxy.port).rcode(), dns.rcode.NXDOMAIN)
        self.assertEqual(addresses(ask("short.example.org", port=proxy.port)), ["192.0.2.5"])
        os.remove(listed)
        self.assertIn("No such file", proxy.console("reload_blocklist()"))
        self.assertEqual(ask("web.example.org", port=proxy.port).rcode(), dns.rcode.NXDOMAIN)
        self.check_load(proxy)

    def test_customers_have_pools_of_their_own(self):
        proxy = self.policy("customer-pools.lua", [("192.0.2.11/32", "127.0.0.2/32"), ("qps=100", "qps=1")])
        for name, address in (("bank.example", "192.0.2.91"), ("nobody.example", "192.0.2.92")):
            self.assertEqual(addresses(ask(name, port=proxy.port)), [address])
        codes = {ask("bakery.example", port=proxy.port, source="127.0.0.3").rcode() for _ in range(20)}
        self.assertEqual(codes, {OK, dns.rcode.REFUSED})
        self.assertEqual(addresses(ask("nobody.example", port=proxy.port, host="127.0.0.2")), ["192.0.2.92"])
        self.assertRegex(proxy.console("showRules()"), r"address of the bank +1 ")
        self.check_load(proxy)

    def test_paths_and_headers_of_https_make_the_difference(self):
        port = free_port()
        cert, key = self_signed(temp_folder())
        proxy = self.policy("doh-only.lua", [("192.0.2.10:443", f"127.0.0.1:{port}"),
                                             ("/etc/breakwater/cert.pem", cert), ("/etc/breakwater/key.pem", key)])

        def get(path, name, *headers):
            return curl(*headers, f"https://127.0.0.1:{port}{path}?dns={encoded(name)}")

        self.assertIn("192.0.2.80", get("/dns-query", "web.example.org").addresses())
        self.assertEqual(get("/dns-query", "mail.example.org").addresses(), ["192.0.2.25"])
        self.assertEqual(get("/family", "mail.example.org").addresses(), [])
        self.assertEqual(get("/members", "web.example.org").status, 403)
        self.assertIn("192.0.2.80", get("/members", "web.example.org", "-H", "x-member-token: s3cret-7").addresses())
        self.assertEqual(get("/dns-query", "web.example.org", "-A", "zgrab/0.x").status, 403)
        self.assertEqual(proxy.stat("rule-drop"), 1)
        self.assertEqual(addresses(ask("mail.example.org", port=proxy.port)), ["192.0.2.25"])
        self.check_load(proxy)

    def test_networks_of_clients_are_told_where_the_policy_says(self):
        probe = Probe("probe")
        self.addCleanup(probe.close)
        proxy = self.policy("client-subnet.lua", [("198.51.100.0/24", "127.0.0.9/32")], backend=probe.port)

        def subnet(name, **options):
            """The client subnet that the nameserver was told of, in wire form."""
            said = " ".join(addresses(ask(name, "TXT", port=proxy.port, **options)))
            return re.search(r"8=([0-9a-f]+)", said)[1] if "8=" in said else None

        told = {"ecs": dns.edns.ECSOption("192.0.2.0", 24), "own": "0001" "1800" "7f0000", "its": "0001" "1800" "c00002"}
        self.assertEqual(subnet("a.cdn.example.org"), told["own"])
        self.assertEqual(subnet("x.probe.cdn.example.org"), "0001" "1800" "cb0071")
        self.assertIsNone(subnet("x.private.example.org"))
        self.assertIsNone(subnet("www.example.org"))
        # A resolver that is known is believed, a stranger is not.
        self.assertEqual(subnet("b.cdn.example.org", options=[told["ecs"]], source="127.0.0.9"), told["its"])
        self.assertEqual(subnet("c.cdn.example.org", options=[told["ecs"]], source="127.0.0.8"), told["own"])
        self.check_load(proxy)

    def test_the_office_sees_what_others_do_not(self):
        proxy = self.policy("split-horizon.lua", [('"10.0.0.0/8"', '"127.0.0.9/32"')])

        def inside(name, qtype="A"):
            return ask(name, qtype, port=proxy.port, source="127.0.0.9")

        self.assertEqual(addresses(inside("intranet.example.org")), ["10.1.2.3"])
        self.assertEqual(addresses(inside("files.example.org")), ["nas.corp.example.org."])
        self.assertEqual(addresses(inside("where.example.org", "TXT")), ['"you are in."'])
        self.assertEqual(addresses(inside("mail.corp.example.org")), ["192.0.2.72"])
        outside = ask("mail.corp.example.org", port=proxy.port)
        self.assertEqual((outside.rcode(), len(outside.authority)), (dns.rcode.NXDOMAIN, 1))
        self.assertEqual(ask("intranet.example.org", port=proxy.port).rcode(), dns.rcode.NXDOMAIN)
        self.check_load(proxy)

    def test_transfers_notify_and_updates_come_from_their_own_addresses_alone(self):
        proxy = self.policy("transfers.lua", [("198.51.100.10/32", "127.0.0.10/32"), ("198.51.100.20/32", "127.0.0.20/32"),
                                              ("198.51.100.30/32", "127.0.0.30/32")])

        def transfer(source):
            return run("dig", "@127.0.0.1", "-p", str(proxy.port), "-b", source, "+tcp", "example.org", "AXFR").stdout

        self.assertIn("192.0.2.80", transfer("127.0.0.10"))
        self.assertIn("Transfer failed", transfer("127.0.0.11"))

        def send(message, source):
            return dns.query.tcp(message, "127.0.0.1", port=proxy.port, timeout=5, source=source).rcode()

        notify = dns.message.make_query("example.org", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        update = dns.update.Update("example.org")
        update.add("new", 300, "A", "192.0.2.99")
        self.assertEqual([send(notify, source) for source in ("127.0.0.21", "127.0.0.20")], [dns.rcode.REFUSED, OK])
        # NSD takes no updates.
        self.assertEqual([send(update, source) for source in ("127.0.0.31", "127.0.0.30")],
                         [dns.rcode.REFUSED, dns.rcode.NOTIMP])
        self.check_load(proxy)

    def test_ttls_are_what_the_policy_says(self):
        backend = self.nsd()
        proxy = self.policy("ttl-policy.lua", backend=backend)
        for _ in range(2):
            self.assertLessEqual(ask("web.example.org", port=proxy.port).answer[0].ttl, 60)
        self.assertEqual(ask("mail.example.org", port=proxy.port).answer[0].ttl, 300)
        fresh = ask("short.example.org", "A", port=proxy.port, tcp=True).answer[0].ttl
        self.assertTrue(5 < fresh <= 30, fresh)
        service = ask("_sip._udp.example.org", "SRV", port=proxy.port)
        self.assertEqual((service.rcode(), addresses(service)), (OK, []))
        self.assertEqual(len(ask("_sip._udp.example.org", "SRV", port=backend).answer), 1)
        self.check_load(proxy)


if __name__ == "__main__":
    unittest.main()
