#!/usr/bin/python3
"""DNS over TLS with real clients in front, and DNS over TLS and HTTPS with real servers behind."""

import json
import os
import re
import socket
import ssl
import subprocess
import time
import unittest

import dns.message
import dns.query

from certificates import Certificates
from client import addresses, ask, framed, question, read_framed, run
from harness import (BINARY, CONSOLE, CONTROL, DNSDIST, ROOT, Process, SystemTest, accepts_tcp, breakwater_only,
                     free_port, temp_folder, wait_until, write_file)
from nameservers import Nsd

LISTEN = 'setLocal("127.0.0.1:{port}")\n' + CONSOLE
SPOOF = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'


def state(proxy, number):
    """"up" or "down", as showServers() says."""
    row = next(line for line in proxy.console("showServers()").splitlines() if line.startswith(f"{number} "))
    return row.split()[3]


def kdig(port, *words):
    return run("kdig", "@127.0.0.1", "-p", str(port), "+tls", *words).stdout


def s_client(port, *words):
    """What openssl s_client says of a connection that it opens and closes."""
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words).stdout


def save_session(port, path, version):
    """A session that s_client may come back with; TLS 1.3 gives it after the handshake."""
    if os.path.exists(path):
        os.unlink(path)
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-sess_out", path],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path), "the session")
        child.stdin.close()
        child.wait(10)


class Dot(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def dot(self, options="", pair=None, rules=SPOOF, **how):
        port = free_port()
        certificate, key = pair or self.pair
        proxy = self.proxy(LISTEN + f'addTLSLocal("127.0.0.1:{port}", "{certificate}", "{key}", {{{options}}})\n' + rules,
                           **how)
        proxy.dot = port
        wait_until(lambda: accepts_tcp(port), "the TLS port")
        return proxy

    def served(self, port, *words):
        """CN and serial of the certificate that is served."""
        text = s_client(port, *words)
        pem = re.search(r"-----BEGIN CERTIFICATE.*?END CERTIFICATE-----", text, re.S)
        self.assertIsNotNone(pem, text)
        path = self.certificates.path("served.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(pem.group())
        return run("openssl", "x509", "-in", path, "-noout", "-subject", "-serial").stdout.split()

    def connect(self, port):
        context = ssl.create_default_context(cafile=self.certificates.ca)
        context.set_alpn_protocols(["dot"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        return context.wrap_socket(plain, server_hostname="dns.example")

    def test_kdig_and_dig_get_answers_and_check_the_certificate(self):
        proxy = self.dot()
        text = kdig(proxy.dot, "+tls-ca=" + self.certificates.ca, "+tls-hostname=dns.example", "www.example")
        self.assertIn("192.0.2.1", text)
        self.assertNotIn("192.0.2.1", kdig(proxy.dot, "+tls-ca=" + self.certificates.ca,
                                           "+tls-hostname=other.example", "www.example"))
        self.assertIn("192.0.2.1", run("dig", "@127.0.0.1", "-p", str(proxy.dot), "+tls", "+short", "a.example").stdout)

    def test_queries_are_pipelined_and_answers_come_as_they_are_ready(self):
        proxy = self.dot("maxInFlight=100")
        with self.connect(proxy.dot) as connection:
            self.assertEqual(connection.selected_alpn_protocol(), "dot")
            asked = {}
            for number in range(50):
                query = question(f"n{number}.example", id=1000 + number)  # one random number may come twice
                asked[query.id] = query
                connection.sendall(framed(query.to_wire()))
            for _ in range(50):
                answer = dns.message.from_wire(read_framed(connection))
                self.assertTrue(asked.pop(answer.id).is_response(answer))
            # One byte at a time.
            wire = framed(question("slow.example").to_wire())
            for at in range(len(wire)):
                connection.sendall(wire[at:at + 1])
            self.assertEqual(addresses(dns.message.from_wire(read_framed(connection))), ["192.0.2.1"])

    @breakwater_only
    def test_more_addresses_of_a_bind_are_served_and_told(self):
        port = free_port()
        proxy = self.dot(f'additionalAddresses={{"127.0.0.1:{port}"}}')
        self.assertIn("192.0.2.1", kdig(port, "www.example"))
        for each in (proxy.dot, port):
            self.assertEqual(proxy.log().count(f"Listening on 127.0.0.1:{each} (TCP (DNS over TLS))"), 1)

    @breakwater_only
    def test_padding_and_keepalive_are_given_where_they_are_asked_for(self):
        proxy = self.dot()
        text = kdig(proxy.dot, "+padding", "+keepopen", "www.example")
        self.assertRegex(text, r"Received 468 B")
        with self.connect(proxy.dot) as connection:
            query = dns.message.make_query("www.example", "A", use_edns=0,
                                           options=[dns.edns.GenericOption(11, b"")])
            connection.sendall(framed(query.to_wire()))
            answer = dns.message.from_wire(read_framed(connection))
            self.assertEqual([o.to_wire() for o in answer.options if o.otype == 11], [b"\0\x14"])
        self.assertNotIn("Received 468 B", kdig(proxy.dot, "+nopadding", "www.example"))

    def test_sessions_are_resumed_also_with_another_proxy_that_has_the_key(self):
        key = self.certificates.path("tickets")
        with open(key, "wb") as file:
            file.write(os.urandom(80))
        first, second = (self.dot(f'ticketKeyFile="{key}"') for _ in range(2))
        session = self.certificates.path("session")
        for version in ("-tls1_3", "-tls1_2"):
            with self.subTest(version):
                save_session(first.dot, session, version)
                self.assertIn("Reused", s_client(first.dot, version, "-sess_in", session))
                self.assertIn("Reused", s_client(second.dot, version, "-sess_in", session))
        self.assertIn("New", s_client(self.dot().dot, "-tls1_2", "-sess_in", session))

    @breakwater_only
    def test_the_name_chooses_the_certificate(self):
        other = self.certificates.make("other.example")
        port = free_port()
        self.proxy(LISTEN + f'addTLSLocal("127.0.0.1:{port}", {{"{self.pair[0]}", newTLSCertificate("{other[0]}", '
                   f'{{key="{other[1]}"}})}}, {{"{self.pair[1]}", "{other[1]}"}})\n' + SPOOF)
        wait_until(lambda: accepts_tcp(port), "the TLS port")
        self.assertIn("other.example", self.served(port, "-servername", "other.example"))
        self.assertIn("dns.example", self.served(port, "-servername", "dns.example"))
        self.assertIn("dns.example", self.served(port, "-servername", "unknown.example"))

    @breakwater_only
    def test_certificates_that_have_their_keys_need_none(self):
        other = self.certificates.make("other.example")
        made = ", ".join(f'newTLSCertificate("{pair[0]}", {{key="{pair[1]}"}})' for pair in (self.pair, other))
        for keys in '""', '{"ignored"}':
            with self.subTest(keys):
                port = free_port()
                self.proxy(LISTEN + f'addTLSLocal("127.0.0.1:{port}", {{{made}}}, {keys})\n' + SPOOF)
                wait_until(lambda p=port: accepts_tcp(p), "the TLS port")
                self.assertIn("other.example", self.served(port, "-servername", "other.example"))

    @breakwater_only
    def test_pkcs12_files_carry_their_key(self):
        for words in (), ("-legacy",):  # old programs seal with RC2
            with self.subTest(words):
                bundle = self.certificates.pkcs12(self.pair, "secret", *words)
                port = free_port()
                self.proxy(LISTEN + f'addTLSLocal("127.0.0.1:{port}", newTLSCertificate("{bundle}", '
                           '{password="secret"}))\n' + SPOOF)
                wait_until(lambda p=port: accepts_tcp(p), "the TLS port")
                self.assertIn("dns.example", self.served(port))

    def test_certificates_are_loaded_again_and_bad_files_change_nothing(self):
        pair = self.certificates.make("dns.example")
        proxy = self.dot(pair=pair)
        before = self.served(proxy.dot)
        with self.connect(proxy.dot) as open_before:
            self.certificates.make("dns.example", into=pair)
            proxy.console("reloadAllCertificates()")
            after = self.served(proxy.dot)
            self.assertNotEqual(before, after)
            with open(pair[1], "w", encoding="ascii") as file:
                file.write("no key")
            said = proxy.console("reloadAllCertificates()")
            self.assertEqual(self.served(proxy.dot), after)
            if proxy.binary != DNSDIST:
                self.assertIn(pair[1], said)
            open_before.sendall(framed(question("www.example").to_wire()))
            self.assertEqual(addresses(dns.message.from_wire(read_framed(open_before))), ["192.0.2.1"])

    @breakwater_only
    def test_breakwaterctl_loads_certificates_again(self):
        pair, other = self.certificates.make("dns.example"), self.certificates.make("other.example")
        path = os.path.join(temp_folder(), "control.sock")
        ports = free_port(), free_port()
        self.proxy(LISTEN + SPOOF + f'controlUnixSocket("{path}")\n' + "".join(
            f'addTLSLocal("127.0.0.1:{port}", "{p[0]}", "{p[1]}")\n' for port, p in zip(ports, (pair, other))))
        wait_until(lambda: all(accepts_tcp(port) for port in ports), "the TLS ports")

        def reload(*words):
            done = run(CONTROL, "--socket", path, *words, "certificates", "reload")
            return done.returncode, done.stdout, done.stderr
        before = [self.served(port) for port in ports]
        self.certificates.make("dns.example", into=pair)
        self.assertEqual(reload(), (0, "certificates of 2 frontends loaded\n", ""))
        after = [self.served(port) for port in ports]
        self.assertNotEqual(after[0], before[0])
        with open(pair[1], "w", encoding="ascii") as file:
            file.write("no key")
        self.certificates.make("other.example", into=other)
        status, _, error = reload()
        self.assertEqual(status, 1)
        self.assertIn(f"127.0.0.1:{ports[0]}: {pair[1]}", error)
        self.assertEqual(self.served(ports[0]), after[0])
        self.assertNotEqual(self.served(ports[1]), after[1])
        status, said, _ = reload("--json")
        self.assertEqual((status, json.loads(said)["failed"][0]["frontend"]), (1, f"127.0.0.1:{ports[0]}"))

    @breakwater_only
    def test_bad_certificates_end_the_start_with_file_and_line(self):
        good, expired = self.certificates.make("a.example"), self.certificates.make("b.example", days=-1)
        garbage = self.certificates.path("garbage.pem")
        with open(garbage, "w", encoding="ascii") as file:
            file.write("garbage\n")
        for certificate, key, said in ((good[0], expired[1], expired[1]), (expired[0], expired[1], "expired"),
                                       ("/nonexistent.pem", good[1], "/nonexistent.pem: No such file"),
                                       (garbage, good[1], "garbage.pem: no PEM certificate")):
            with self.subTest(said):
                line = f'addTLSLocal("127.0.0.1:{free_port()}", "{certificate}", "{key}")'
                path = write_file(temp_folder(), "bad.conf", "\n" + line + "\n")
                done = run(BINARY, "--supervised", "-C", path)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stdout + done.stderr, "bad.conf:2: addTLSLocal: .*" + re.escape(said))
                line = line[:-1] + ", {ignoreTLSConfigurationErrors=true})"
                proxy = self.proxy(LISTEN + line + "\n" + SPOOF)
                self.assertEqual(addresses(ask("a.example", port=proxy.port)), ["192.0.2.1"])
                self.assertIn(said, proxy.log())

    @breakwater_only
    def test_an_ocsp_response_of_ones_own_is_stapled(self):
        response = self.certificates.path("ocsp.der")
        made = f'generateOCSPResponse("{self.pair[0]}", "{self.certificates.ca}", "{self.certificates.ca_key}", ' \
               f'"{response}", 2, 30)\n'
        port = free_port()
        self.proxy(LISTEN + made + f'addTLSLocal("127.0.0.1:{port}", "{self.pair[0]}", "{self.pair[1]}", '
                   f'{{ocspResponses={{"{response}"}}}})\n' + SPOOF)
        said = s_client(port, "-status", "-CAfile", self.certificates.ca)
        self.assertIn("OCSP Response Status: successful", said)
        self.assertIn("Cert Status: good", said)
        verified = run("openssl", "ocsp", "-respin", response, "-CAfile", self.certificates.ca, "-issuer",
                       self.certificates.ca, "-cert", self.pair[0])
        self.assertIn("Response verify OK", verified.stdout + verified.stderr)
        path = write_file(temp_folder(), "bad.conf", made.replace(self.certificates.ca_key, self.pair[1]))
        done = run(BINARY, "--supervised", "-C", path)
        self.assertRegex(done.stdout + done.stderr, "bad.conf:1: generateOCSPResponse: .* is not the key")

    def test_the_access_list_counts(self):
        proxy = self.dot(rules='setACL("192.0.2.0/24")\n' + SPOOF)
        with self.assertRaises((OSError, EOFError)):
            with self.connect(proxy.dot) as connection:
                connection.sendall(framed(question("www.example").to_wire()))
                read_framed(connection)

    @breakwater_only
    def test_what_is_no_handshake_is_closed_and_the_next_client_is_served(self):
        proxy = self.dot()
        for bytes_ in (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\0" * 600):
            with socket.create_connection(("127.0.0.1", proxy.dot), timeout=10) as connection:
                connection.sendall(bytes_)
                try:
                    while connection.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.assertIn("192.0.2.1", kdig(proxy.dot, "www.example"))
        self.assertIn("showTLSErrorCounters", proxy.console("help('showTLSErrorCounters')"))
        self.assertRegex(proxy.console("showTCPStats()"), r"TLS 1\.3")

    def test_the_table_of_contexts_tells_of_ticket_keys(self):
        lines = self.dot("ticketsKeysRotationDelay=600").console("showTLSContexts()").splitlines()
        self.assertTrue(lines[0].startswith("#   Address              # ticket keys  Rotation delay Next rotation        "), lines)
        self.assertEqual(lines[1].split()[2:4], ["1", "600"])
        rotation = time.mktime(time.strptime(" ".join(lines[1].split()[4:6]), "%Y-%m-%d %H:%M:%S"))
        self.assertAlmostEqual(rotation, time.time() + 600, delta=60)

    @breakwater_only
    def test_ticket_keys_are_told_to_the_hook(self):
        key = self.certificates.path("key")
        with open(key, "wb") as file:
            file.write(b"k" * 80)
        hook = "keys = {}\nsetTicketsKeyAddedHook(function(key, length) keys[#keys + 1] = length .. (key == ('k'):rep(80) and 'k' or '') end)\n"
        proxy = self.dot(rules=hook + SPOOF)
        proxy.console(f"getTLSFrontend(0):loadTicketsKeys('{key}')")
        wait_until(lambda: "80k" in proxy.console("return table.concat(keys, ' ')"), "the hook")
        proxy.console("getTLSFrontend(0):rotateTicketsKey()")
        wait_until(lambda: proxy.console("return #keys").strip() == "3", "the hook")


class EncryptedBackends(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def server(self, name, port, **options):
        """newServer over TLS, as Lua."""
        words = {"address": f"127.0.0.1:{port}", "name": name, "tls": "openssl", "subjectName": "dns.example",
                 "caStore": self.certificates.ca, **options}
        text = ", ".join(f"{k}={v}" if isinstance(v, int) or v in ("true", "false") else f'{k}="{v}"'
                         for k, v in words.items())
        return f"newServer{{{text}}}\n"

    def dnsdist(self):
        """Debian's dnsdist that answers everything over DoT and DoH."""
        dot, doh = free_port(), free_port()
        certificate, key = self.pair
        behind = self.proxy(LISTEN + f'addTLSLocal("127.0.0.1:{dot}", "{certificate}", "{key}")\n'
                            f'addDOHLocal("127.0.0.1:{doh}", "{certificate}", "{key}", "/dns-query")\n' + SPOOF,
                            binary=DNSDIST)
        wait_until(lambda: accepts_tcp(dot) and accepts_tcp(doh), "dnsdist's ports")
        return behind, dot, doh

    @breakwater_only
    def test_dnsdist_is_asked_over_tls_and_https(self):
        _, dot, doh = self.dnsdist()
        for name, port, options in (("dot", dot, {}), ("doh", doh, {"dohPath": "/dns-query"})):
            with self.subTest(name):
                proxy = self.proxy(LISTEN + self.server(name, port, **options))
                wait_until(lambda: state(proxy, 0) == "up", "the health check")
                for number in range(50):
                    self.assertEqual(addresses(ask(f"n{number}.example", port=proxy.port)), ["192.0.2.1"])
                self.assertEqual(addresses(ask("over-tcp.example", port=proxy.port, tcp=True)), ["192.0.2.1"])

    @breakwater_only
    def test_a_certificate_that_is_not_good_keeps_a_server_down_and_is_shown(self):
        _, dot, _ = self.dnsdist()
        proxy = self.proxy(LISTEN + self.server("name", dot, subjectName="other.example") +
                           self.server("unknown-ca", dot, caStore=Certificates().ca) +
                           self.server("unchecked", dot, validateCertificates="false", subjectName="other.example"))
        wait_until(lambda: state(proxy, 2) == "up", "the health check")
        shown = proxy.console("showServers()")
        self.assertEqual([state(proxy, n) for n in (0, 1)], ["down", "down"])
        self.assertRegex(shown, r"0 +TLS failed: certificate refused: hostname mismatch")
        self.assertRegex(shown, r"1 +TLS failed: certificate refused: ")
        self.assertIn("hostname mismatch", proxy.log())

    @breakwater_only
    def test_sessions_with_servers_are_resumed(self):
        _, dot, _ = self.dnsdist()
        proxy = self.proxy(LISTEN + "setMaxCachedTCPConnectionsPerDownstream(0)\nsetWorkers(1)\n" + self.server("dot", dot))
        wait_until(lambda: state(proxy, 0) == "up", "the health check")
        for number in range(10):
            self.assertEqual(addresses(ask(f"n{number}.example", port=proxy.port)), ["192.0.2.1"])
        # A connection takes one out, and brings another.
        wait_until(lambda: int(proxy.console("return getOutgoingTLSSessionCacheSize()")) > 0, "a session")
        row = next(line for line in proxy.console("showTCPStats()").splitlines() if " dot " in line).split()
        self.assertGreater(int(row[13]), 3, row)  # TLS resumptions

    @breakwater_only
    def test_a_server_that_goes_and_comes_back_is_used_again(self):
        behind, _, doh = self.dnsdist()
        proxy = self.proxy(LISTEN + self.server("doh", doh, dohPath="/dns-query", checkInterval=1))
        wait_until(lambda: state(proxy, 0) == "up", "the health check")
        self.assertEqual(addresses(ask("a.example", port=proxy.port)), ["192.0.2.1"])
        behind.expected_end = True
        behind.stop()
        wait_until(lambda: state(proxy, 0) == "down", "the server to be down")
        with open(behind.config_path, encoding="utf-8") as file:
            again = Process([DNSDIST, "--supervised", "--disable-syslog", "-C", file.name], behind.log_path)
        self.addCleanup(again.kill)
        wait_until(lambda: state(proxy, 0) == "up", "the server to be up again")
        self.assertEqual(addresses(ask("b.example", port=proxy.port)), ["192.0.2.1"])

    @breakwater_only
    def test_https_servers_are_told_the_client_where_they_shall_be(self):
        port = free_port()
        certificate, key = self.pair
        behind = self.proxy(LISTEN + f'addDOHLocal("127.0.0.1:{port}", "{certificate}", "{key}", "/dns-query", '
                            '{keepIncomingHeaders=true})\n'
                            'addAction(AllRule(), LuaAction(function(dq)\n'
                            '  local h = dq:getHTTPHeaders()\n'
                            '  return DNSAction.Spoof, (h["x-forwarded-proto"] or "none") .. ".example."\nend))\n')
        wait_until(lambda: accepts_tcp(port), "the server behind")
        for told, said in (("true", "dns-over-udp.example."), ("false", "none.example.")):
            proxy = self.proxy(LISTEN + self.server("doh", port, dohPath="/dns-query", addXForwardedHeaders=told))
            wait_until(lambda p=proxy: state(p, 0) == "up", "the health check")
            self.assertEqual(addresses(ask("a.example", port=proxy.port)), [said])
        self.stop_cleanly(behind)

    @breakwater_only
    def test_http_errors_become_servfail(self):
        _, _, doh = self.dnsdist()
        proxy = self.proxy(LISTEN + self.server("doh", doh, dohPath="/other", healthCheckMode="up"))
        self.assertEqual(ask("a.example", port=proxy.port).rcode(), 2)

    @breakwater_only
    def test_the_example_asks_its_servers(self):
        _, dot, doh = self.dnsdist()
        zone = f"@ 300 IN SOA ns a 1 2 3 4 5\n_dns 300 IN SVCB 1 dns.example. alpn=dot port={dot}\n"
        nsd = self.started(Nsd({"resolver.arpa": zone}))
        with open(os.path.join(ROOT, "examples/encrypted-backends.lua"), encoding="utf-8") as file:
            text = file.read().replace("127.0.0.1:5300", "127.0.0.1:{port}")
        text = text.replace("/etc/ssl/certs/ca-certificates.crt", self.certificates.ca)
        text = re.sub(r"ns\d\.example\.org", "dns.example", text).replace("192.0.2.54", f"127.0.0.1:{doh}")
        text = text.replace("192.0.2.56", f"127.0.0.1:{nsd.port}")
        proxy = self.proxy(CONSOLE + re.sub(r"192\.0\.2\.5[35]", f"127.0.0.1:{dot}", text))
        wait_until(lambda: [state(proxy, n) for n in range(4)] == ["up"] * 4, "the health checks")
        wait_until(lambda: proxy.stat("server-upgrades") == 1, "the upgrade")
        for number in range(30):
            self.assertEqual(addresses(ask(f"n{number}.example", port=proxy.port)), ["192.0.2.1"])

    @breakwater_only
    def test_options_that_cannot_work_are_told(self):
        for options, said in ({"caStore": "/nonexistent"}, "/nonexistent"), ({"ciphers": "NONE-SUCH"}, "NONE-SUCH"), \
                ({"subjectName": ""}, "subjectName"):
            with self.subTest(said):
                path = write_file(temp_folder(), "bad.conf", self.server("x", 853, **options))
                done = run(BINARY, "--supervised", "-C", path)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stdout + done.stderr, "bad.conf:1: newServer: .*" + said)


if __name__ == "__main__":
    unittest.main()
