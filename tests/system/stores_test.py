#!/usr/bin/python3
"""Key-value stores that change while they are in use, damaged files, and a split by country."""

import os
import subprocess
import threading
import unittest

import dns.rcode

from client import addresses, ask
from harness import BINARY, CONSOLE, ROOT, SystemTest, breakwater_only, temp_folder, wait_until
from nameservers import Nsd
from stores import make_cdb, make_lmdb, make_mmdb, wire

BLOCK = 'addAction(KeyValueStoreLookupRule(kvs, KeyValueLookupKeySuffix()), RCodeAction(DNSRCode.REFUSED))\n'
REST = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'
ZONE = "$TTL 60\n@ IN SOA ns host 1 2 3 4 5\n@ IN NS ns\nns A 192.0.2.1\nwww A 192.0.2.80\n"


class Stores(SystemTest):
    def setUp(self):
        self.folder = temp_folder()
        self.cdb, self.lmdb, self.mmdb = (os.path.join(self.folder, f"a.{kind}") for kind in ("cdb", "mdb", "mmdb"))

    def blocked(self, front, name):
        return ask(name, port=front.port).rcode() == dns.rcode.REFUSED

    def test_a_new_cdb_file_is_taken_by_itself(self):
        make_cdb(self.cdb, {wire("old.example"): b""})
        front = self.proxy(CONSOLE + f'kvs = newCDBKVStore("{self.cdb}", 1)\n' + BLOCK + REST)
        self.assertTrue(self.blocked(front, "www.old.example"))
        self.assertFalse(self.blocked(front, "www.new.example"))
        make_cdb(self.cdb, {wire("new.example"): b"", wire("more.example"): b""})
        ask("x.example", port=front.port)  # dnsdist looks at the file when it is asked
        wait_until(lambda: self.blocked(front, "www.new.example"), "the new file")
        self.assertFalse(self.blocked(front, "www.old.example"))

    @breakwater_only
    def test_a_damaged_cdb_file_changes_nothing_and_is_counted(self):
        make_cdb(self.cdb, {wire("old.example"): b""})
        front = self.proxy(CONSOLE + f'kvs = newCDBKVStore("{self.cdb}", 1)\n' + BLOCK + REST)
        with open(self.cdb + ".tmp", "wb") as file:
            file.write(os.urandom(5000))
        os.rename(self.cdb + ".tmp", self.cdb)
        wait_until(lambda: front.stat("kvs-load-errors") == 1, "the damage to be counted")
        self.assertTrue(self.blocked(front, "www.old.example"))
        self.assertIn("what was read before stays in use", front.log())
        make_cdb(self.cdb, {wire("new.example"): b""})
        wait_until(lambda: front.stat("kvs-loads") == 1, "the good file")
        self.assertTrue(self.blocked(front, "www.new.example"))

    @breakwater_only
    def test_a_file_that_is_written_over_ends_nothing(self):
        make_cdb(self.cdb, {wire("old.example"): b""})
        make_mmdb(self.mmdb, {"127.0.0.0/8": {"country": "NL"}})
        front = self.proxy(CONSOLE + f'kvs = newCDBKVStore("{self.cdb}", 1)\n' + BLOCK +
                           f'countries = newMMDBKVStore("{self.mmdb}", "country", 1)\n'
                           'addAction(AndRule{QNameRule("here.example"), '
                           'KeyValueStoreLookupRule(countries, KeyValueLookupKeySourceIP())}, '
                           'SpoofAction("192.0.2.7"))\n' + REST)
        self.assertEqual(addresses(ask("here.example", port=front.port)), ["192.0.2.7"])
        for path in (self.cdb, self.mmdb):
            with open(path, "w", encoding="utf-8"):
                pass  # as `cp` does before it writes
        wait_until(lambda: front.stat("kvs-load-errors") == 2, "the damage to be counted")
        self.assertTrue(self.blocked(front, "www.old.example"))
        self.assertEqual(addresses(ask("here.example", port=front.port)), ["192.0.2.7"])

    def test_what_is_written_to_lmdb_is_seen_at_once(self):
        make_lmdb(self.lmdb, "db", {wire("old.example"): b""})
        front = self.proxy(f'kvs = newLMDBKVStore("{self.lmdb}", "db")\n' + BLOCK + REST)
        self.assertTrue(self.blocked(front, "old.example"))
        self.assertFalse(self.blocked(front, "new.example"))
        make_lmdb(self.lmdb, "db", {wire("new.example"): b""})
        self.assertTrue(self.blocked(front, "new.example"))

    @breakwater_only
    def test_lmdb_may_grow_while_it_is_asked(self):
        make_lmdb(self.lmdb, "db", {wire("old.example"): b""})
        front = self.proxy(CONSOLE + f'setWorkers(2)\nkvs = newLMDBKVStore("{self.lmdb}", "db")\n' + BLOCK + REST)
        stop, problems = threading.Event(), []

        def load():
            while not stop.is_set():
                try:
                    ask("www.old.example", port=front.port, timeout_s=2)
                except Exception as error:  # pylint: disable=broad-except
                    problems.append(error)
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for size, count in ((4, 10_000), (16, 50_000), (64, 150_000)):
                entries = {wire(f"n{i}.example"): b"x" * 20 for i in range(count)}
                make_lmdb(self.lmdb, "db", entries, size=size << 20)
                wait_until(lambda last=count - 1: self.blocked(front, f"n{last}.example"), "the last entry")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(problems, [])
        wait_until(lambda: front.stat("kvs-loads") >= 1, "the loads to be counted")  # once a second

    @breakwater_only
    def test_a_file_that_cannot_be_used_is_an_error_at_start(self):
        make_lmdb(self.lmdb, "db", {wire(f"n{i}.example"): b"x" for i in range(1000)})
        with open(self.lmdb, "r+b") as file:
            file.truncate(os.path.getsize(self.lmdb) // 2)
        with open(self.cdb, "wb") as file:
            file.write(b"no CDB file")
        for line, path in ((f'newLMDBKVStore("{self.lmdb}", "db")', self.lmdb),
                           (f'newCDBKVStore("{self.cdb}", 1)', self.cdb),
                           (f'newMMDBKVStore("{self.mmdb}", "country.iso_code")', self.mmdb)):
            with self.subTest(line):
                config = os.path.join(self.folder, "bad.conf")
                with open(config, "w", encoding="utf-8") as file:
                    file.write(f"-- a store\nkvs = {line}\n")
                run = subprocess.run([BINARY, "-C", config, "--check-config"], capture_output=True, text=True,
                                     check=False, timeout=30)
                self.assertNotEqual(run.returncode, 0)
                self.assertIn(f'"{path}": ', run.stdout + run.stderr)
                self.assertIn("bad.conf:2: ", run.stdout + run.stderr)

    @breakwater_only
    def test_the_example_splits_by_country(self):
        nsd = self.started(Nsd({"example.org": ZONE}))
        make_mmdb(self.mmdb, {"127.0.8.0/24": {"country": {"iso_code": "NL"}},
                              "127.0.9.0/24": {"country": {"iso_code": "US"}},
                              "127.0.10.0/24": {"country": {"iso_code": "KP"}}})
        with open(os.path.join(ROOT, "examples/geo-split.lua"), encoding="utf-8") as file:
            text = file.read()
        text = text.replace("/var/lib/GeoIP/GeoLite2-Country.mmdb", self.mmdb).replace("192.0.2.10:53", "127.0.0.1:{port}")
        for server in ("192.0.2.20:53", "192.0.2.21:53", "192.0.2.22:53"):
            text = text.replace(server, f"127.0.0.1:{nsd.port}")
        front = self.proxy(CONSOLE + text)
        for source, wanted in (("127.0.8.1", "europe"), ("127.0.9.1", "america"), ("127.0.0.1", "everywhere")):
            before = self.queries(front)
            self.assertEqual(addresses(ask("www.example.org", port=front.port, source=source)), ["192.0.2.80"])
            after = self.queries(front)
            self.assertEqual({name: after[name] - before[name] for name in after if after[name] != before[name]},
                             {wanted: 1}, source)
        self.assertEqual(ask("www.example.org", port=front.port, source="127.0.10.1").rcode(), dns.rcode.REFUSED)
        make_mmdb(self.mmdb, {"127.0.0.0/8": {"country": {"iso_code": "NL"}}})
        self.assertEqual(front.console("print(geo:reload())").strip(), "true")
        self.assertEqual(ask("www.example.org", port=front.port, source="127.0.10.1").rcode(), dns.rcode.NOERROR)

    def queries(self, front):
        """Those sent to each server, by its name."""
        line = front.console('local t = "" for _, s in ipairs(getServers()) do '
                             't = t .. s:getName() .. "=" .. s:getQueries() .. " " end print(t)')
        return {name: int(count) for name, count in (word.split("=") for word in line.split())}


if __name__ == "__main__":
    unittest.main()
