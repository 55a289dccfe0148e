#!/usr/bin/python3
"""The packet cache as clients see it: hits without a backend, falling TTLs, own spelling and ID."""

import concurrent.futures
import subprocess
import unittest

from client import addresses, ask, content
from harness import CONSOLE, SystemTest, breakwater_only, wait_until
from lossy_relay import LossyRelay
from nameservers import Nsd

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60
@ IN NS ns1
ns1 IN A 192.0.2.53
www IN A 192.0.2.80
brief 1 IN A 192.0.2.5
often 4 IN A 192.0.2.6
"""


class Cache(SystemTest):
    def setUp(self):
        self.nsd = self.started(Nsd({"example.org": ZONE}))

    def cached_proxy(self, options="", more=""):
        return self.proxy(CONSOLE + f'newServer{{address="127.0.0.1:{self.nsd.port}", checkInterval=1, '
                          f'maxCheckFailures=1}}\npc = newPacketCache(1000{options})\n'
                          f'getPool(""):setCache(pc)\n{more}')

    def test_a_hit_needs_no_backend(self):
        proxy = self.cached_proxy()
        first = {(name, tcp): ask(name, port=proxy.port, tcp=tcp)
                 for name in ("www.example.org", "none.example.org") for tcp in (False, True)}
        self.nsd.kill()
        for (name, tcp), answer in first.items():
            self.assertEqual(content(ask(name, port=proxy.port, tcp=tcp)), content(answer), (name, tcp))

    def test_a_hit_keeps_the_spelling_and_flags_of_its_asker(self):
        proxy = self.cached_proxy()
        for name in ("www.example.org.", "WWW.example.ORG.", "wWw.eXample.oRg."):
            for rd in (True, False):
                answer = ask(name, port=proxy.port, rd=rd)
                self.assertEqual(str(answer.question[0].name), name)
                self.assertEqual(bool(answer.flags & 0x0100), rd)
                self.assertEqual(addresses(answer), ["192.0.2.80"])

    def test_the_ttl_falls_with_time(self):
        proxy = self.cached_proxy()
        before = ask("www.example.org", port=proxy.port).answer[0].ttl
        self.assertEqual(before, 300)
        wait_until(lambda: ask("www.example.org", port=proxy.port).answer[0].ttl == before - 2, "TTL 298")

    def test_an_expired_entry_is_stale_data_while_no_backend_is_up(self):
        proxy = self.cached_proxy(", {staleTTL=17, keepStaleData=true}", "setStaleCacheEntriesTTL(600)\n")
        ask("brief.example.org", port=proxy.port)
        self.nsd.kill()
        wait_until(lambda: "down" in proxy.console("showServers()"), "the backend to be down")

        def stale():
            answer = ask("brief.example.org", port=proxy.port)
            return answer.answer and answer.answer[0].ttl == 17
        wait_until(stale, "the stale answer")

    def test_expunge_by_name_makes_the_next_answer_fresh(self):
        proxy = self.cached_proxy()
        ask("www.example.org", port=proxy.port)
        wait_until(lambda: ask("www.example.org", port=proxy.port).answer[0].ttl < 300, "an aged hit")
        proxy.console('pc:expungeByName(newDNSName("www.example.org"))')
        self.assertEqual(ask("www.example.org", port=proxy.port).answer[0].ttl, 300)

    @breakwater_only
    def test_a_flush_on_the_console_makes_the_next_answer_fresh(self):
        proxy = self.cached_proxy()
        ask("www.example.org", port=proxy.port)
        wait_until(lambda: ask("www.example.org", port=proxy.port).answer[0].ttl < 300, "an aged hit")
        proxy.console('pc:flush(newDNSName("example.org"), {suffix=true})')
        self.assertEqual(ask("www.example.org", port=proxy.port).answer[0].ttl, 300)

    @breakwater_only
    def test_for_what_is_asked_for_often_no_client_waits_after_the_first(self):
        proxy = self.cached_proxy(", {refreshAhead={share=0.6}}")

        def refreshed_twice():
            self.assertEqual(addresses(ask("often.example.org", port=proxy.port)), ["192.0.2.6"])
            return proxy.stat("refreshes-ahead") >= 2
        wait_until(refreshed_twice, "two refreshes ahead")
        self.assertEqual(proxy.stat("cache-misses"), 1)

    def test_counters_tell_hits_from_misses(self):
        proxy = self.cached_proxy()
        for _ in range(5):
            ask("www.example.org", port=proxy.port)
        self.assertEqual(proxy.stat("cache-hits"), 4)
        self.assertEqual(proxy.stat("cache-misses"), 1)


@breakwater_only
class Cookies(SystemTest):
    """DNS cookies (RFC 7873) of a server that gives them: dig tells whether a cookie belongs to its own."""

    def setUp(self):
        self.nsd = self.started(Nsd({"example.org": ZONE}, more={"server": ["  answer-cookie: yes"]}))
        self.relay = LossyRelay(self.nsd.port, delay_s=0.3)
        self.addCleanup(self.relay.stop)
        self.front = self.proxy(CONSOLE + 'setWorkers(1)\n'  # each worker has misses of its own
                                f'newServer{{address="127.0.0.1:{self.relay.port}", healthCheckMode="up"}}\n'
                                'getPool(""):setCache(newPacketCache(1000, {joinMisses=true}))\n')

    def dig(self, number, port):
        text = subprocess.run(["dig", "+tries=1", f"+cookie={number:016x}", "-p", str(port), "@127.0.0.1",
                               "www.example.org"], check=True, capture_output=True, text=True).stdout
        self.assertIn("192.0.2.80", text)
        self.assertNotIn("(bad)", text)
        return "(good)" in text

    def test_a_cookie_reaches_whom_it_belongs_to_and_nobody_else(self):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            own = list(pool.map(lambda number: self.dig(number, self.front.port), range(12)))
        self.assertEqual(own.count(True), 1, "who asked first has the cookie that came with the answer")
        self.assertEqual(sum(self.relay.asked.values()), 1, "one question for all")
        self.assertFalse(self.dig(12, self.front.port), "of the cache")
        self.assertTrue(self.dig(13, self.nsd.port), "the server gives cookies")


if __name__ == "__main__":
    unittest.main()
