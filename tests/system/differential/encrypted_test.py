#!/usr/bin/python3
"""The options of addTLSLocal, through dnsdist 1.7.3 and Breakwater."""

import os
import re
import socket
import ssl
import subprocess
import unittest

from pair import Pair, handshake, s_client  # first: it sets the path
from certificates import Certificates
from client import framed, question, read_framed, run
from harness import wait_until

SPOOF = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'
VERSIONS = ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3")
WEAK = "DEFAULT:@SECLEVEL=0"  # what the older versions of TLS need nowadays
ECDSA = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"


def save_session(port, path, *words):
    """Leaves a session in the file, or no file where none was given; TLS 1.3 gives it with the first answer."""
    if os.path.exists(path):
        os.unlink(path)
    query = framed(question("a.example").to_wire())
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words, "-sess_out", path],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdin.write(query)
        child.stdin.flush()
        text = b""
        while bytes([192, 0, 2, 1]) not in text and (more := child.stdout.read1()):
            text += more


class Dot(Pair):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def line(self, options="", pair=None):
        certificate, key = pair or self.pair
        return f'addTLSLocal("127.0.0.1:{{tls}}", "{certificate}", "{key}", {{{options}}})\n' + SPOOF

    def versions(self, proxy):
        return {version: handshake(proxy.tls, version, "-cipher", WEAK) for version in VERSIONS}

    def test_without_options(self):
        self.compare(self.line(), self.versions)

    def test_the_least_version(self):
        for least in ("tls1.0", "tls1.1", "tls1.2", "tls1.3"):
            with self.subTest(least):
                self.compare(self.line(f'minTLSVersion="{least}", ciphers="{WEAK}"'), self.versions)

    def offers(self, proxy):
        """What is chosen of several offers of TLS 1.2 and 1.3."""
        names = ECDSA.split(":")
        suites = ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"]
        seen = {offer: handshake(proxy.tls, "-tls1_2", "-cipher", offer)
                for offer in (*names, ECDSA, ":".join(reversed(names)))}
        for offer in (*suites, ":".join(suites), ":".join(reversed(suites))):
            seen[offer] = handshake(proxy.tls, "-tls1_3", "-ciphersuites", offer)
        return seen

    def test_ciphers_and_whose_choice_they_are(self):
        some = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
        suites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
        for options in ("", f'ciphers="{some}"', f'ciphersTLS13="{suites}"',
                        f'ciphers="{some}", ciphersTLS13="{suites}", preferServerCiphers=true',
                        f'ciphers="{some}", ciphersTLS13="{suites}", preferServerCiphers=false'):
            with self.subTest(options):
                self.compare(self.line(options), self.offers)

    def test_certificates_of_two_kinds(self):
        rsa = self.certificates.path("rsa.pem"), self.certificates.path("rsa.key")
        made = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                   "/CN=dns.example/O=RSA",
                   "-out", rsa[0], "-keyout", rsa[1])
        self.assertEqual(made.returncode, 0, made.stderr)
        config = (f'addTLSLocal("127.0.0.1:{{tls}}", {{"{self.pair[0]}", "{rsa[0]}"}}, {{"{self.pair[1]}", "{rsa[1]}"}})\n' +
                  SPOOF)
        self.compare(config, lambda proxy: {words: handshake(proxy.tls, *words.split()) for words in (
            "-tls1_3 -sigalgs ECDSA+SHA256", "-tls1_3 -sigalgs RSA-PSS+SHA256", "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256")})

    def test_the_name_asked_for(self):
        other = self.certificates.make("other.example")
        config = (f'addTLSLocal("127.0.0.1:{{tls}}", {{"{self.pair[0]}", "{other[0]}"}}, '
                  f'{{"{self.pair[1]}", "{other[1]}"}})\n' + SPOOF)

        def look(proxy):
            return {name: handshake(proxy.tls, "-servername", name)[2] for name in ("dns.example", "other.example", "else.example")}
        reason = "since 2.0 the name chooses, and the first is for those of no certificate; 1.7.3 kept the last of a kind"
        self.compare(config, look, {name: (reason, "CN = dns.example") for name in ("dns.example", "else.example")})

    def resumed(self, proxy, *before):
        """Whether a session made now is taken up after the commands `before`, by version and means."""
        seen = {}
        for words in (["-tls1_2"], ["-tls1_3"], ["-tls1_2", "-no_ticket"]):
            path = os.path.join(proxy.folder, "session")
            save_session(proxy.tls, path, *words)
            for command in before:
                proxy.console(command)
            again = s_client(proxy.tls, *words, *(["-sess_in", path] if os.path.exists(path) else []))
            seen[" ".join(words)] = "Reused" if "Reused," in again else "New"
        return seen

    def test_sessions(self):
        for options in ("", "sessionTickets=true, numberOfTicketsKeys=2", "numberOfStoredSessions=0", "sessionTimeout=600",
                        "sessionTickets=false", "numberOfTicketsKeys=0"):
            with self.subTest(options):
                self.compare(self.line(options), self.resumed)

    def test_keys_that_rotate(self):
        rotate = "getTLSContext(0):rotateTicketsKey()"
        for options, times in (("numberOfTicketsKeys=3", 1), ("numberOfTicketsKeys=3", 2), ("numberOfTicketsKeys=3", 3),
                               ("numberOfTicketsKeys=1", 1)):
            with self.subTest(options=options, times=times):
                self.compare(self.line(options), lambda proxy, n=times: self.resumed(proxy, *[rotate] * n))

    def test_a_key_file(self):
        keys = [self.certificates.path(f"key{n}") for n in range(2)]
        for path in keys:
            with open(path, "wb") as file:
                file.write(os.urandom(80))
        line = self.line(f'ticketKeyFile="{keys[0]}", numberOfStoredSessions=0')
        for commands in ([], [f'getTLSContext(0):loadTicketsKeys("{keys[1]}")'],
                         [f'getTLSContext(0):loadTicketsKeys("{keys[0]}")']):
            with self.subTest(commands):
                self.compare(line, lambda proxy, c=commands: self.resumed(proxy, *c))

    def test_status_responses(self):
        made = "{dir}/ocsp.der"
        config = (f'generateOCSPResponse("{self.pair[0]}", "{self.certificates.ca}", "{self.certificates.ca_key}", '
                  f'"{made}", 2, 30)\n' + self.line(f'ocspResponses={{"{made}"}}'))

        def look(proxy):
            said = s_client(proxy.tls, "-status", "-CAfile", self.certificates.ca)
            return {"status": re.findall(r"OCSP Response Status: .*|Cert Status: .*|Response Type: .*|Version: .*\(0x.*", said)}
        self.compare(config, look)

    def test_a_log_of_keys(self):
        def look(proxy):
            with open(os.path.join(proxy.folder, "keys"), encoding="ascii") as file:
                before = len(file.read())
            for version in ("-tls1_2", "-tls1_3"):
                handshake(proxy.tls, version)
            with open(os.path.join(proxy.folder, "keys"), encoding="ascii") as file:
                return {"labels": sorted({line.split()[0] for line in file.read()[before:].splitlines()})}
        self.compare(self.line('keyLogFile="{dir}/keys"'), look)

    def test_renegotiation(self):
        def look(proxy):
            with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.tls}", "-tls1_2"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
                text = b""
                while b"Verify return code" not in text:
                    text += child.stdout.read1()
                child.stdin.write(b"R\n")
                child.stdin.flush()
                while not re.search(b"verify return:1\n(?s:.*)verify return:1|no renegotiation|DONE", text.partition(b"RENEGOTIATING")[2]):
                    more = child.stdout.read1()
                    if not more:
                        break
                    text += more
                child.stdin.close()
                text += child.stdout.read()
            return {"refused": b"no renegotiation" in text}
        self.compare(self.line(), look)
        self.compare(self.line("enableRenegotiation=true"), look)

    def test_protocols_offered(self):
        def look(proxy):
            seen = {}
            for offer in ("dot", "h2", "h2,dot", None):
                said = s_client(proxy.tls, *(["-alpn", offer] if offer else []))
                agreed = re.search(r"^ALPN protocol: (.*)$|^(No ALPN) negotiated", said, re.M)
                seen[offer] = agreed.group(1) or agreed.group(2) if agreed else "refused"
            return seen
        self.compare(self.line(), look)

    def test_connections_at_a_time(self):
        def look(proxy):
            context = ssl.create_default_context(cafile=self.certificates.ca)
            seen, kept = {}, []
            for number in range(4):
                try:
                    plain = socket.create_connection(("127.0.0.1", proxy.tls), timeout=5)
                    kept.append(context.wrap_socket(plain, server_hostname="dns.example"))
                    kept[-1].sendall(framed(question("a.example").to_wire()))
                    seen[number] = read_framed(kept[-1]) is not None
                except OSError:
                    seen[number] = False
            for connection in kept:
                connection.close()
            return seen
        line = self.line("maxConcurrentTCPConnections=2")
        self.compare(line, look, newer="setTCPConnectionsOverloadThreshold(0)\n" + line)


if __name__ == "__main__":
    unittest.main()
