#!/usr/bin/python3
"""PROXY headers towards servers that are asked over TLS and HTTPS: whom the server was told."""

import re
import unittest

from certificates import Certificates
from client import addresses, ask
from harness import CONSOLE, DNSDIST, Proxy, SystemTest, accepts_tcp, breakwater_only, free_port, wait_until
from proxy_headers import ECHO, ask_https, ask_stream, header, stream, tls_stream
from proxy_protocol_test import BAD, datagram, said, text_of

TRANSPORTS = ("dot", "doh")
PATIENT = "setTCPRecvTimeout(20)\n"  # a sanitized program may be slow


@breakwater_only
class Told(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")
        cls.files = '"{}", "{}"'.format(*cls.pair)

    def behind(self, binary=None):
        """A program that echoes whom it was told; .ports of DoT and DoH."""
        ports = {transport: free_port() for transport in TRANSPORTS}
        text = CONSOLE + 'setLocal("127.0.0.1:{port}")\nsetACL("127.0.0.0/8")\nsetProxyProtocolACL("127.0.0.1/32")\n' + PATIENT
        text += f'addTLSLocal("127.0.0.1:{ports["dot"]}", {self.files})\n'
        if binary is None:  # HTTPS of 1.7.3 takes no headers
            text += f'addDOHLocal("127.0.0.1:{ports["doh"]}", {self.files}, "/dns-query")\n'
        text += ECHO + 'addAction(QTypeRule(DNSQType.A), SpoofAction("192.0.2.7"))\n'
        if binary is None:
            back = self.proxy(text)
        else:
            back = Proxy(text, binary=binary)
            self.addCleanup(back.kill)
            back.start()
        wait_until(lambda: all(accepts_tcp(p) for t, p in ports.items() if binary is None or t == "dot"), "the servers")
        back.ports = ports
        return back

    def front(self, back, transport, options="", extra=""):
        path = ', dohPath="/dns-query"' if transport == "doh" else ""
        self.tls_port, self.https_port = free_port(), free_port()
        front = self.proxy(CONSOLE + PATIENT + f'''setLocal("127.0.0.1:{{port}}")
addTLSLocal("127.0.0.1:{self.tls_port}", {self.files})
addDOHLocal("127.0.0.1:{self.https_port}", {self.files}, "/dns-query")
newServer{{address="127.0.0.1:{back.ports[transport]}", tls="openssl", subjectName="dns.example", checkInterval=1,
  caStore="{self.certificates.ca}", useProxyProtocol=true, checkType="A", checkTimeout=5000, maxCheckFailures=1{path}{options}}}
{extra}''')
        wait_until(lambda: " up " in front.console("showServers()"), "the server to be up")
        return front

    def assert_told(self, front, values=""):
        for tcp in (False, True):
            for source in ("127.0.0.6", "127.0.0.7"):
                text = addresses(ask("echo.example", "TXT", port=front.port, tcp=tcp, source=source))[0]
                self.assertRegex(text, rf'^"{re.escape(source)}:\d+ 127\.0\.0\.1:{front.port}{values}"$')
        for open_, port, send in ((tls_stream, self.tls_port, ask_stream), (tls_stream, self.https_port, ask_https)):
            text = said(open_, port, source="127.0.0.8", send=send)
            self.assertRegex(text, rf'^"127\.0\.0\.8:\d+ 127\.0\.0\.1:{port}{values}"$')

    def test_the_server_is_told_the_client_of_every_transport(self):
        back = self.behind()
        for transport in TRANSPORTS:
            with self.subTest(transport):
                self.assert_told(self.front(back, transport))
        self.assertEqual(back.stat("proxy-protocol-invalid"), 0)

    def test_dnsdist_is_told_too(self):
        back = self.behind(DNSDIST)
        self.assert_told(self.front(back, "dot", extra="addAction(AllRule(), SetProxyProtocolValuesAction({[200]='v'}))\n"),
                         " 200=v")
        self.assertEqual(back.stat("proxy-protocol-invalid"), 0)

    def test_values_of_rules_and_of_the_client_arrive(self):
        back = self.behind()
        rules = '''setProxyProtocolACL("127.0.0.2/32")
addAction(NotRule(ProxyProtocolValueRule(0xe0, "foo")), SetProxyProtocolValuesAction({[200]="a", [201]="b"}))\n'''
        for transport in TRANSPORTS:
            with self.subTest(transport):
                front = self.front(back, transport, extra=rules)
                self.assertTrue(addresses(ask("set.example", "TXT", port=front.port))[0].endswith(' 200=a 201=b"'))
                named = '"192.0.2.1:4321 198.51.100.53:5353 224=foo"'
                before = header(values=[(0xE0, b"foo")])
                self.assertEqual(datagram(front.port, before, "127.0.0.2"), named)
                self.assertEqual(said(stream, front.port, before, source="127.0.0.2"), named)
                self.assertEqual(said(tls_stream, self.tls_port, inside=before, source="127.0.0.2"), named)

    def test_encryption_is_advertised_where_asked(self):
        back = self.behind()
        for transport in TRANSPORTS:
            with self.subTest(transport):
                self.front(back, transport, ", proxyProtocolAdvertiseTLS=true")
                self.assertTrue(said(tls_stream, self.tls_port).endswith(' 32="'))
                self.assertTrue(said(tls_stream, self.https_port, send=ask_https).endswith(' 32="'))
        front = self.front(back, "dot", ", proxyProtocolAdvertiseTLS=true")
        self.assertTrue(said(stream, front.port).endswith(f':{front.port}"'))
        self.assertTrue(datagram(front.port, b"").endswith(f':{front.port}"'))

    def test_clients_do_not_share_a_connection(self):
        back = self.behind()
        for transport in TRANSPORTS:
            with self.subTest(transport):
                front = self.front(back, transport)
                clients = [tls_stream(self.tls_port, source=f"127.0.0.{n}") for n in range(6, 12)]
                for _ in range(3):
                    for client in clients:
                        self.assertIn('"%s:%d ' % client.getsockname(), text_of(ask_stream(client)))
                for client in clients:
                    client.close()
                self.assertTrue(front.running())

    def test_a_server_that_takes_no_headers_is_down_and_one_that_wants_them_too(self):
        back = self.behind()
        front = self.front(back, "dot")
        other = self.proxy(CONSOLE + f'addTLSLocal("127.0.0.1:{{port}}", {self.files})\n'
                           'addAction(AllRule(), SpoofAction("192.0.2.7"))')
        for name, port, use in (("untold", back.ports["dot"], "false"), ("plain", other.port, "true")):
            front.console(f'newServer{{address="127.0.0.1:{port}", name="{name}", useProxyProtocol={use}, tls="openssl", '
                          'validateCertificates=false, checkInterval=1, maxCheckFailures=1, checkType="A"}')
            wait_until(lambda n=name: re.search(f"{n} .* down ", front.console("showServers()")), f"{name} to be down")


@breakwater_only
class OutsideTls(SystemTest):
    """Headers before the handshake of HTTPS."""

    def receiver(self):
        files = '"{}", "{}"'.format(*Certificates().make("dns.example"))
        return self.proxy(CONSOLE + PATIENT + f'addDOHLocal("127.0.0.1:{{port}}", {files}, "/dns-query", '
                          '{proxyProtocolOutsideTLS=true})\nsetACL("127.0.0.0/8")\nsetProxyProtocolACL("127.0.0.1/32")\n' +
                          ECHO)

    def test_the_header_names_the_client(self):
        proxy = self.receiver()
        before = header(values=[(0xE0, b"foo")])
        self.assertEqual(said(tls_stream, proxy.port, outside=before, send=ask_https),
                         '"192.0.2.1:4321 198.51.100.53:5353 224=foo"')
        self.assertIn('"127.0.0.2:', said(tls_stream, proxy.port, source="127.0.0.2", send=ask_https))

    def test_bad_headers_are_closed_and_counted(self):
        proxy = self.receiver()
        for what, bad in BAD.items():
            with self.subTest(what):
                count = proxy.stat("proxy-protocol-invalid")
                with self.assertRaises(OSError):
                    tls_stream(proxy.port, outside=bad)
                wait_until(lambda c=count: proxy.stat("proxy-protocol-invalid") == c + 1, "one more bad header")

    def test_inside_is_too_late_and_one_who_is_not_listed_is_not_believed(self):
        proxy = self.receiver()
        with tls_stream(proxy.port, outside=header(), inside=header()) as connection:
            self.assertNotIn(b"192.0.2.1", ask_https(connection) or b"")
        with self.assertRaises(OSError):
            tls_stream(proxy.port, outside=header(), source="127.0.0.2")

    def test_the_older_version_is_no_header(self):
        proxy = self.receiver()
        with self.assertRaises(OSError):
            tls_stream(proxy.port, outside=b"PROXY TCP4 192.0.2.1 198.51.100.53 4321 5353\r\n")


if __name__ == "__main__":
    unittest.main()
