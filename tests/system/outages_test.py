#!/usr/bin/python3
"""Outages other than the one of tests/outage, with real servers: losses, flapping, a herd, a full cache, old signatures."""

import concurrent.futures
import os
import time
import unittest

import dns.exception
import dns.rcode

from client import Dnsperf, addresses, ask
from harness import CONSOLE, SANITIZED, SystemTest, breakwater_only, full_speed_only, temp_folder, wait_until, write_file
from lossy_relay import LossyRelay
from nameservers import Nsd

CHECK = "check.example"
ZONE = "example.org"
SOA = "@ IN SOA ns1 hostmaster 1 7200 3600 1209600 1\n@ IN NS ns1\nns1 IN A 198.51.100.53\n"
CONFIG = """
setLocal("127.0.0.1:{port}")
newServer{address="127.0.0.1:%d", name="one", checkName="check.example.", mustResolve=true,
          checkInterval=1, maxCheckFailures=2, rise=1}
setUDPTimeout(1)
getPool(""):setCache(newPacketCache(%d, {joinMisses=true,
  lastGood={ttl=30, clientTimeout=0.4, recheck=1}}))
"""
EXTENDED_ERROR, STALE = 15, 3


def zone_text(count, ttl=1):
    return f"$TTL {ttl}\n" + SOA + "".join(f"h{n} IN A 192.0.2.{n % 200 + 1}\n" for n in range(count))


def is_stale(answer):
    return any(option.otype == EXTENDED_ERROR and option.code == STALE for option in answer.options)


class Outages(SystemTest):
    def behind_a_relay(self, count=40, cache=10000, **relay):
        """A proxy, the relay behind it, and the NSD behind that, with h0 to h(count - 1) asked for once."""
        self.nsd = self.started(Nsd({ZONE: zone_text(count), CHECK: "$TTL 60\n" + SOA}))
        self.relay = LossyRelay(self.nsd.port)
        self.addCleanup(self.relay.stop)
        front = self.proxy(CONFIG % (self.relay.port, cache))
        for number in range(count):
            self.assert_right(front, number)
        for name, value in relay.items():
            setattr(self.relay, name, value)
        self.relay.asked.clear()
        return front

    def assert_right(self, front, number, **options):
        """The answer, and how long it took."""
        began = time.monotonic()
        answer = ask(f"h{number}.{ZONE}", port=front.port, use_edns=0, timeout_s=2, **options)
        self.assertEqual(addresses(answer), [f"192.0.2.{number % 200 + 1}"], answer)
        return answer, time.monotonic() - began

    def ask_for(self, seconds, front, count):
        """Eight clients ask for known names in turn; every answer must be right: the longest time, how many were stale."""
        end = time.monotonic() + seconds

        def client(first):
            longest, stale, number = 0, 0, first
            while time.monotonic() < end:
                answer, took = self.assert_right(front, number % count)
                longest, stale, number = max(longest, took), stale + is_stale(answer), number + 7
            return longest, stale
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(client, range(8)))
        return max(longest for longest, _ in results), sum(stale for _, stale in results)

    def names_asked(self):
        return {name: count for name, count in self.relay.asked.items() if name.startswith("h")}

    @breakwater_only
    @full_speed_only
    def test_a_brown_out_is_not_felt_and_not_fed(self):
        """Three answers in ten are lost and the others are slow."""
        front = self.behind_a_relay(loss=0.3, delay_s=0.1)
        longest, stale = self.ask_for(8, front, 40)
        self.assertLess(longest, 0.8)  # clientTimeout, and what a busy machine adds
        self.assertGreater(stale, 0)
        # A second of TTL, and one of `recheck` where the answer was lost: no name is asked for more often.
        self.assertLessEqual(max(self.names_asked().values()), 9, self.names_asked())
        self.assertGreater(len(self.names_asked()), 30)

    @breakwater_only
    @full_speed_only
    def test_a_server_that_comes_back_is_not_overrun(self):
        front = self.behind_a_relay(count=300)
        self.relay.dark = True
        queries = write_file(temp_folder(), "names", "".join(f"h{n}.{ZONE} A\n" for n in range(300)))
        dark = Dnsperf(front.port, queries, 4).report()
        self.relay.asked.clear()
        self.relay.dark = False
        back = Dnsperf(front.port, queries, 3).report()
        for report in (dark, back):
            self.assertEqual(report["lost"], 0, report["text"])
            self.assertEqual(set(report["rcodes"]), {"NOERROR"}, report["text"])
        self.assertGreater(back["completed"], 10000)
        # One refresh a name at a time, each good for a second.
        self.assertLessEqual(max(self.names_asked().values()), 5)
        wait_until(lambda: not is_stale(self.assert_right(front, 0)[0]), "a fresh answer", timeout_s=4)

    @breakwater_only
    @full_speed_only
    def test_a_server_that_flaps_is_not_noticed(self):
        front = self.behind_a_relay()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.ask_for, 9, front, 40)
            flips = 0
            while not asking.done():
                self.relay.dark = flips % 2 == 0
                flips += 1
                concurrent.futures.wait([asking], timeout=0.7)
        longest, stale = asking.result()
        self.assertGreater(flips, 8)
        self.assertGreater(stale, 0)
        self.assertLess(longest, 0.8)

    @breakwater_only
    def test_a_flood_during_an_outage_pushes_no_last_good_answer_out_of_a_full_cache(self):
        front = self.behind_a_relay(count=100, cache=400)
        for _ in range(2):
            for number in range(100):
                self.assert_right(front, number)
        self.nsd.kill()
        self.started(Nsd({CHECK: "$TTL 60\n" + SOA}, port=self.nsd.port))  # refuses the zone
        wait_until(lambda: is_stale(self.assert_right(front, 0)[0]), "the outage")
        flood = write_file(temp_folder(), "flood", "".join(f"x{n}.{ZONE} A\n" for n in range(3000)))
        report = Dnsperf(front.port, flood, 2).report()
        self.assertEqual(set(report["rcodes"]), {"REFUSED"}, report["text"])
        # Several times as many as the cache holds.
        self.assertGreater(report["completed"], 1000 if SANITIZED else 3000)
        for number in range(100):
            self.assertTrue(is_stale(self.assert_right(front, number)[0]), number)

    @breakwater_only
    def test_a_signed_answer_is_not_served_past_its_signature(self):
        begins, ends = (time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + s)) for s in (-3600, 6))
        # NSD takes a zone for signed whose DNSKEY is, and looks no closer.
        signature = f"13 {{labels}} 1 {ends} {begins} 4711 {ZONE}. c2lnbmF0dXJl\n"
        text = ("$TTL 1\n" + SOA + "h0 IN A 192.0.2.1\n" + f"@ IN DNSKEY 257 3 13 {'A' * 86}==\n"
                + "@ IN RRSIG DNSKEY " + signature.format(labels=2) + "h0 IN RRSIG A " + signature.format(labels=3))
        nsd = self.started(Nsd({ZONE: text, CHECK: "$TTL 60\n" + SOA}))
        front = self.proxy(CONFIG % (nsd.port, 100))
        self.assertEqual(len(ask(f"h0.{ZONE}", port=front.port, want_dnssec=True).answer), 2, "a signature")
        nsd.kill()
        began = time.time()

        def stale():
            answer = ask(f"h0.{ZONE}", port=front.port, want_dnssec=True, timeout_s=2)
            self.assertEqual(len(answer.answer), 2)
            return is_stale(answer)
        wait_until(stale, "the last good answer")

        def gone():
            try:
                return not stale()
            except dns.exception.Timeout:
                return True
        wait_until(gone, "the end of the signature")
        self.assertLess(time.time() - began, 6 + 2.5)

    @breakwater_only
    @full_speed_only  # a sanitizer wants to be loaded first
    def test_a_step_of_the_wall_clock_changes_nothing(self):
        offset = write_file(temp_folder(), "offset", "+0\n")
        environment = dict(os.environ, LD_PRELOAD="/usr/$LIB/faketime/libfaketimeMT.so.1", FAKETIME_TIMESTAMP_FILE=offset,
                           FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")
        nsd = self.started(Nsd({ZONE: zone_text(5, ttl=300), CHECK: "$TTL 60\n" + SOA}))
        front = self.proxy(CONSOLE + CONFIG % (nsd.port, 100), env=environment)
        ttls = [self.assert_right(front, 0)[0].answer[0].ttl]
        for step in (-7200, 90000):
            write_file(os.path.dirname(offset), "offset", f"{step:+}\n")
            told = int(front.console("return os.time()"))
            self.assertAlmostEqual(told - time.time(), step, delta=60)
            ttls.append(self.assert_right(front, 0)[0].answer[0].ttl)
            self.assert_right(front, 2 + (step > 0))  # the server is up, and asked
        self.assertEqual(ttls, sorted(ttls, reverse=True))
        self.assertGreater(ttls[-1], 240)
        hits = front.stat("cache-hits")
        nsd.kill()
        self.started(Nsd({CHECK: "$TTL 60\n" + SOA}, port=nsd.port))  # refuses the zone
        write_file(os.path.dirname(offset), "offset", "-90000\n")
        self.assertFalse(is_stale(self.assert_right(front, 0)[0]))
        self.assertEqual(front.stat("cache-hits"), hits + 1)
        front.console(f'getPool(""):getCache():flush("{ZONE}", {{suffix=true}})')
        self.assertTrue(is_stale(self.assert_right(front, 0)[0]), "the last good answer is not older for the clock")


if __name__ == "__main__":
    unittest.main()
