#!/usr/bin/python3
"""Caches that outlive the process: a restart during an outage, a crash, and files that are not to be trusted."""

import os
import pwd
import re
import signal
import socket
import threading
import time
import unittest

import dns.exception

from client import addresses, ask, run
from harness import BINARY, CONSOLE, breakwater_only, temp_folder, wait_until, write_file
from nameservers import PowerDns
from stale_answers import SAMPLE, STALE, ZONES, StaleAnswers, answer_of, database_with_zones, extended_errors

CONFIG = CONSOLE + """
setLocal("127.0.0.1:{port}")
newServer{address="127.0.0.1:PDNS", name="pdns", checkName="sample.example.", checkInterval=1}
setUDPTimeout(2)
cache = newPacketCache(1000, {joinMisses=true, lastGood={ttl=30, clientTimeout=0.4, recheck=1}})
getPool(""):setCache(cache)
setCacheSnapshot("FOLDER/cache", {interval=INTERVAL})
"""

@breakwater_only
class Snapshot(StaleAnswers):
    def setUp(self):
        self.folder = temp_folder()
        self.path = os.path.join(self.folder, "cache")
        self.pdns = self.started(PowerDns(database_with_zones(), SAMPLE))

    def front(self, interval=300, more="", **options):
        config = CONFIG.replace("PDNS", str(self.pdns.port)).replace("FOLDER", self.folder)
        return self.proxy(config.replace("INTERVAL", str(interval)) + more, **options)

    def await_entries(self, front):
        wait_until(lambda: front.stat("cache-snapshot-entries") == len(ZONES), "what the file holds")

    def assert_last_good(self, front, zones=None):
        for zone in ZONES if zones is None else zones:
            self.assert_is_last_good(answer_of(front, zone))

    def test_a_restart_during_the_outage_loses_no_answer(self):
        front = self.front()
        self.fill(front)
        self.stop_cleanly(front)
        self.assertEqual(os.stat(self.path).st_mode & 0o7777, 0o600)
        self.pdns.kill()
        front = self.front()
        self.assert_last_good(front)
        self.await_entries(front)
        taken = f"{len(ZONES)} entries taken from the snapshot '{self.path}'"
        wait_until(lambda: taken in front.log(), "the log of what was taken")

    def test_a_restart_does_not_wait_for_servers_that_say_nothing(self):
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        front = self.front()
        self.fill(front)
        self.stop_cleanly(front)
        port = silent.getsockname()[1]
        more = f'newServer{{address="127.0.0.1:{port}", checkTimeout=20000, checkInterval=60}}\n'
        began = time.monotonic()
        front = self.front(more=more)
        self.fill(front)
        self.assertLess(time.monotonic() - began, 10)
        # What was not known then is known as soon as it is told.
        wait_until(lambda: re.search(r"pdns .* up ", front.console("showServers()")), "the server that speaks")

    def test_what_comes_back_is_not_taken_for_fresh(self):
        front = self.front()
        self.fill(front)
        self.stop_cleanly(front)
        front = self.front()
        answer = answer_of(front, ZONES[0])
        self.assertEqual((addresses(answer), extended_errors(answer)), (["192.0.2.1"], []))
        self.assertEqual(front.stat("cache-misses"), 1)

    def test_after_a_crash_the_last_interval_counts(self):
        front = self.front(interval=1)
        self.fill(front)
        before = front.stat("cache-snapshots")
        wait_until(lambda: front.stat("cache-snapshots") > before + 1, "a snapshot that began after the answers")
        front.kill()
        front.expected_end = True
        self.pdns.kill()
        self.assert_last_good(self.front())

    def test_a_damaged_file_is_refused_and_the_start_goes_on(self):
        front = self.front()
        self.fill(front)
        self.stop_cleanly(front)
        with open(self.path, "r+b") as file:
            file.seek(300)
            byte = file.read(1)[0]
            file.seek(300)
            file.write(bytes([byte ^ 1]))
        front = self.front()
        refusal = r"the snapshot of the cache is refused, the cache begins empty: '\S+' is damaged: a wrong checksum"
        wait_until(lambda: re.search(refusal + r" at byte \d+", front.log()), "the refusal in the log")
        wait_until(lambda: front.stat("cache-snapshot-errors") == 1, "the error to be counted")
        self.fill(front)
        self.stop_cleanly(front)
        self.await_entries(self.front())

    def test_a_hard_flush_outlives_the_stop_and_soon_a_crash(self):
        front = self.front()
        self.fill(front)
        front.console(f"cache:flush(newDNSName('{ZONES[0]}'), {{suffix=true, hard=true}})")
        wait_until(lambda: front.stat("cache-snapshots") == 1, "the snapshot that a flush brings", timeout_s=40)
        front.kill()
        front.expected_end = True
        self.pdns.kill()
        front = self.front()
        self.assert_last_good(front, ZONES[1:])
        with self.assertRaises(dns.exception.Timeout):
            ask(f"www.{ZONES[0]}", port=front.port, timeout_s=1)

    def test_what_is_flushed_right_before_a_crash_or_while_nothing_runs_does_not_come_back(self):
        """By hand; and by a line that is appended to a watched file."""
        flushes = write_file(self.folder, "flushes", "")
        more = f'addFlushSource({{file="{flushes}", interval=0.1, hard=true}})\n'
        front = self.front(more=more)
        self.fill(front)
        self.stop_cleanly(front)
        front = self.front(more=more)
        self.await_entries(front)
        front.console(f"cache:flush(newDNSName('{ZONES[0]}'), {{suffix=true, hard=true}})")
        with open(flushes, "a", encoding="utf-8") as file:
            file.write(f"www.{ZONES[1]}\n")
        wait_until(lambda: front.stat("flush-source-flushes") == 1, "the line to be read")
        front.kill()
        front.expected_end = True
        self.assertEqual(front.log().count("entries of the cache written"), 0)
        with open(flushes, "a", encoding="utf-8") as file:
            file.write(f"www.{ZONES[2]}\n")
        self.pdns.kill()
        front = self.front(more=more)
        self.await_entries(front)
        wait_until(lambda: front.stat("cache-snapshot-flushes") == 2, "the flushes of before the crash")
        wait_until(lambda: front.stat("flush-source-flushes") >= 1, "the line of meanwhile")
        self.assert_last_good(front, ZONES[3:])
        for zone in ZONES[:3]:
            with self.assertRaises(dns.exception.Timeout):
                ask(f"www.{zone}", port=front.port, timeout_s=1)

    def test_who_waits_when_the_program_stops_gets_the_last_good_answer(self):
        front = self.front(more='cache2 = newPacketCache(1000, {lastGood={ttl=30, clientTimeout=60}})\n'
                                'getPool(""):setCache(cache2)\nsetUDPTimeout(60)\n'
                                'getServer(0):setUp()\n')
        self.fill(front)
        front.console("cache2:flush(newDNSName('.'), {suffix=true})")
        self.pdns.pause()
        self.addCleanup(self.pdns.signal, signal.SIGCONT)
        answers = []

        def wait_for_answer(tcp):
            answers.append(ask(f"www.{ZONES[tcp]}", port=front.port, use_edns=0, tcp=bool(tcp), timeout_s=15))
        clients = [threading.Thread(target=wait_for_answer, args=(tcp,)) for tcp in (0, 1)]
        for client in clients:
            client.start()
        wait_until(lambda: front.stat("cache-misses") == len(ZONES) + 2, "both questions to be with the server")
        self.assertEqual(answers, [])
        self.stop_cleanly(front)
        for client in clients:
            client.join()
        self.assertEqual([(addresses(answer), extended_errors(answer)) for answer in answers],
                         [(["192.0.2.1"], [STALE])] * 2)

    def check(self, path, options=""):
        config = write_file(temp_folder(), "check.conf", f'setCacheSnapshot("{path}"{options})\n')
        result = run(BINARY, "--check-config", "-C", config)
        return result.returncode, result.stdout + result.stderr

    def test_a_place_that_cannot_be_is_told_by_the_configuration_check(self):
        self.assertEqual(self.check(self.path)[0], 0)
        for path, options, text in ((f"{self.folder}/none/cache", "", "there is no directory"),
                                    (self.folder, "", "is a directory"),
                                    ("", "", "path of the snapshot is empty"),
                                    (self.path, ", {interval=0}", "interval must be 1 second or more")):
            status, output = self.check(path, options)
            self.assertEqual(status, 1, output)
            self.assertIn(text, output)

    @unittest.skipIf(os.geteuid() != 0, "only root can give up privileges")
    def test_a_directory_that_the_user_may_not_write_to_is_told_at_start(self):
        user = pwd.getpwnam("nobody")
        front = self.front(arguments=("-u", str(user.pw_uid)))
        self.fill(front)
        told = f"cannot be written: user {user.pw_uid} may not make files in '{self.folder}/'"
        wait_until(lambda: told in front.log(), "the log of what cannot be written")
        self.stop_cleanly(front)
        self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    unittest.main()
