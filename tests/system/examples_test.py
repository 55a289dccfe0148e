#!/usr/bin/python3
"""Every configuration in examples/ is run, and the quickstart does what the README says."""

import glob
import os
import re
import signal
import socket
import subprocess
import threading
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query

from certificates import self_signed
from client import Dnsperf, addresses, ask, run
from dnscrypt_client import Certificate, Provider, Session, exchange_udp
from h2_frames import encoded
from harness import (BINARY, CONSOLE, CONTROL, ROOT, Process, SystemTest, breakwater_only, free_port, temp_folder,
                     wait_until, write_file)
from https_client import curl
from nameservers import Nsd, answers

with open(os.path.join(ROOT, "examples/zones/example.org.zone"), encoding="utf-8") as zone:
    ZONES = {"example.org": zone.read()}


class Examples(SystemTest):
    @breakwater_only
    def test_every_example_answers_once_its_addresses_are_local(self):
        nsd = self.started(Nsd(ZONES))
        paths = sorted(glob.glob(os.path.join(ROOT, "examples/*.conf")))
        self.assertTrue(paths)
        for path in paths:
            text = file_text(path)
            with self.subTest(os.path.basename(path)):
                backend = [] if re.search(r"new(Zone)?Server", text) else [f"127.0.0.1:{nsd.port}"]
                proxy = self.proxy(localised(text, nsd.port), arguments=backend)
                self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
                self.stop_cleanly(proxy)

    @breakwater_only
    def test_the_zone_files_answer_while_no_server_is_up(self):
        nsd = self.started(Nsd(ZONES))
        proxy = self.proxy(localised(file_text(os.path.join(ROOT, "examples/zone-standby.conf")), nsd.port))
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        nsd.kill()

        def answered():
            try:
                return addresses(ask("anything.wild.example.org", port=proxy.port, timeout_s=1)) == ["192.0.2.99"]
            except dns.exception.Timeout:
                return False
        wait_until(answered, "an answer from the zone files")

    @breakwater_only
    def test_lua_of_each_worker_refuses_deep_names_and_lowers_ttls(self):
        nsd = self.started(Nsd(ZONES))
        text = file_text(os.path.join(ROOT, "examples/lua-at-speed.lua"))
        proxy = self.proxy(localised(text, nsd.port))
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        self.assertEqual(ask("a.b.c.d.e.f.g.h.i.example.org", port=proxy.port).rcode(), 5)
        self.assertEqual([records.ttl for records in ask("example.org", "TXT", port=proxy.port).answer], [60])
        self.stop_cleanly(proxy)

    @breakwater_only
    def test_another_program_decides_what_becomes_of_queries(self):
        nsd = self.started(Nsd(ZONES))
        folder = temp_folder()
        program = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(program.close)
        program.bind(folder + "/questions")
        verdicts = {"web.example.org.": "pass", "example.org.": "refuse"}

        def decide():
            while True:
                number, name = program.recv(1000).decode().split()
                if name == "stop":
                    return
                if name in verdicts:
                    program.sendto(f"{number} {verdicts[name]}".encode(), folder + "/verdicts")
        thread = threading.Thread(target=decide, daemon=True)
        thread.start()
        text = localised(file_text(os.path.join(ROOT, "examples/asynchronous.lua")), nsd.port)
        text = text.replace("/run/reputation", folder).replace("/run/breakwater", folder)
        proxy = self.proxy(CONSOLE + text)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        self.assertEqual(ask("example.org", port=proxy.port).rcode(), 5)
        self.assertEqual(proxy.stat("suspended-timeouts"), 0)
        self.assertEqual(ask("anything.wild.example.org", port=proxy.port).rcode(), 0)  # nobody says a thing of it
        self.assertEqual((proxy.stat("suspended"), proxy.stat("suspended-timeouts")), (3, 1))
        program.sendto(b"nonsense", folder + "/verdicts")
        wait_until(lambda: proxy.stat("lua-errors") == 1, "the error of what is no verdict")
        self.stop_cleanly(proxy)
        self.assertIn("this is no verdict: nonsense", proxy.log())
        program.sendto(b"0 stop", folder + "/questions")
        thread.join(10)

    def encrypted(self, name):
        """The example with the zone behind it; its ports by the ones it names."""
        nsd = self.started(Nsd(ZONES))
        text = localised(file_text(os.path.join(ROOT, "examples", name)), nsd.port)
        cert, key = self_signed(temp_folder())
        text = text.replace("/etc/breakwater/cert.pem", cert).replace("/etc/breakwater/key.pem", key)
        ports = {}

        def moved(match):
            ports[match.group(3)] = free_port()
            return f'{match.group(1)}("127.0.0.1:{ports[match.group(3)]}"'
        text = re.sub(r'(addTLSLocal|addDOHLocal)\("([0-9.]+):(\d+)"', moved, text)
        proxy = self.proxy(text)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        return ports

    @breakwater_only
    def test_doh_and_dot_answer_kdig_and_browsers(self):
        ports = self.encrypted("doh-dot.lua")
        for flag, port in (("+tls", ports["853"]), ("+https", ports["443"])):
            answer = run("kdig", flag, "@127.0.0.1", "-p", str(port), "+short", "web.example.org")
            self.assertIn("192.0.2.80", answer.stdout.split(), flag)
        page = curl(f"https://127.0.0.1:{ports['443']}/")
        self.assertEqual((page.status, page.headers["location"]), (307, "https://www.example.org/about-our-dns"))

    @breakwater_only
    def test_dnscrypt_changes_its_key_and_the_old_one_ends(self):
        nsd = self.started(Nsd(ZONES))
        provider = Provider()
        first, certificate, key = provider.make(1)
        text = localised(file_text(os.path.join(ROOT, "examples/dnscrypt.lua")), nsd.port)
        port = free_port()
        for old, new in (("0.0.0.0:8443", f"127.0.0.1:{port}"), ("/etc/breakwater/resolver.cert", certificate),
                         ("/etc/breakwater/resolver.key", key), ("/etc/breakwater/provider.key", provider.secret_path),
                         ("day, overlap = 86400, 3 * 3600", "day, overlap = 4, 1")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.proxy(text)

        def newest():
            asked = dns.message.make_query("2.dnscrypt-cert.example.org", "TXT")
            answer = dns.message.from_wire(exchange_udp(port, asked.to_wire()))
            (record,) = answer.answer[0]
            return Certificate(b"".join(record.strings), provider.key)

        def answered(certificate):
            session = Session(certificate)
            packet, half = session.seal(dns.message.make_query("web.example.org", "A").to_wire())
            answer = exchange_udp(port, packet, timeout=0.5)
            return answer and "192.0.2.80" in addresses(dns.message.from_wire(session.open(answer, half)))
        self.assertEqual(newest().serial, 1)
        self.assertTrue(answered(first))
        wait_until(lambda: newest().serial > 1, "a new certificate")
        self.assertTrue(answered(newest()))
        wait_until(lambda: not answered(first), "the end of the old one")

    @breakwater_only
    def test_behind_nginx_the_forwarded_client_counts(self):
        ports = self.encrypted("behind-nginx.lua")
        url = f"http://127.0.0.1:{ports['8053']}/dns-query?dns={encoded('web.example.org')}"
        self.assertIn("192.0.2.80", curl("-H", "x-forwarded-for: 10.0.0.1", url).addresses())
        self.assertEqual(curl("-H", "x-forwarded-for: 192.0.2.1", url).status, 403)

    @breakwater_only
    def test_last_good_answers_outlive_the_servers_and_a_flush(self):
        nsd = self.started(Nsd(ZONES))
        text = localised(file_text(os.path.join(ROOT, "examples/last-good.lua")), nsd.port)
        text = text.replace('newServer({address = "127.0.0.1:5301"', f'newServer({{address = "127.0.0.1:{nsd.port}"')
        text = text.replace('newServer({address = "127.0.0.1:5302"', f'newServer({{address = "[::1]:{nsd.port}"')
        proxy = self.proxy(text)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        nsd.kill()
        control = re.search(r'controlUnixSocket\("([^"]+)"', text).group(1)
        flush = run(CONTROL, "--socket", control, "flush", "--suffix", "example.org")
        self.assertEqual(flush.returncode, 0, flush.stdout + flush.stderr)
        answer = ask("web.example.org", port=proxy.port)
        self.assertIn("192.0.2.80", addresses(answer))
        self.assertEqual(answer.answer[0].ttl, 30)

    @breakwater_only
    def test_flushes_come_from_a_file_and_a_command_and_by_notify(self):
        nsd = self.started(Nsd(ZONES))
        folder = temp_folder()
        script = write_file(folder, "changed", '#!/bin/sh\necho example.org\n')
        os.chmod(script, 0o755)
        text = localised(file_text(os.path.join(ROOT, "examples/flush.lua")), nsd.port)
        text = text.replace("/run/breakwater/flush", f"{folder}/flush").replace("/usr/local/bin/changed-zones", script)
        proxy = self.proxy(CONSOLE + text)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        wait_until(lambda: proxy.stat("flush-source-flushes") >= 1, "the command's flush")
        write_file(folder, "flush", "example.org\n")
        wait_until(lambda: proxy.stat("flush-source-flushes") >= 2, "the file's flush")
        notify = dns.message.make_query("example.org", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        dns.query.udp(notify, "127.0.0.1", port=proxy.port, timeout=5)
        self.assertEqual(proxy.stat("notify-flushes"), 1)
        self.assertEqual(proxy.stat("flush-source-errors"), 0)

    def test_control_gives_a_token_its_zones_and_keeps_an_audit_log(self):
        nsd = self.started(Nsd(ZONES))
        text = localised(file_text(os.path.join(ROOT, "examples/control.lua")), nsd.port)
        for port in ("5301", "5302"):
            text = text.replace(f'"127.0.0.1:{port}"', f'"127.0.0.1:{nsd.port}"')
        audit = os.path.join(temp_folder(), "audit.log")
        proxy = self.proxy(text.replace("/tmp/breakwater-audit.log", audit))
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        control = re.search(r'controlUnixSocket\("([^"]+)"', text).group(1)
        token = re.search(r'token = "([^"]+)",', text).group(1)
        for name, status in (("example.org", 0), ("example.net", 4)):
            flush = subprocess.run([CONTROL, "--socket", control, "flush", name], check=False, capture_output=True,
                                   text=True, env=dict(os.environ, BREAKWATER_TOKEN=token))
            self.assertEqual(flush.returncode, status, flush.stderr)
        self.assertEqual(file_text(audit).count("token=shop command=flush"), 2)
        explain = run(CONTROL, "--socket", control, "explain", "web.example.org", "A", "--client", "127.0.0.1")
        self.assertIn("verdict    answered from the cache", explain.stdout)

    @breakwater_only
    def test_dynamic_blocks_hold_a_flood_back_and_let_others_through(self):
        nsd = self.started(Nsd(ZONES))
        text = localised(file_text(os.path.join(ROOT, "examples/dynamic-blocks.lua")), nsd.port)
        proxy = self.proxy(CONSOLE + text)
        names = write_file(proxy.folder, "names", "web.example.org A\nwww.example.org A\n")
        load = Dnsperf(proxy.port, names, 6, qps=3000, timeout_s=1)
        wait_until(lambda: re.search(r"127\.0\.0\.1/32 .* Truncate over UDP +too many queries", proxy.console("showDynBlocks()")),
                   "the flood to be blocked")
        self.assertTrue(load.running())
        # Over TCP the same client gets its answers, and others get theirs anyway.
        self.assertTrue(ask("web.example.org", port=proxy.port).flags & dns.flags.TC)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port, tcp=True)))
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port, source="127.0.0.2")))
        self.assertGreater(load.report()["completed"], 5000)
        self.assertIn("client 127.0.0.1/32 is blocked: too many queries", proxy.log())

    @breakwater_only
    @unittest.skipUnless(os.geteuid() == 0, "filters in the kernel need root")
    def test_the_kernel_holds_back_what_is_blocked_and_a_flood(self):
        nsd = self.started(Nsd(ZONES))
        proxy = self.proxy(CONSOLE + localised(file_text(os.path.join(ROOT, "examples/ebpf.lua")), nsd.port))
        names = write_file(proxy.folder, "names", "web.example.org A\n")
        load = Dnsperf(proxy.port, names, 6, qps=3000, timeout_s=1)
        wait_until(lambda: re.search(r"127\.0\.0\.1/32 .* Drop +\* +too many queries", proxy.console("showDynBlocks()")),
                   "the flood to be blocked in the kernel")
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port, source="127.0.0.2")))
        load.stop()
        self.assertEqual(proxy.console('filter:block("127.0.0.2")').strip(), "")
        with self.assertRaises(dns.exception.Timeout):
            ask("web.example.org", port=proxy.port, source="127.0.0.2", timeout_s=1)
        self.assertRegex(proxy.console("return filter:getStats()"), r"(?m)^127\.0\.0\.2: 1$")

    @breakwater_only
    def test_the_web_server_shows_metrics_and_a_page_of_ones_own_to_who_may(self):
        nsd = self.started(Nsd(ZONES))
        text = localised(file_text(os.path.join(ROOT, "examples/web-server.lua")), nsd.port)
        proxy = self.proxy(text)
        self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
        site = "http://" + re.search(r'webserver\("([^"]+)"', text).group(1)
        password, key = ("-u", "any:open sesame"), ("-H", "X-API-Key: a key")
        for path, credentials, status in (
                ("/", password, 404), ("/", (), 401), ("/metrics", password, 200), ("/metrics", (), 401),
                ("/metrics", ("-u", "any:wrong"), 401), ("/jsonstat?command=stats", key, 200),
                ("/api/v1/servers/localhost", key, 200), ("/api/v1/servers/localhost", ("-H", "X-API-Key: no"), 401),
                ("/ready", (), 401)):
            page = curl(*credentials, site + path)
            self.assertEqual(page.status, status, (path, credentials))
            self.assertEqual(page.headers["x-robots-tag"], "noindex")
        metrics = curl(*password, site + "/metrics").body.decode()
        self.assertRegex(metrics, r"(?m)^dnsdist_queries(_total)? [1-9]")
        ready = curl(*password, site + "/ready")
        self.assertEqual((ready.status, ready.body, ready.headers["content-type"]),
                         (200, b"2 of 2 servers are up\n", "text/plain"))
        nsd.kill()
        wait_until(lambda: curl(*password, site + "/ready").status == 503, "the servers to be down")

    @breakwater_only
    def test_the_quickstart_serves_and_stops_cleanly_on_ctrl_c(self):
        folder = temp_folder()
        environment = dict(os.environ, BREAKWATER=BINARY, QUICKSTART_PORT=str(free_port()), TMPDIR=folder)
        script = Process([os.path.join(ROOT, "examples/quickstart.sh")], os.path.join(folder, "log"), env=environment)
        self.addCleanup(stop_group, script)
        wait_until(lambda: "Ctrl-C" in script.log() or not script.running(), "the quickstart", timeout_s=60)
        commands = re.findall(r"^  (dig .*)$", script.log(), re.M)
        self.assertGreaterEqual(len(commands), 3, script.log())
        for command in commands:
            result = run(*command.split())
            self.assertRegex(result.stdout, "status: (NOERROR|NXDOMAIN)", command)
        ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", script.log())]
        os.killpg(script.pid, signal.SIGINT)  # what the terminal does on Ctrl-C
        self.assertEqual(script.wait(20), 0, script.log())
        for port in ports:
            self.assertFalse(answers(port, "example.org"), port)
        self.assertEqual(os.listdir(folder), ["log"])


def stop_group(script):
    if script.running():
        os.killpg(script.pid, signal.SIGTERM)
        try:
            script.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)


def file_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def localised(text, backend):
    """The example with its listeners and backends on loopback, so that it runs anywhere."""
    text = re.sub(r'(newServer\s*\{\s*address\s*=\s*|newServer\s*\(\s*)"[^"]+"', rf'\1"127.0.0.1:{backend}"', text)
    text = re.sub(r'(newZoneServer\{.*path=)"[^"]+"', rf'\1"{ROOT}/examples/zones"', text)
    text = re.sub(r'(setLocal|addLocal)\("\[[^"]*"', rf'\1("[::1]:{{port}}"', text)
    text = re.sub(r'(setLocal|addLocal)\("(?!\[)[^"]*"', rf'\1("127.0.0.1:{{port}}"', text)
    text = re.sub(r'(controlSocket|webserver)\("[^"]*"', lambda m: f'{m.group(1)}("127.0.0.1:{free_port()}"', text)
    text = re.sub(r'setCacheSnapshot\("[^"]*"', f'setCacheSnapshot("{temp_folder()}/cache"', text)
    return re.sub(r'controlUnixSocket\("[^"]*"', f'controlUnixSocket("{temp_folder()}/control.sock"', text)


if __name__ == "__main__":
    unittest.main()
