#!/usr/bin/python3
"""Last good answers in front of a real PowerDNS that refuses its zones, hangs, dies and comes back."""

import json
import signal
import socket
import time
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from client import addresses, run
from harness import CONSOLE, CONTROL, SystemTest, breakwater_only, wait_until
from nameservers import Database, PowerDns
from stale_answers import SAMPLE, STALE, ZONES, StaleAnswers, answer_of, database_with_zones, extended_errors

CONFIG = CONSOLE + """
setLocal("127.0.0.1:{port}")
newServer{address="127.0.0.1:%d", name="pdns", checkName="sample.example.", checkInterval=1}
setUDPTimeout(1)
cache = newPacketCache(1000, {maxTTL=1, joinMisses=true, lastGood={ttl=30, clientTimeout=0.4, recheck=1}})
getPool(""):setCache(cache)
"""

@breakwater_only
class LastGood(StaleAnswers):
    def setUp(self):
        self.database = database_with_zones()
        self.pdns = self.started(PowerDns(self.database, SAMPLE, cache_s=1))
        self.front = self.proxy(CONFIG % self.pdns.port)
        self.fill(self.front)

    def set_soas(self, disabled):
        """As the batch job of a hoster that recreates them; PowerDNS then refuses the zones."""
        self.database.execute("update records set disabled = ? where type = 'SOA' and name like 'zone%'", (disabled,))
        expected = dns.rcode.REFUSED if disabled else dns.rcode.NOERROR
        wait_until(lambda: all(answer_of(self.pdns, zone).rcode() == expected for zone in ZONES),
                   "PowerDNS to see it")

    def assert_last_good(self, zone, **options):
        self.assert_is_last_good(answer_of(self.front, zone, **options))

    def await_last_good(self, zone):
        """Until what is held is past its time and there is nothing better."""
        def stale():
            answer = answer_of(self.front, zone)
            return answer if extended_errors(answer) == [STALE] else None

        self.assert_is_last_good(wait_until(stale, f"the last good answer of {zone}"))

    def flush_all(self):
        """All that is held is due, and stays the last good answer."""
        self.front.console("cache:flush(newDNSName('.'), {suffix=true})")

    def fresh_address(self, zone):
        answer = answer_of(self.front, zone)
        return addresses(answer) if not extended_errors(answer) else None

    def test_zones_that_are_refused_keep_their_answers_until_the_repair(self):
        self.set_soas(disabled=1)
        for zone in ZONES:
            self.await_last_good(zone)
            self.assert_last_good(zone, tcp=True)
        self.front.console(f"cache:flush(newDNSName('{ZONES[0]}'), {{suffix=true}})")
        self.assert_last_good(ZONES[0])
        dig = run("dig", "@127.0.0.1", "-p", str(self.front.port), f"www.{ZONES[1]}").stdout
        self.assertIn("EDE: 3 (Stale Answer)", dig)
        self.assertRegex(self.front.log(), r"last good answer for www\.zone\d+\.example\. A: the answer of pdns "
                                           r"\(127\.0\.0\.1:\d+\) is refused")
        self.assertGreater(self.front.stat("last-good-answers"), 40)
        self.assertGreater(self.front.stat("bad-answers"), 20)

        # The repair comes with another address; it shows within `recheck` and a second.
        self.database.execute("update records set content = '192.0.2.2' where type = 'A' and name = 'www.zone3.example'")
        self.set_soas(disabled=0)
        repaired = time.monotonic()
        wait_until(lambda: self.fresh_address(ZONES[3]) == ["192.0.2.2"], "the new address")
        self.assertLess(time.monotonic() - repaired, 2.5)

    def test_a_record_that_is_deleted_or_changed_shows_at_once_after_its_flush(self):
        self.database.execute("delete from records where name = 'www.zone4.example'")
        self.database.execute("update records set content = '192.0.2.9' where type = 'A' and name = 'www.zone5.example'")
        wait_until(lambda: answer_of(self.pdns, ZONES[4]).rcode() == dns.rcode.NXDOMAIN, "PowerDNS to see it")
        wait_until(lambda: addresses(answer_of(self.pdns, ZONES[5])) == ["192.0.2.9"], "PowerDNS to see it")
        self.front.console("cache:flush(newDNSName('zone4.example'), {suffix=true}) "
                           "cache:flush(newDNSName('zone5.example'), {suffix=true})")
        self.assertEqual(answer_of(self.front, ZONES[4]).rcode(), dns.rcode.NXDOMAIN)
        self.assertEqual(addresses(answer_of(self.front, ZONES[5])), ["192.0.2.9"])

    def test_a_server_that_hangs_or_dies_is_not_waited_for(self):
        self.flush_all()
        self.pdns.pause()
        try:
            started = time.monotonic()
            self.assert_last_good(ZONES[6])
            self.assertGreater(time.monotonic() - started, 0.3)
            started = time.monotonic()
            self.assert_last_good(ZONES[6])
            self.assertLess(time.monotonic() - started, 0.25)
        finally:
            self.pdns.signal(signal.SIGCONT)
        self.pdns.kill()
        # What it still said after SIGCONT may be fresh for a second.
        for zone in ZONES:
            self.await_last_good(zone)
        with self.assertRaises(dns.exception.Timeout):
            answer_of(self.front, "never.seen.example", timeout_s=2)
        self.pdns.start()
        wait_until(lambda: self.fresh_address(ZONES[7]) == ["192.0.2.1"], "the server to be asked again")

    def test_a_zone_taken_away_for_good_is_flushed_hard(self):
        self.database.execute("delete from records where name like '%zone8.example'")
        self.database.execute("delete from domains where name = 'zone8.example'")
        wait_until(lambda: answer_of(self.pdns, ZONES[8]).rcode() == dns.rcode.REFUSED, "PowerDNS to see it")
        self.await_last_good(ZONES[8])
        self.front.console("cache:flush(newDNSName('zone8.example'), {suffix=true, hard=true})")
        self.assertEqual(answer_of(self.front, ZONES[8]).rcode(), dns.rcode.REFUSED)

    def test_bad_options_are_told(self):
        for option, text in (('on={"refusal"}', "'refusal' is none of timeout, malformed, servfail, refused"),
                             ("maxage=5", "maxAge"), ("recheck=0", "recheck is in seconds"),
                             ("maxAge=99999999", "maxAge is 1728000 seconds at most")):
            self.refused(f"newPacketCache(10, {{lastGood={{{option}}}}})", text)


@breakwater_only
class ManyWorkers(SystemTest):
    def test_a_flushed_name_is_asked_for_once_whatever_workers_its_clients_are_at(self):
        database = Database()
        database.add_zones([SAMPLE])
        pdns = self.started(PowerDns(database, SAMPLE, cache_s=1))
        config = CONFIG.replace("clientTimeout=0.4", "clientTimeout=9").replace("maxTTL=1", "maxTTL=600")
        front = self.proxy(config % pdns.port + 'setWorkers(4)\nsetZoneHealth({ask=false})\nsetUDPTimeout(10)\n'
                           'controlUnixSocket("{dir}/control.sock")\n')
        self.assertEqual(addresses(answer_of(front, SAMPLE)), ["192.0.2.1"])

        def asked():
            servers = run(CONTROL, "--socket", f"{front.folder}/control.sock", "--json", "servers").stdout
            return json.loads(servers)["servers"][0]["queries"]

        before = asked()
        front.console("getServer(0):setUp()")  # no health check finds it silent
        front.console(f"cache:flush(newDNSName('{SAMPLE}'), {{suffix=true}})")
        pdns.pause()
        question = dns.message.make_query(f"www.{SAMPLE}", "A", use_edns=0)
        clients = []
        for _ in range(60):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(client.close)
            client.settimeout(9)
            client.sendto(question.to_wire(), ("127.0.0.1", front.port))
            clients.append(client)
        wait_until(lambda: int(front.stat("refreshes-awaited")) + int(front.stat("joined-misses")) == 59,
                   "all but one to wait")
        self.assertGreater(int(front.stat("refreshes-awaited")), 0)
        pdns.signal(signal.SIGCONT)
        for client in clients:
            answer = dns.message.from_wire(client.recv(4096))
            self.assertEqual((addresses(answer), extended_errors(answer)), (["192.0.2.1"], []))
        self.assertEqual(asked() - before, 1)


if __name__ == "__main__":
    unittest.main()
