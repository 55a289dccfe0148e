#!/usr/bin/python3
"""Flushes as operators and provisioning systems make them: lists at a pace, NOTIFY, watched files and commands."""

import json
import os
import re
import signal
import subprocess
import unittest

import dns.flags
import dns.message
import dns.opcode
import dns.query

from client import addresses, ask, run
from harness import CONSOLE, CONTROL, SystemTest, breakwater_only, free_port, temp_folder, wait_until, write_file
from nameservers import Database, Nsd, PowerDns

ZONES = [f"zone{n}.example" for n in range(60)]
LAST_GOOD = 'getPool(""):setCache(newPacketCache(10000, {lastGood={recheck=1}}))\n'


class Front(SystemTest):
    """A proxy in front of one nameserver, with a control socket."""

    def front(self, port, config, check_name, **options):
        self.socket = os.path.join(temp_folder(), "control.sock")
        return self.proxy(CONSOLE + f'controlUnixSocket("{self.socket}")\n'
                          f'newServer{{address="127.0.0.1:{port}", checkName="{check_name}", maxCheckFailures=100}}\n'
                          + config, **options)

    def control(self, *arguments):
        return run(CONTROL, "--socket", self.socket, *arguments)

    def lists(self):
        return json.loads(self.control("flush", "lists", "--json").stdout)["jobs"]

    def begin(self, *arguments):
        """breakwaterctl in the background; its output is JSON."""
        child = subprocess.Popen([CONTROL, "--socket", self.socket, "--json", "flush", *arguments], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(child.communicate)
        return child

    def aged(self, proxy, name):
        """Asks until the answer comes from the cache with a lower TTL."""
        wait_until(lambda: ask(name, port=proxy.port).answer[0].ttl < 300, "an aged hit")


@breakwater_only
class Paced(Front):
    def setUp(self):
        self.database = Database()
        self.database.add_zones(ZONES)
        self.pdns = self.started(PowerDns(self.database, ZONES[0], cache_s=0))
        self.running = self.front(self.pdns.port, LAST_GOOD, ZONES[0])
        for zone in ZONES:
            ask(f"www.{zone}", port=self.running.port)
        self.aged(self.running, f"www.{ZONES[-1]}")
        self.aged(self.running, f"www.{ZONES[0]}")
        self.list = write_file(temp_folder(), "zones.txt", "# all of them\n" + "".join(z + "\n" for z in ZONES))

    def flushed(self):
        return self.lists()[0]["flushed"]

    def test_a_list_stops_when_the_server_turns_to_refused_and_is_taken_back(self):
        child = self.begin("--list", self.list, "--suffix", "--rate", "20", "--stop-on", "servfail>50%,refused>1%",
                           "--undo-on-stop")
        wait_until(lambda: self.lists() and self.flushed() >= 15, "the list to be under way")
        self.database.execute("update records set disabled=1 where type='SOA'")
        output, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 5, output + errors)
        result = json.loads(output)
        self.assertEqual((result["state"], result["ok"], result["by-condition"]), ("stopped", False, True))
        self.assertIn("refused>1%", result["why"])
        self.assertLess(result["flushed"], len(ZONES))
        self.assertEqual((result["undone"], result["not-undone"]), (result["flushed"], 0))
        self.assertGreater(result["probes"]["bad"]["refused"], 0)
        # As before: the first zone was flushed and would be asked for; the server refuses it now.
        answer = ask(f"www.{ZONES[0]}", port=self.running.port)
        self.assertEqual(addresses(answer), ["192.0.2.1"])
        self.assertGreater(answer.answer[0].ttl, 30)
        self.assertEqual(self.running.stat("bad-answers"), 0)
        self.assertEqual(self.running.stat("list-flush-stops"), 1)

    def test_a_list_comes_to_its_end_and_tells_what_the_server_said(self):
        child = self.begin("--list", self.list, "--suffix", "--rate", "200", "--stop-on", "bad>1%,nxdomain>1%")
        output, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 0, output + errors)
        result = json.loads(output)
        self.assertEqual((result["state"], result["flushed"], result["failed"]), ("done", len(ZONES), 0))
        self.assertEqual(result["probes"], {"answers": len(ZONES), "bad": {}, "nxdomain": 0})
        self.assertGreaterEqual(result["seconds"], (len(ZONES) - 1) / 200)
        self.assertEqual(ask(f"www.{ZONES[5]}", port=self.running.port).answer[0].ttl, 300)
        status = wait_until(lambda: self.swept(result["last-id"] - len(ZONES) + 6), "the sweeper to pass")
        self.assertEqual(status["matched"], 1)

    def swept(self, number):
        status = json.loads(self.control("--json", "flush", "status", str(number)).stdout)
        return status if status["swept"] else None

    def test_a_list_goes_on_without_its_client_and_is_stopped_by_another(self):
        child = self.begin("--list", self.list, "--rate", "20", "--undo-on-stop")
        wait_until(lambda: self.lists() and self.flushed() >= 2, "the list to be under way")
        child.kill()
        child.wait()
        seen = self.flushed()
        wait_until(lambda: self.flushed() > seen + 3, "it to go on")
        self.assertIn("running", self.control("flush", "lists").stdout)
        self.assertEqual(self.control("flush", "stop", "1").returncode, 0)
        job = self.lists()[0]
        self.assertEqual((job["state"], job["undone"]), ("stopped", job["flushed"]))

    def test_ctrl_c_stops_a_list_and_takes_it_back(self):
        child = self.begin("--list", self.list, "--rate", "20", "--undo-on-stop")
        wait_until(lambda: self.lists() and self.flushed() >= 2, "the list to be under way")
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 5, output + errors)
        result = json.loads(output)
        self.assertTrue(result["why"].startswith("stopped by uid"), result)
        self.assertEqual(result["undone"], result["flushed"])

    def test_lines_that_are_not_understood_are_told_by_number(self):
        bad = write_file(temp_folder(), "bad.txt", f"{ZONES[0]} suffix\nno good..name\n{ZONES[1]} wide # ?\n")
        strict = self.control("flush", "--list", bad, "--strict")
        self.assertEqual(strict.returncode, 1)
        self.assertIn("line 2: 'good..name' is neither", strict.stderr)
        self.assertIn("line 3: 'wide' is neither", strict.stderr)
        self.assertIn("nothing done", strict.stderr)
        self.assertEqual(self.lists(), [])
        loose = self.control("flush", "--list", bad)
        self.assertEqual(loose.returncode, 1)
        self.assertIn("1 flushed, 2 failed", loose.stdout)
        self.assertEqual(ask(f"www.{ZONES[0]}", port=self.running.port).answer[0].ttl, 300)

    def test_wrong_conditions_are_wrong_use(self):
        for arguments in (["--rate", "5", "--stop-on", "refused>1"], ["--stop-on", "refused>1%"], ["--rate", "0"]):
            result = self.control("flush", "--list", self.list, *arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertTrue(result.stderr, arguments)


def records(serial, address):
    return (f"$TTL 300\n@ IN SOA ns1 hostmaster {serial} 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
            f"www IN A {address}\n")


@breakwater_only
class Notified(Front):
    def serve(self, allowed, rules=""):
        port = free_port()
        more = {"zone": [f"  notify: 127.0.0.1@{port} NOKEY"]}
        self.nsd = self.started(Nsd({"example.org": records(1, "192.0.2.1")}, more=more))
        cache = f'getPool(""):setCache(newPacketCache(1000, {{flushOnNotify={{"{allowed}"}}}}))\n'
        self.running = self.front(self.nsd.port, f'setLocal("127.0.0.1:{port}")\naddLocal("127.0.0.1:{{port}}")\n' + cache + rules, "example.org")
        self.port = self.running.port = port
        self.assertEqual(self.address(), ["192.0.2.1"])

    def address(self):
        return addresses(ask("www.example.org", port=self.port))

    def notify(self, name="example.org", tcp=False, port=None):
        message = dns.message.make_query(name, "SOA")
        message.set_opcode(dns.opcode.NOTIFY)
        message.flags |= dns.flags.AA
        send = dns.query.tcp if tcp else dns.query.udp
        return send(message, "127.0.0.1", port=port or self.port, timeout=5)

    def test_a_change_shows_once_the_nameserver_has_sent_its_notify(self):
        self.serve("127.0.0.1", 'addAction(OpcodeRule(DNSOpcode.Notify), RCodeAction(DNSRCode.NOERROR))\n')
        self.nsd.change({"example.org": records(2, "192.0.2.2")})
        wait_until(lambda: self.address() == ["192.0.2.2"], "the change, long before its TTL is over")
        self.assertGreaterEqual(self.running.stat("notify-flushes"), 1)
        number = re.search(r"NOTIFY for example.org. from .*: flushed, as flush (\d+)", self.running.log())[1]
        self.assertTrue(json.loads(self.control("flush", "status", number, "--json").stdout)["ok"])

    def test_over_tcp_and_udp_alike_and_the_message_goes_on_to_the_server(self):
        self.serve("127.0.0.0/8")
        for tcp in (False, True):
            flushes = self.running.stat("notify-flushes")
            direct = self.notify(tcp=tcp, port=self.nsd.port)
            self.assertEqual(self.notify(tcp=tcp).rcode(), direct.rcode())
            wait_until(lambda: self.running.stat("notify-flushes") > flushes, "a flush")
            wait_until(lambda: ask("www.example.org", port=self.port).answer[0].ttl < 300, "an aged hit")

    def test_from_elsewhere_or_for_the_root_nothing_is_flushed(self):
        self.serve("192.0.2.53")
        self.notify()
        self.assertEqual((self.running.stat("notify-not-allowed"), self.running.stat("notify-flushes")), (1, 0))
        self.stop_cleanly(self.running)
        self.serve("127.0.0.1", 'addAction(OpcodeRule(DNSOpcode.Notify), RCodeAction(DNSRCode.NOERROR))\n')
        self.notify(".")
        self.assertEqual((self.running.stat("notify-refused"), self.running.stat("notify-flushes")), (1, 0))

    def test_what_rules_refuse_flushes_nothing(self):
        self.serve("127.0.0.1", 'addAction(OpcodeRule(DNSOpcode.Notify), RCodeAction(DNSRCode.REFUSED))\n')
        self.notify()
        self.assertEqual(self.running.stat("notify-flushes"), 0)


@breakwater_only
class Sources(Front):
    def serve(self, sources, **options):
        self.nsd = self.started(Nsd({"example.org": records(1, "192.0.2.1")}))
        self.running = self.front(self.nsd.port, 'getPool(""):setCache(newPacketCache(1000))\n' + sources,
                                  "example.org", **options)
        self.assertEqual(self.address(), ["192.0.2.1"])
        self.nsd.change({"example.org": records(2, "192.0.2.2")})
        wait_until(lambda: addresses(ask("www.example.org", port=self.nsd.port)) == ["192.0.2.2"], "the new zone")
        self.assertEqual(self.address(), ["192.0.2.1"])

    def address(self):
        return addresses(ask("www.example.org", port=self.running.port))

    def test_lines_appended_to_a_file_are_flushes_and_bad_ones_are_logged_with_their_place(self):
        path = os.path.join(temp_folder(), "flush")
        write_file(os.path.dirname(path), "flush", "www.example.org\n")
        self.serve(f'addFlushSource({{file="{path}", interval=0.1}})\n', arguments=["-u", "nobody", "-g", "nogroup"])
        with open(path, "a", encoding="utf-8") as file:
            file.write("not a line\nexample.org suff")
            file.flush()
            wait_until(lambda: f"{path}:2: 'line' is neither" in self.running.log(), "the error")
            self.assertEqual(self.address(), ["192.0.2.1"])
            file.write("ix\n")
        wait_until(lambda: self.address() == ["192.0.2.2"], "the change")
        os.rename(path, path + ".1")
        write_file(os.path.dirname(path), "flush", "www.example.org\n")
        wait_until(lambda: self.running.stat("flush-source-flushes") == 2, "the line of the new file")
        self.assertEqual(self.running.stat("flush-source-errors"), 1)

    def test_what_a_command_prints_is_flushed_and_its_failures_are_logged(self):
        folder = temp_folder()
        script = write_file(folder, "changed", '#!/bin/sh\ncat "$1" && rm "$1"\n')
        os.chmod(script, 0o755)
        changed = os.path.join(folder, "changed zones")
        self.serve(f'addFlushSource({{command={{"{script}", "{changed}"}}, interval=0.1, suffix=true}})\n')
        wait_until(lambda: "it exited with status 1" in self.running.log(), "the failure")
        write_file(folder, "new", "example.org\n")
        os.rename(os.path.join(folder, "new"), changed)
        wait_until(lambda: self.address() == ["192.0.2.2"], "the change")
        wait_until(lambda: "changed: works again" in self.running.log(), "the log to say so")
        wait_until(lambda: "1 flushed, as flush " in self.running.log(), "the flush's number")
        number = re.search(r"1 flushed, as flush (\d+)", self.running.log())[1]
        undone = self.control("flush", "undo", number)
        self.assertEqual(undone.returncode, 0, undone.stderr)
        self.assertTrue(json.loads(self.control("flush", "status", number, "--json").stdout)["undone"])

    def test_a_command_is_not_run_by_a_check_of_the_configuration(self):
        folder = temp_folder()
        script = write_file(folder, "touch", f"#!/bin/sh\ntouch {folder}/ran\n")
        os.chmod(script, 0o755)
        config = write_file(folder, "conf", f'addFlushSource({{command="{script}"}})\n')
        checked = run(os.path.join(os.path.dirname(CONTROL), "breakwater"), "-C", config, "--check-config")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertFalse(os.path.exists(f"{folder}/ran"))

    def test_wrong_sources_are_errors_of_the_configuration(self):
        for text, why in (('{}', "needs a file or a command"), ('{file="/a", command="/b"}', "and not both"),
                          ('{file="/a", command="changed"}', "and not both"),
                          ('{command="changed"}', "the program's path"), ('{command="/bin/a | b"}', "special to a shell"),
                          ('{file="/a", interval=0}', "interval is in seconds"),
                          ('{file="/a", state="/a"}', "a file of its own"), ('{command="/a", state="/b"}', "belongs to a file"),
                          ('{file="/a", state="/s"}) addFlushSource({file="/b", state="/s"}', "state of another source")):
            said = self.refused(f"addFlushSource({text})", why)
            if why == "and not both":
                self.assertNotIn("the program's path", said, text)


if __name__ == "__main__":
    unittest.main()
