#!/usr/bin/python3
"""Servers that are asked over TLS and HTTPS, as dnsdist 1.7.3 and Breakwater see and ask them."""

import time
import unittest

from pair import Pair  # first: it sets the path
import dns.exception
from certificates import Certificates
from client import addresses, ask
from harness import CONSOLE, DNSDIST, Proxy, accepts_tcp, free_port, wait_until
from proxy_headers import ECHO

class Outgoing(Pair):
    """Each server has a pool of its own, for the names below pN.example."""

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")
        cls.stranger = Certificates().ca

    def behind(self, extra=""):
        """dnsdist that answers over UDP, TCP, DoT and DoH; {dot}, {doh} and {plain} become its ports."""
        ports = {"dot": free_port(), "doh": free_port()}
        files = '"{}", "{}"'.format(*self.pair)
        back = Proxy(CONSOLE + 'setLocal("127.0.0.1:{port}")\nsetACL("127.0.0.0/8")\n' +
                     f'addTLSLocal("127.0.0.1:{ports["dot"]}", {files})\n'
                     f'addDOHLocal("127.0.0.1:{ports["doh"]}", {files}, "/dns-query")\n' + extra + ECHO +
                     'addAction(QTypeRule(DNSQType.A), SpoofAction("192.0.2.7"))\n', binary=DNSDIST)
        self.addCleanup(back.kill)
        back.start()
        wait_until(lambda: all(accepts_tcp(port) for port in ports.values()), "the servers")
        return {**ports, "plain": back.port}

    def servers(self, ports, wanted):
        """The configuration for `wanted`: options of newServer by name, with the port's name first."""
        lines = ["setACL('127.0.0.0/8')", "setUDPTimeout(1)"]
        for number, (_, (port, options)) in enumerate(wanted.items()):
            lines += [f'newServer{{address="127.0.0.1:{ports[port]}", name="s{number}", pool="p{number}", checkType="A", '
                      f"checkInterval=1, maxCheckFailures=1, {options}}}",
                      f'addAction("p{number}.example.", PoolAction("p{number}"))']
        return "\n".join(lines) + "\n"

    def outcome_of(self, proxy, wanted, qtype="A"):
        """By name: whether the server is up, and what is answered over UDP and TCP."""
        self.settle(proxy, len(wanted))
        shown = [line.split() for line in proxy.console("showServers()").splitlines()[1:]]
        states = {}
        for words in shown:  # below the table stands why a server is down
            states.setdefault(words[0], words[3].lower())
        return {name: [states[str(number)], *(self.answer(proxy, f"a.p{number}.example", qtype, tcp)
                                                      for tcp in (False, True))]
                for number, name in enumerate(wanted)}

    @staticmethod
    def settle(proxy, count):
        """Until the checks have said the same for longer than two of them take."""
        def states():
            return [line.split()[3] for line in proxy.console("showServers()").splitlines()[1:count + 1]]
        seen, since = None, time.monotonic()

        def settled():
            nonlocal seen, since
            now = states()
            if now != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() > since + 2.5
        wait_until(settled, "the checks to settle", timeout_s=30)

    @staticmethod
    def answer(proxy, name, qtype, tcp):
        try:
            answer = ask(name, qtype, port=proxy.port, tcp=tcp, timeout_s=2, source="127.0.0.6")
        except (dns.exception.Timeout, EOFError, OSError):
            return "none"
        return [text.replace(str(proxy.port), "PORT") for text in addresses(answer)] or answer.rcode()

    def test_certificates_ciphers_and_paths(self):
        ports = self.behind()
        store = f'caStore="{self.certificates.ca}"'
        named = f'tls="openssl", subjectName="dns.example", {store}'
        wanted = {
            "good": ("dot", named),
            "another name": ("dot", f'tls="openssl", subjectName="other.example", {store}'),
            "another CA": ("dot", f'tls="openssl", subjectName="dns.example", caStore="{self.stranger}"'),
            "not looked at": ("dot", f'tls="openssl", subjectName="other.example", validateCertificates=false, {store}'),
            "cipher": ("dot", named + ', ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"'),
            "cipher of 1.3": ("dot", named + ', ciphersTLS13="TLS_CHACHA20_POLY1305_SHA256"'),
            "not TLS": ("plain", named),
            "TLS where none is wanted": ("dot", "tcpOnly=true"),
            "TCP alone": ("plain", "tcpOnly=true"),
            "HTTPS": ("doh", named + ', dohPath="/dns-query"'),
            "HTTPS, another path": ("doh", named + ', dohPath="/other"'),
            "HTTPS, another name": ("doh", f'tls="openssl", subjectName="other.example", {store}, dohPath="/dns-query"'),
            "HTTPS to DoT": ("dot", named + ', dohPath="/dns-query"'),
            "many at a time": ("dot", named + ", maxInFlight=100"),
        }
        self.compare(self.servers(ports, wanted), lambda proxy: self.outcome_of(proxy, wanted))

    def test_headers_of_the_proxy_protocol(self):
        ports = self.behind('setProxyProtocolACL("127.0.0.1/32")\n')
        named = f'tls="openssl", subjectName="dns.example", caStore="{self.certificates.ca}"'
        wanted = {"UDP": ("plain", "useProxyProtocol=true"), "TCP": ("plain", "tcpOnly=true, useProxyProtocol=true"),
                  "DoT": ("dot", named + ", useProxyProtocol=true"), "none": ("plain", ""), "DoT, none": ("dot", named)}

        def told(answer):
            """The client that the server was told; the code where there is no answer."""
            return answer[0].strip('"').partition(":")[0] if isinstance(answer, list) else answer

        def look(proxy):
            seen = self.outcome_of(proxy, wanted, "TXT")
            return {name: [state, *map(told, answers)] for name, (state, *answers) in seen.items()}
        self.compare(self.servers(ports, wanted), look)


if __name__ == "__main__":
    unittest.main()
