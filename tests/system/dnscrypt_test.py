#!/usr/bin/python3
"""DNSCrypt with a client of its own (dnscrypt_client.py), on Breakwater and on dnsdist 1.7.3 with the same files.

Debian has no client for DNSCrypt. That the one here is right is shown by dnsdist, which understands it.
"""

import functools
import os
import subprocess
import threading
import time
import unittest

import dns.flags
import dns.message
import dns.rcode

from client import addresses
from collectors import RemoteLog
from dnscrypt_client import XCHACHA20, XSALSA20, Certificate, Provider, Session, Stream, exchange_udp
from harness import (BINARY, CONSOLE, DNSDIST, IS_DNSDIST, SANITIZED, SystemTest, breakwater_only, child_environment,
                     free_port, temp_folder, wait_until, write_file)
from nameservers import Nsd
from proxy_headers import ECHO, header

PROVIDER = "2.cert.example.org"
LONG = " ".join(f'"{chr(97 + i) * 200}"' for i in range(5))
ZONE = {"example.org": "$ORIGIN example.org.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\n"
                       f"ns1 A 127.0.0.1\nweb A 192.0.2.80\nlong TXT {LONG}\n"}
BINARIES = [BINARY] if IS_DNSDIST or not os.path.exists(DNSDIST) else [BINARY, DNSDIST]


def query(name="web.example.org", qtype="A", **how):
    return dns.message.make_query(name, qtype, **how)


def file_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def with_both(test):
    """Runs with each program, which is its argument."""
    @functools.wraps(test)
    def run(self):
        for binary in BINARIES:
            with self.subTest(os.path.basename(binary)):
                test(self, binary)
    return run


class Dnscrypt(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd(ZONE)
        cls.addClassCleanup(cls.nsd.kill)
        cls.provider = Provider()

    def serve(self, certificates, binary=BINARY, options="", rules=""):
        """A proxy whose `port` speaks DNSCrypt; nothing else but the console is open."""
        # Both programs listen elsewhere only where no line says where; the comment keeps the harness from adding one.
        config = CONSOLE + (f'newServer("127.0.0.1:{self.nsd.port}")\n{rules}\n'
                            f'addDNSCryptBind("127.0.0.1:{{port}}", "{PROVIDER}", {self.lua_list(1, certificates)}, '
                            f'{self.lua_list(2, certificates)}, {{{options}}})\n-- no setLocal()\n')
        return self.proxy(config, binary=binary)

    @staticmethod
    def lua_list(index, certificates):
        return "{" + ", ".join(f'"{row[index]}"' for row in certificates) + "}"

    def told(self, port, **how):
        """What the server says its certificates are, with their signatures checked."""
        answer = dns.message.from_wire(exchange_udp(port, query(PROVIDER, "TXT", **how).to_wire()))
        self.assertEqual(answer.rcode(), dns.rcode.NOERROR)
        return [Certificate(b"".join(record.strings), self.provider.key)
                for records in answer.answer for record in records]

    def ask_udp(self, port, session, message=None, least=256):
        packet, half = session.seal((message or query()).to_wire(), least)
        answer = exchange_udp(port, packet)
        self.assertIsNotNone(answer, "no answer")
        return dns.message.from_wire(session.open(answer, half))

    def ask_tcp(self, port, session, message=None):
        with Stream(port) as stream:
            packet, half = session.seal((message or query()).to_wire(), 64)
            stream.send(packet)
            return dns.message.from_wire(session.open(stream.receive(), half))


class Queries(Dnscrypt):
    @with_both
    def test_both_encryptions_over_udp_and_tcp(self, binary):
        certificates = [self.provider.make(1), self.provider.make(2, XCHACHA20)]
        proxy = self.serve(certificates, binary, rules="getPool('').setCache(getPool(''), newPacketCache(100))")
        told = self.told(proxy.port)
        self.assertEqual([one.data for one in told], [row[0].data for row in certificates])
        for certificate in told:
            session = Session(certificate)
            for _ in range(2):  # the second one is a hit
                self.assertEqual(addresses(self.ask_udp(proxy.port, session)), ["192.0.2.80"])
                self.assertEqual(addresses(self.ask_tcp(proxy.port, session)), ["192.0.2.80"])
        self.assertGreaterEqual(proxy.stat("cache-hits"), 6)
        self.stop_cleanly(proxy)

    @with_both
    def test_an_answer_that_is_larger_than_the_query_says_so_over_udp(self, binary):
        proxy = self.serve([self.provider.make(1)], binary)
        session = Session(self.told(proxy.port)[0])
        asked = query("long.example.org", "TXT", use_edns=0, payload=4096)
        cut = self.ask_udp(proxy.port, session, asked)
        self.assertTrue(cut.flags & dns.flags.TC)
        self.assertEqual(len(cut.answer), 0)
        whole = self.ask_tcp(proxy.port, session, asked)
        self.assertFalse(whole.flags & dns.flags.TC)
        self.assertEqual(len(b"".join(whole.answer[0][0].strings)), 1000)
        # A client that pads more gets more.
        self.assertEqual(len(self.ask_udp(proxy.port, session, asked, least=1280).answer), 1)
        self.stop_cleanly(proxy)

    @breakwater_only
    def test_answers_are_padded_to_multiples_of_64_and_no_larger_than_queries(self):
        proxy = self.serve([self.provider.make(1)])
        session = Session(self.told(proxy.port)[0])
        for name in ("web", "long", "a" * 30, "b" * 60):
            packet, half = session.seal(query(f"{name}.example.org").to_wire())
            answer = exchange_udp(proxy.port, packet)
            session.open(answer, half)
            self.assertEqual((len(answer) - 48) % 64, 0)
            self.assertLessEqual(len(answer), len(packet))  # dnsdist 1.7.3 pads at random, and beyond

    @with_both
    def test_bad_input_gets_no_answer_and_others_do(self, binary):
        other = self.provider.make(9)[0]
        proxy = self.serve([self.provider.make(1)], binary)
        session = Session(self.told(proxy.port)[0])
        good, half = session.seal(query().to_wire())
        flipped = good[:-1] + bytes([good[-1] ^ 1])
        bad = {"another certificate": Session(other).seal(query().to_wire())[0],
               "another magic": bytes([good[0] ^ 1]) + good[1:],
               "a wrong MAC": flipped,
               "another client key": good[:8] + bytes([good[8] ^ 1]) + good[9:],
               "a client key of zeros": good[:8] + bytes(32) + good[40:],
               "a header alone": good[:52],
               "a magic alone": good[:8],
               "too short for UDP": session.seal(query().to_wire(), 64)[0],
               "a plain query": query().to_wire(),
               "the provider's address": query(PROVIDER, "A").to_wire(),
               "a reply": session.seal(dns.message.make_response(query()).to_wire())[0],
               "no message": session.seal(b"")[0]}
        for what, packet in bad.items():
            self.assertIsNone(exchange_udp(proxy.port, packet, timeout=0.2), what)
        self.assertEqual(addresses(dns.message.from_wire(session.open(exchange_udp(proxy.port, good), half))),
                         ["192.0.2.80"])
        for what, packet in bad.items():
            if what == "too short for UDP":
                continue
            with Stream(proxy.port) as stream:
                stream.send(packet)
                self.assertIsNone(stream.receive(), what)
        self.assertEqual(addresses(self.ask_tcp(proxy.port, session)), ["192.0.2.80"])
        if binary == BINARY and not IS_DNSDIST:
            count = 2 * len(bad) - 1 - 2  # what is shorter than a DNS header has a counter of its own
            self.assertEqual(proxy.stat("dnscrypt-invalid-queries"), count)
            self.assertEqual(proxy.stat("noncompliant-queries"), count + 2)
        self.stop_cleanly(proxy)

    @with_both
    def test_rules_see_which_way_a_query_came(self, binary):
        rules = ('addAction("udp.example.org.", LuaAction(function(dq) return DNSAction.Spoof, dq:getProtocol() == '
                 '"DNSCrypt UDP" and "192.0.2.5" or "192.0.2.6" end))\n'
                 'addAction("tcp.example.org.", LuaAction(function(dq) return DNSAction.Spoof, dq:getProtocol() == '
                 '"DNSCrypt TCP" and "192.0.2.5" or "192.0.2.6" end))\n')
        proxy = self.serve([self.provider.make(1)], binary, rules=rules)
        session = Session(self.told(proxy.port)[0])
        self.assertEqual(addresses(self.ask_udp(proxy.port, session, query("udp.example.org"))), ["192.0.2.5"])
        self.assertEqual(addresses(self.ask_tcp(proxy.port, session, query("tcp.example.org"))), ["192.0.2.5"])
        self.assertRegex(proxy.console("showBinds()"), r"UDP \(DNSCrypt\) +2\n.*TCP \(DNSCrypt\) +1\n")
        self.stop_cleanly(proxy)

    @with_both
    def test_collectors_are_told_which_way_a_query_came(self, binary):
        log = RemoteLog()
        self.addCleanup(log.close)
        proxy = self.serve([self.provider.make(1)], binary, rules='addAction(AllRule(), RemoteLogAction('
                           f'newRemoteLogger("127.0.0.1:{log.port}")))')
        session = Session(self.told(proxy.port)[0])
        self.ask_udp(proxy.port, session)
        log.messages(1)
        self.ask_tcp(proxy.port, session)
        self.assertEqual([message.socket_protocol for message in log.messages(2)], [5, 6])
        self.stop_cleanly(proxy)

    @breakwater_only
    def test_rings_and_selectors_know_which_way_a_query_came(self):
        rules = ('addAction(IncomingProtocolRule("DNSCryptUDP"), SpoofAction("192.0.2.5"))\n'
                 'addAction(IncomingProtocolRule("DNSCryptTCP"), SpoofAction("192.0.2.6"))\n')
        proxy = self.serve([self.provider.make(1)], rules=rules)
        session = Session(self.told(proxy.port)[0])
        self.assertEqual(addresses(self.ask_udp(proxy.port, session)), ["192.0.2.5"])
        self.assertEqual(addresses(self.ask_tcp(proxy.port, session)), ["192.0.2.6"])
        found = proxy.console('grepq("web.example.org")')
        self.assertRegex(found, r"127\.0\.0\.1:\d+ +DNSCryptUDP ")
        self.assertRegex(found, r"127\.0\.0\.1:\d+ +DNSCryptTCP ")

    @breakwater_only
    def test_many_queries_on_one_connection(self):
        proxy = self.serve([self.provider.make(1, XCHACHA20)], options="maxInFlight=20")
        session = Session(self.told(proxy.port)[0])
        with Stream(proxy.port) as stream:
            halves = {}
            for number in range(20):
                packet, half = session.seal(query(f"n{number}.example.org").to_wire(), 64)
                halves[half] = number
                stream.send(packet)
            for _ in range(20):
                packet = stream.receive()
                number = halves.pop(packet[8:20])
                answer = dns.message.from_wire(session.open(packet, packet[8:20]))
                self.assertEqual(answer.question[0].name.to_text(), f"n{number}.example.org.")
        self.assertEqual(halves, {})

    @breakwater_only
    def test_the_client_is_the_one_that_a_proxy_header_names(self):
        proxy = self.serve([self.provider.make(1)], rules='setProxyProtocolACL("127.0.0.0/8")\n' + ECHO)
        answer = exchange_udp(proxy.port, header() + query(PROVIDER, "TXT").to_wire())
        (record,) = dns.message.from_wire(answer).answer[0]
        session = Session(Certificate(b"".join(record.strings), self.provider.key))
        packet, half = session.seal(query("echo.example.org", "TXT").to_wire())
        answer = exchange_udp(proxy.port, header() + packet)
        self.assertIn("192.0.2.1:4321", addresses(dns.message.from_wire(session.open(answer, half)))[0])
        with Stream(proxy.port) as stream:
            stream.sock.sendall(header(family=0x11))
            stream.send(packet)
            answer = dns.message.from_wire(session.open(stream.receive(), half))
            self.assertIn("192.0.2.1:4321", addresses(answer)[0])
        self.assertIsNone(exchange_udp(proxy.port, packet, timeout=0.3))
        self.assertEqual(proxy.stat("proxy-protocol-invalid"), 1)

    @breakwater_only
    def test_the_access_list_counts(self):
        proxy = self.serve([self.provider.make(1)], rules='setACL("192.0.2.0/24")')
        self.assertIsNone(exchange_udp(proxy.port, query(PROVIDER, "TXT").to_wire(), timeout=0.2))
        self.assertGreaterEqual(proxy.stat("acl-drops"), 1)


class Certificates(Dnscrypt):
    def generate(self, binary, folder):
        """Keys and certificates made by the program itself."""
        now = int(time.time())
        text = (f'generateDNSCryptProviderKeys("{folder}/pub", "{folder}/sec")\n'
                f'generateDNSCryptCertificate("{folder}/sec", "{folder}/1.cert", "{folder}/1.key", 1, {now}, {now + 900})\n'
                f'generateDNSCryptCertificate("{folder}/sec", "{folder}/2.cert", "{folder}/2.key", 2, {now}, {now + 900}, '
                'DNSCryptExchangeVersion.VERSION2)\n')
        proxy = self.proxy(CONSOLE + text, binary=binary)
        shown = proxy.console(f'printDNSCryptProviderFingerprint("{folder}/pub")')
        self.stop_cleanly(proxy)
        key = file_bytes(f"{folder}/pub")  # dnsdist's console client has made all anew
        groups = [key.hex().upper()[i:i + 4] for i in range(0, 64, 4)]
        self.assertEqual(shown.strip(), "Provider fingerprint is: " + ":".join(groups))
        rows = []
        for serial in (1, 2):
            certificate = Certificate(file_bytes(f"{folder}/{serial}.cert"), key)
            self.assertEqual((certificate.serial, certificate.start, certificate.end), (serial, now, now + 900))
            rows.append((certificate, f"{folder}/{serial}.cert", f"{folder}/{serial}.key"))
        return key, rows

    def test_each_program_uses_the_files_of_the_other(self):
        for maker in BINARIES:
            key, rows = self.generate(maker, temp_folder())
            for binary in BINARIES:
                with self.subTest(f"made by {maker}, used by {binary}"):
                    proxy = self.serve(rows, binary)
                    answer = dns.message.from_wire(exchange_udp(proxy.port, query(PROVIDER, "TXT").to_wire()))
                    told = [Certificate(b"".join(record.strings), key) for record in answer.answer[0]]
                    self.assertEqual([one.suite for one in told], [XSALSA20, XCHACHA20])
                    for certificate in told:
                        self.assertEqual(addresses(self.ask_udp(proxy.port, Session(certificate))), ["192.0.2.80"])
                    self.stop_cleanly(proxy)

    @with_both
    def test_certificates_outside_their_time_are_not_told_nor_used(self, binary):
        expired = self.provider.make(1, start=-600, end=-300)
        future = self.provider.make(2, start=600)
        good = self.provider.make(3)
        proxy = self.serve([expired, future, good], binary)
        self.assertEqual([one.serial for one in self.told(proxy.port)], [3])
        for certificate in (expired[0], future[0]):
            packet = Session(certificate).seal(query().to_wire())[0]
            self.assertIsNone(exchange_udp(proxy.port, packet, timeout=0.2))
        self.stop_cleanly(proxy)

    @with_both
    def test_a_certificate_is_rotated_while_queries_run(self, binary):
        old, new = self.provider.make(1), self.provider.make(2, XCHACHA20)
        proxy = self.serve([old], binary)
        session = Session(self.told(proxy.port)[0])
        stop, failures, done = threading.Event(), [], []

        def load(stop=stop, failures=failures, done=done, session=session, port=proxy.port):
            while not stop.is_set():
                try:
                    if addresses(self.ask_udp(port, session)) != ["192.0.2.80"]:
                        failures.append("another answer")
                    done.append(1)
                except Exception as error:  # pylint: disable=broad-except
                    failures.append(repr(error))
        thread = threading.Thread(target=load)
        thread.start()
        try:
            bind = "getDNSCryptBind(0)"
            proxy.console(f'{bind}:loadNewCertificate("{new[1]}", "{new[2]}", false)')
            self.assertEqual([one.serial for one in self.told(proxy.port)], [1])
            # What is not told yet is answered all the same.
            self.assertEqual(addresses(self.ask_udp(proxy.port, Session(new[0]))), ["192.0.2.80"])
            proxy.console(f"{bind}:markActive(2)")
            self.assertEqual([one.serial for one in self.told(proxy.port)], [1, 2])
            proxy.console(f"{bind}:markInactive(1)")
            self.assertEqual([one.serial for one in self.told(proxy.port)], [2])
            so_far = len(done)
            wait_until(lambda: len(done) > so_far + 20, "queries for the old certificate")
        finally:
            stop.set()
            thread.join()
        self.assertEqual(failures, [])
        proxy.console(f"{bind}:removeInactiveCertificate(1)")
        self.assertIsNone(exchange_udp(proxy.port, session.seal(query().to_wire())[0], timeout=0.3))
        self.assertEqual(addresses(self.ask_udp(proxy.port, Session(new[0]))), ["192.0.2.80"])
        self.stop_cleanly(proxy)

    def holds(self, proxy, secret):
        """Whether it is in the memory of the process."""
        with open(f"/proc/{proxy.pid}/maps", encoding="utf-8") as maps, \
                open(f"/proc/{proxy.pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                span, rights = line.split()[:2]
                begin, end = (int(number, 16) for number in span.split("-"))
                if not rights.startswith("rw"):
                    continue
                kept = b""
                for at in range(begin, end, 1 << 24):
                    memory.seek(at)
                    try:
                        part = memory.read(min(1 << 24, end - at))
                    except OSError:  # no memory is there
                        break
                    if secret in kept + part:
                        return True
                    kept = part[-len(secret):]
        return False

    @breakwater_only
    @unittest.skipIf(os.geteuid() != 0, "the memory of a process is for root to read")
    @unittest.skipIf(SANITIZED, "sanitizers map terabytes for themselves")
    def test_the_key_of_a_removed_certificate_is_nowhere_though_nobody_asks(self):
        old, new, renewed = (self.provider.make(serial) for serial in (1, 2, 3))
        proxy = self.serve([old, renewed], rules="setWorkers(2)")
        self.assertEqual(addresses(self.ask_udp(proxy.port, Session(self.told(proxy.port)[0]))), ["192.0.2.80"])
        secrets = [file_bytes(row[2]) for row in (old, renewed)]
        for secret in secrets:
            self.assertTrue(self.holds(proxy, secret))
        bind = "getDNSCryptBind(0)"
        proxy.console(f'pair = {bind}:getCertificatePair(0) {bind}:loadNewCertificate("{new[1]}", "{new[2]}") '
                      f"{bind}:markInactive(1) {bind}:removeInactiveCertificate(1)")
        wait_until(lambda: not self.holds(proxy, secrets[0]), "the removed key to be overwritten")
        self.assertEqual(proxy.console("return pair:isActive()").strip(), "false")
        for path, other in zip(renewed[1:], self.provider.make(4)[1:]):
            os.replace(other, path)
        proxy.console(f"{bind}:reloadCertificates()")
        wait_until(lambda: not self.holds(proxy, secrets[1]), "the replaced key to be overwritten")
        self.assertTrue(self.holds(proxy, file_bytes(new[2])))
        self.stop_cleanly(proxy)

    @with_both
    def test_certificates_are_read_again(self, binary):
        for command in ("getDNSCryptBind(0):reloadCertificates()", "reloadAllCertificates()"):
            if binary == DNSDIST and command.startswith("reloadAll"):
                continue  # 1.7.3 does not: meaning of 2.0
            proxy = self.serve([self.provider.make(1, name="renewed")], binary)
            self.assertEqual([one.serial for one in self.told(proxy.port)], [1])
            renewed = self.provider.make(7, name="renewed")[0]
            proxy.console(command)
            self.assertEqual([one.data for one in self.told(proxy.port)], [renewed.data])
            self.assertEqual(addresses(self.ask_udp(proxy.port, Session(renewed))), ["192.0.2.80"])
            if not IS_DNSDIST and binary == BINARY:
                self.provider.write("renewed.cert", b"broken")
                self.assertIn("renewed.cert should have 124 octets, it has 6", proxy.console(command) + proxy.log())
                self.assertEqual([one.data for one in self.told(proxy.port)], [renewed.data])
            self.stop_cleanly(proxy)

    @with_both
    def test_one_made_in_memory_is_used_at_once(self, binary):
        proxy = self.serve([self.provider.make(1)], binary)
        now = int(time.time())
        proxy.console(f'getDNSCryptBind(0):generateAndLoadInMemoryCertificate("{self.provider.secret_path}", 5, '
                      f"{now - 10}, {now + 600}, DNSCryptExchangeVersion.VERSION2)")
        told = self.told(proxy.port)
        self.assertEqual([(one.serial, one.suite) for one in told], [(1, XSALSA20), (5, XCHACHA20)])
        self.assertEqual(addresses(self.ask_udp(proxy.port, Session(told[1]))), ["192.0.2.80"])
        self.stop_cleanly(proxy)

    @with_both
    def test_what_the_console_says(self, binary):
        rows = [self.provider.make(1), self.provider.make(2, XCHACHA20)]
        proxy = self.serve(rows, binary)
        bind = "getDNSCryptBind(0)"
        for command, words in (("showDNSCryptBinds()", ["0", f"127.0.0.1:{proxy.port}", PROVIDER]),
                               ("getDNSCryptBindCount()", ["1"]),
                               (f"{bind}:getProviderName()", [PROVIDER]),
                               (f"{bind}:getCertificate(1):getSerial()", ["2"]),
                               (f"{bind}:getCertificate(0):getTSEnd()", [str(rows[0][0].end)]),
                               (f"{bind}:getCertificate(0):getMagic()", ["DNSC"]),
                               (f"#{bind}:getCertificatePairs()", ["2"]),
                               (f"{bind}:getCertificatePair(1):getCertificate():getSerial()", ["2"])):
            self.assertEqual(proxy.console(command).split()[-len(words):], words, command)
        self.assertIn("2", proxy.console("getDNSCryptBind(0):printCertificates()"))
        for wrong in ("getCertificate(2)", "markInactive(9)", "removeInactiveCertificate(1)",
                      f'loadNewCertificate("{rows[0][1]}", "{rows[0][2]}")'):
            self.assertIn("rror", proxy.console(f"getDNSCryptBind(0):{wrong}"), wrong)
        self.stop_cleanly(proxy)


@breakwater_only
class Configurations(Dnscrypt):
    def bind(self, certificates, keys, provider=PROVIDER):
        return f'addDNSCryptBind("127.0.0.1:8443", "{provider}", {certificates}, {keys})'

    def test_what_is_wrong_is_told(self):
        _, cert, key = self.provider.make(1)
        other = self.provider.make(2)[2]
        for line, why in ((self.bind(f'"{cert}"', f'"{other}"'), f"{other} is not that of the certificate {cert}"),
                          (self.bind(f'"{cert}"', '"/nowhere/key"'), "cannot read the private key /nowhere/key"),
                          (self.bind(f'{{"{cert}"}}', "{}"), "there are 1 certificates and 0 keys"),
                          (self.bind("{}", "{}"), "at least one certificate is needed"),
                          (self.bind(f'{{"{cert}", "{cert}"}}', f'{{"{key}", "{key}"}}'), "the serial 1 already"),
                          (self.bind(f'"{key}"', f'"{key}"'), "should have 124 octets, it has 32"),
                          (self.bind(f'"{cert}"', f'"{key}"', provider="a..b"), "a..b")):
            self.refused(line, why)

    def test_a_check_and_the_console_client_make_no_keys(self):
        folder = temp_folder()
        now = int(time.time())
        text = (f'generateDNSCryptProviderKeys("{folder}/pub", "{folder}/sec")\n'
                f'printDNSCryptProviderFingerprint("{folder}/pub")\n'
                f'generateDNSCryptCertificate("{folder}/sec", "{folder}/1.cert", "{folder}/1.key", 1, {now}, {now + 900})\n'
                f'addDNSCryptBind("127.0.0.1:{free_port()}", "{PROVIDER}", "{folder}/1.cert", "{folder}/1.key")\n')
        for wrong, reason in (("", None),
                              (f'getDNSCryptBind(0):loadNewCertificate("{folder}/1.cert", "{folder}/1.key")\n',
                               "the serial 1 already"),
                              (f'getDNSCryptBind(0):loadNewCertificate("{folder}/2.cert", "{folder}/2.key")\n',
                               f"cannot read the certificate {folder}/2.cert")):
            path = write_file(folder, "keys.conf", text + wrong)
            check = subprocess.run([BINARY, "-C", path, "--check-config"], check=False, capture_output=True,
                                   env=child_environment(), text=True)
            self.assertEqual(check.returncode == 0, reason is None, check.stderr)
            self.assertIn(reason or "", check.stdout + check.stderr)
            self.assertNotIn("fingerprint is", check.stdout)
            self.assertEqual(os.listdir(folder), ["keys.conf"])

    def test_udp_alone(self):
        row = self.provider.make(1)
        port = free_port()
        proxy = self.proxy(CONSOLE + f'addAction(AllRule(), SpoofAction("192.0.2.1"))\naddLocal("127.0.0.1:{{port}}")\n'
                           f'addDNSCryptBind("127.0.0.1:{port}", "{PROVIDER}", "{row[1]}", "{row[2]}", {{doTCP=false}})\n')
        self.assertEqual(addresses(self.ask_udp(port, Session(self.told(port)[0]))), ["192.0.2.1"])
        with self.assertRaises(ConnectionRefusedError):
            Stream(port)
        self.assertNotIn("TCP (DNSCrypt)", proxy.console("showBinds()"))

    def test_the_console_client_reads_a_file_that_uses_certificates_it_may_not_see(self):
        row = self.provider.make(7)
        proxy = self.proxy(CONSOLE + 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'
                           f'addDNSCryptBind("127.0.0.1:{{port}}", "{PROVIDER}", "{row[1]}", "{row[2]}")\n'
                           "newest = getDNSCryptBind(0):getCertificate(0):getSerial() -- no setLocal()\n")
        for path in row[1:]:
            os.unlink(path)
        self.assertEqual(proxy.console("return newest").strip(), "7")


if __name__ == "__main__":
    unittest.main()
