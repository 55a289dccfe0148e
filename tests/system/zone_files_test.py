#!/usr/bin/python3
"""A server of zone files in the running program: forty thousand zones, changes, and everything wrong with files."""

import json
import os
import shutil
import time
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from client import addresses, ask, question, run
from harness import CONSOLE, CONTROL, SANITIZED, SystemTest, breakwater_only, temp_folder, wait_until, write_file

COUNT = 4000 if SANITIZED else 40000
SOA = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"


def put(folder, zone, address, extra=""):
    """As careful writers do it: another file is moved to its place."""
    path = write_file(folder, f"{zone}.zone.new", f"{SOA}www 60 A {address}\n{extra}")
    os.rename(path, os.path.join(folder, f"{zone}.zone"))


def www(proxy, zone, **options):
    return addresses(ask(f"www.{zone}", port=proxy.port, **options))


class ZoneFiles(SystemTest):
    def server(self, config="", **options):
        folder = temp_folder()
        for zone, extra in options.get("zones", {"a.test": "", "b.test": ""}).items():
            put(folder, zone, "192.0.2.80", extra)
        proxy = self.proxy(CONSOLE + f'newZoneServer{{path="{folder}", name="files", interval=1}}\n' + config)
        wait_until(lambda: f" zones of {folder}" in proxy.log(), "the first look")
        return folder, proxy

    def await_www(self, proxy, zone, expected):
        def answered():
            try:
                return www(proxy, zone, timeout_s=1) == expected
            except dns.exception.Timeout:  # no server is up yet
                return False
        wait_until(answered, f"{zone} to be {expected}: {proxy.log()[-2000:]}")

    def state(self, proxy):
        """Of the first server: up or down, and what showServers() says below its table."""
        lines = proxy.console("showServers()").splitlines()
        return lines[1].split()[3], lines[-1]

    @breakwater_only
    def test_answers_over_udp_and_tcp_and_through_a_cache(self):
        text = "".join(f'big TXT "{n}{"x" * 200}"\n' for n in range(20))
        _, proxy = self.server('getPool(""):setCache(newPacketCache(1000))', zones={"a.test": "", "big.test": text})
        for tcp in (False, True, True):
            self.assertEqual(www(proxy, "a.test", tcp=tcp), ["192.0.2.80"])
        short = ask("big.big.test", "TXT", port=proxy.port)
        self.assertTrue(short.flags & dns.flags.TC)
        self.assertEqual(len(short.answer), 0)
        whole = ask("big.big.test", "TXT", port=proxy.port, tcp=True)
        self.assertEqual(len(whole.answer[0]), 20)
        self.assertGreater(proxy.stat("cache-hits"), 0)
        self.assertEqual(ask("www.c.test", port=proxy.port).rcode(), dns.rcode.REFUSED)

    @breakwater_only
    def test_transfers_notify_and_update_are_refused(self):
        _, proxy = self.server()
        for qtype in ("AXFR", "IXFR"):
            self.assertEqual(ask("a.test", qtype, port=proxy.port, tcp=True).rcode(), dns.rcode.REFUSED, qtype)
        for opcode, rcode in ((4, dns.rcode.REFUSED), (5, dns.rcode.NOTIMP)):
            message = question("a.test", "SOA")
            message.set_opcode(opcode)
            answer = dns.message.from_wire(dns.query.udp(message, "127.0.0.1", port=proxy.port, timeout=5).to_wire())
            self.assertEqual(answer.rcode(), rcode, opcode)

    @breakwater_only
    def test_a_change_is_served_without_a_reload(self):
        folder, proxy = self.server()
        put(folder, "a.test", "192.0.2.81")
        self.await_www(proxy, "a.test", ["192.0.2.81"])
        write_file(folder, "a.test.zone", SOA + "www A 192.0.2.82\n")
        self.await_www(proxy, "a.test", ["192.0.2.82"])
        put(folder, "new.test", "192.0.2.83")
        self.await_www(proxy, "new.test", ["192.0.2.83"])
        os.remove(os.path.join(folder, "new.test.zone"))
        wait_until(lambda: ask("www.new.test", port=proxy.port).rcode() == dns.rcode.REFUSED, "the zone to be gone")
        self.assertEqual(www(proxy, "b.test"), ["192.0.2.80"])

    @breakwater_only
    def test_a_file_with_an_error_leaves_the_old_zone(self):
        folder, proxy = self.server()
        put(folder, "a.test", "192.0.2.81", "x A 192.0.2\n")
        path = os.path.join(folder, "a.test.zone")
        wait_until(lambda: f"{path}:6: A record" in proxy.log(), "the error in the log")
        self.assertEqual(www(proxy, "a.test"), ["192.0.2.80"])
        wait_until(lambda: proxy.stat("zone-load-errors") == 1, "the error to be counted")
        self.assertEqual(self.state(proxy)[0], "up")
        self.assertIn(f"2 zones of {folder}, 1 files not taken: {path}:6: A record", self.state(proxy)[1])
        put(folder, "a.test", "192.0.2.82")
        self.await_www(proxy, "a.test", ["192.0.2.82"])
        self.assertTrue(self.state(proxy)[1].endswith(f"2 zones of {folder}"))

    @breakwater_only
    def test_two_files_for_one_zone_and_loops_of_links(self):
        folder, proxy = self.server()
        put(folder, "A.test", "192.0.2.90")
        os.symlink("loop.test.zone", os.path.join(folder, "loop.test.zone"))
        os.symlink(".", os.path.join(folder, "dir.zone"))
        for error in ("A.test.zone: A.test. is read from", "loop.test.zone: Too many levels", "dir.zone: is not a file"):
            wait_until(lambda text=error: text in proxy.log(), error)
        self.assertEqual(www(proxy, "a.test"), ["192.0.2.80"])
        os.remove(os.path.join(folder, "a.test.zone"))
        self.await_www(proxy, "a.test", ["192.0.2.90"])  # once it has been missing for three seconds

    @breakwater_only
    def test_a_directory_that_disappears_leaves_its_zones(self):
        folder, proxy = self.server()
        shutil.rmtree(folder)
        wait_until(lambda: f"directory {folder}: No such file or directory: the 2 zones held stay" in proxy.log()
                   or f"directory {folder} holds no file NAME.zone: the 2 zones held stay" in proxy.log(), "the log")
        self.assertEqual(www(proxy, "a.test"), ["192.0.2.80"])
        self.assertEqual(self.state(proxy)[0], "up")
        self.assertIn("directory", self.state(proxy)[1])

    @breakwater_only
    def test_a_server_without_zones_is_down_and_says_why(self):
        folder = temp_folder()
        proxy = self.proxy(CONSOLE + f'newZoneServer{{path="{folder}/later", name="files", interval=1}}\n')
        state, remark = self.state(proxy)
        self.assertEqual(state, "down")
        self.assertIn(f"0 zones of {folder}/later: directory {folder}/later: No such file or directory", remark)
        self.assertIn(f"files (zones:{folder}/later) as 'down'", proxy.log())
        os.mkdir(f"{folder}/later")
        put(f"{folder}/later", "a.test", "192.0.2.80")
        wait_until(lambda: self.state(proxy)[0] == "up", "the server to be up")
        self.assertEqual(www(proxy, "a.test"), ["192.0.2.80"])

    @breakwater_only
    def test_servers_of_zone_files_come_and_go_at_run_time(self):
        folder, proxy = self.server(f'controlUnixSocket("{{dir}}/control.sock")\n')
        other = temp_folder()
        put(other, "c.test", "192.0.2.70")
        proxy.console(f'newZoneServer{{path="{other}", name="other", pool="p"}} addAction("c.test", PoolAction("p"))')
        wait_until(lambda: "up" in proxy.console("showServers()").splitlines()[2], "the new server to be up")
        self.assertEqual(www(proxy, "c.test"), ["192.0.2.70"])
        listed = json.loads(run(CONTROL, "--socket", f"{proxy.folder}/control.sock", "--json", "servers").stdout)
        self.assertEqual([s["zones"] for s in listed["servers"]], [f"2 zones of {folder}", f"1 zones of {other}"])
        self.assertEqual(listed["servers"][1]["address"], f"zones:{other}")
        proxy.console("rmServer(1)")
        put(other, "c.test", "192.0.2.71")
        self.assertEqual(www(proxy, "a.test"), ["192.0.2.80"])

    @breakwater_only
    def test_what_is_not_there_in_the_options_is_told(self):
        for options, error in (("", "option 'path' is missing"), ('path="/x", interval=0', "must be at least 1"),
                               ('path="/x", weight=0', "must be at least 1"), ('path="/x", odrer=1', "odrer")):
            path = write_file(temp_folder(), "proxy.conf", f"setStrictConfig(true) newZoneServer{{{options}}}")
            check = run(os.environ.get("BREAKWATER", "build/release/breakwater"), "-C", path, "--check-config")
            self.assertNotEqual(check.returncode, 0)
            self.assertIn(error, check.stdout + check.stderr)

    @breakwater_only
    def test_forty_thousand_zones_load_in_ten_seconds_and_one_is_changed_at_once(self):
        folder = temp_folder()
        for n in range(COUNT):
            write_file(folder, f"customer-{n}.test.zone", SOA + f"@ MX 10 mail\nmail A 192.0.2.25\nwww A 192.0.2.{n % 250}\n"
                       'ftp CNAME www\n@ TXT "v=spf1 mx -all"\n')
        begun = time.monotonic()
        proxy = self.proxy(CONSOLE + f'newZoneServer{{path="{folder}", name="files"}}')
        wait_until(lambda: f"{COUNT} zones of {folder}" in proxy.log(), "all zones", timeout_s=60)
        loaded_s = time.monotonic() - begun
        last = f"customer-{COUNT - 1}.test"
        self.await_www(proxy, last, [f"192.0.2.{(COUNT - 1) % 250}"])
        changes = []
        for n in range(10):
            begun = time.monotonic()
            put(folder, f"customer-{n}.test", "192.0.2.251")
            self.await_www(proxy, f"customer-{n}.test", ["192.0.2.251"])
            changes.append(time.monotonic() - begun)
        begun = time.monotonic()
        for n in range(COUNT):
            os.utime(os.path.join(folder, f"customer-{n}.test.zone"))
        wait_until(lambda: proxy.stat("zone-loads") >= 2 * COUNT, "all zones to be read again", timeout_s=60)
        again_s = time.monotonic() - begun
        print(f"{COUNT} zones: loaded in {loaded_s:.1f} s, one changed in {sorted(changes)[5] * 1000:.0f} ms (median), "
              f"all again in {again_s:.1f} s, {proxy.resources()[0] // 1024} MB resident")
        if not SANITIZED:
            self.assertLess(loaded_s, 10)
            self.assertLess(sorted(changes)[5], 0.1)
            self.assertLess(proxy.resources()[0], 200 * 1024)


if __name__ == "__main__":
    unittest.main()
