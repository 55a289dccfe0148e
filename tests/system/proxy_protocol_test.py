#!/usr/bin/python3
"""The PROXY protocol, from haproxy, dnsdist and kdig, and towards dnsdist: who the client is, on every transport."""

import base64
import re
import socket
import subprocess
import time
import unittest

import dns.message

from client import addresses, ask, question, run
from harness import (CONSOLE, DNSDIST, IS_DNSDIST, Proxy, SystemTest, accepts_tcp, breakwater_only, free_port,
                     wait_until)
from proxy_headers import (ECHO, LOCAL, SIGNATURE, Haproxy, ask_https, ask_stream, bound, certificate, header,
                           of_size, stream, tls_stream)

NAMED = '"192.0.2.1:4321 198.51.100.53:5353'
LISTED = 'setProxyProtocolACL("127.0.0.1/32")\n'
ALLOWED = 'setACL({"127.0.0.0/8"})\n'
BAD = {
    "none": b"",
    "another version": SIGNATURE + b"\x31" + header()[13:],
    "cut value": header()[:14] + b"\0\x0f" + header()[16:] + b"\xe0\0\x09",
    "Unix addresses": SIGNATURE + b"\x21\x31\0\xd8" + bytes(216),
    "too long": of_size(513),
}


def text_of(wire):
    """The text of the answer in a message; None where there is none."""
    found = addresses(dns.message.from_wire(wire)) if wire else []
    return found[0] if found else None


def datagram(port, before, source="127.0.0.1", timeout_s=2):
    """What a TXT query behind `before` says; None where nothing came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.settimeout(timeout_s)
        client.sendto(before + question("echo.example", "TXT").to_wire(), ("127.0.0.1", port))
        try:
            return text_of(client.recv(4096))
        except TimeoutError:
            return None


def said(open_stream, *arguments, send=ask_stream, **options):
    """The same over a stream; None where the server closed."""
    with open_stream(*arguments, **options) as connection:
        try:
            return text_of(send(connection))
        except ConnectionError:
            return None


class ProxyTest(SystemTest):
    def receiver(self, extra="", **options):
        """The program under test behind proxies at 127.0.0.1; .tls_port speaks DNS over TLS."""
        tls_port = free_port()
        files = certificate()
        lines = f'setLocal("127.0.0.1:{{port}}")\naddTLSLocal("127.0.0.1:{tls_port}", "{files[0]}", "{files[1]}"'
        lines += f', {{{options["tls"]}}})\n' if "tls" in options else ")\n"
        proxy = self.proxy(CONSOLE + lines + ALLOWED + LISTED + extra + ECHO)
        proxy.tls_port = tls_port
        wait_until(lambda: accepts_tcp(tls_port), "the listener for TLS")
        return proxy

    def assert_closed_or_silent(self, proxy, before, source):
        """A header from one who is not listed is no query."""
        self.assertNotIn("192.0.2.1", str(datagram(proxy.port, before, source, timeout_s=0.5)))
        self.assertIsNone(said(stream, proxy.port, before, source=source))
        self.assertIsNone(said(tls_stream, proxy.tls_port, inside=before, source=source))


class Incoming(ProxyTest):
    def test_the_client_is_the_one_named_on_every_transport(self):
        proxy = self.receiver()
        values = [(0xE0, b"foo"), (0xE1, b"")]
        expected = NAMED + ' 224=foo 225="'
        self.assertEqual(datagram(proxy.port, header(values=values, family=0x12)), expected)
        self.assertEqual(said(stream, proxy.port, header(values=values)), expected)
        self.assertEqual(said(tls_stream, proxy.tls_port, inside=header(values=values)), expected)

    def test_a_connection_has_one_header_and_many_queries(self):
        proxy = self.receiver()
        with stream(proxy.port, header()) as connection:
            for _ in range(3):
                self.assertEqual(text_of(ask_stream(connection)), NAMED + '"')

    def test_a_local_header_names_nobody(self):
        proxy = self.receiver()
        self.assertIn('"127.0.0.1:', datagram(proxy.port, LOCAL))
        self.assertIn('"127.0.0.1:', said(stream, proxy.port, LOCAL))
        self.assertIn('"127.0.0.1:', said(tls_stream, proxy.tls_port, inside=LOCAL))

    def test_bad_headers_are_dropped_or_closed_and_counted(self):
        proxy = self.receiver()
        for what, before in BAD.items():
            with self.subTest(what):
                count = proxy.stat("proxy-protocol-invalid")
                self.assertIsNone(datagram(proxy.port, before, timeout_s=0.3))
                self.assertIsNone(said(stream, proxy.port, before))
                self.assertIsNone(said(tls_stream, proxy.tls_port, inside=before))
                wait_until(lambda c=count: proxy.stat("proxy-protocol-invalid") == c + 3, "three more bad headers")

    def test_the_bound_is_of_the_whole_header_and_can_be_set(self):
        proxy = self.receiver()
        self.assertIn(NAMED, datagram(proxy.port, of_size(512)))
        self.assertIn(NAMED, said(stream, proxy.port, of_size(512)))
        proxy.console("setProxyProtocolMaximumPayloadSize(2000)")
        if not IS_DNSDIST:  # there it is for the configuration alone
            self.assertIn(NAMED, datagram(proxy.port, of_size(2000)))
            self.assertIsNone(datagram(proxy.port, of_size(2001), timeout_s=0.3))

    def test_who_is_not_listed_is_not_believed(self):
        proxy = self.receiver("setTCPRecvTimeout(1)\n" if IS_DNSDIST else "")
        self.assertIn('"127.0.0.2:', datagram(proxy.port, b"", "127.0.0.2"))
        self.assertIn('"127.0.0.2:', said(bound, proxy.port, "127.0.0.1", "127.0.0.2"))
        self.assertIn('"127.0.0.2:', said(tls_stream, proxy.tls_port, source="127.0.0.2"))
        began = time.monotonic()
        self.assert_closed_or_silent(proxy, header(), "127.0.0.2")
        if IS_DNSDIST:  # closes when setTCPRecvTimeout has passed, and counts nothing
            return
        self.assertLess(time.monotonic() - began, 2)  # that time is two seconds, for each connection
        self.assertEqual(proxy.stat("proxy-protocol-invalid"), 3)
        with self.assertRaises(OSError):
            tls_stream(proxy.tls_port, outside=header(), source="127.0.0.2")
        self.assertEqual(proxy.stat("proxy-protocol-invalid"), 4)

    def test_the_access_list_is_for_the_proxy_or_for_the_client_named(self):
        proxy = self.receiver("setProxyProtocolApplyACLToProxiedClients(true)\n")
        allowed = header(source="127.0.0.77")
        self.assertIn('"127.0.0.77:4321', datagram(proxy.port, allowed))
        self.assertIn('"127.0.0.77:4321', said(stream, proxy.port, allowed))
        self.assertIn('"127.0.0.77:4321', said(tls_stream, proxy.tls_port, inside=allowed))
        self.assertEqual(proxy.stat("acl-drops"), 0)
        self.assertIsNone(datagram(proxy.port, header(), timeout_s=0.3))
        self.assertIsNone(said(stream, proxy.port, header()))
        self.assertIsNone(said(tls_stream, proxy.tls_port, inside=header()))
        self.assertEqual(proxy.stat("acl-drops"), 3)

    def test_over_udp_a_listed_proxy_needs_not_be_in_the_access_list(self):
        proxy = self.receiver()
        proxy.console('setACL("192.0.2.0/24")')
        self.assertIn(NAMED, datagram(proxy.port, header()))
        self.assertIsNone(said(stream, proxy.port, header()))

    @breakwater_only
    def test_a_listener_may_take_no_headers(self):
        port = free_port()
        self.receiver(f'addLocal("127.0.0.1:{port}", {{enableProxyProtocol=false}})\n')
        answer = wait_until(lambda: datagram(port, b""), "an answer")  # Lua may be busy
        self.assertIn('"127.0.0.1:', answer)
        self.assertIn('"127.0.0.1:', said(stream, port))

    @breakwater_only
    def test_outside_tls_the_header_comes_before_the_handshake(self):
        proxy = self.receiver(tls="proxyProtocolOutsideTLS=true")
        values = [(0xE0, b"foo")]
        self.assertEqual(said(tls_stream, proxy.tls_port, outside=header(values=values)), NAMED + ' 224=foo"')
        self.assertIn('"127.0.0.2:', said(tls_stream, proxy.tls_port, source="127.0.0.2"))
        for before in (header()[:-1], of_size(513)):
            with self.assertRaises(OSError):
                tls_stream(proxy.tls_port, outside=before)
        # Byte by byte, and the first of the handshake right behind.
        plain = stream(proxy.tls_port)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header():
            plain.sendall(bytes([byte]))
        plain.close()
        self.assertEqual(said(tls_stream, proxy.tls_port, outside=header()), NAMED + '"')


@breakwater_only
class Https(SystemTest):
    def receiver(self, options="", extra="", secure=True):
        files = '"%s", "%s"' % certificate() if secure else "nil, nil"
        return self.proxy(CONSOLE + f'addDOHLocal("127.0.0.1:{{port}}", {files}, "/dns-query", {{{options}}})\n' +
                          ALLOWED + LISTED + extra + ECHO)

    def test_the_header_comes_first_within_tls(self):
        proxy = self.receiver()
        expected = NAMED + ' 224=foo"'
        before = header(values=[(0xE0, b"foo")])
        self.assertEqual(said(tls_stream, proxy.port, inside=before, send=ask_https), expected)
        self.assertIn('"127.0.0.2:', said(tls_stream, proxy.port, source="127.0.0.2", send=ask_https))
        for what, bad in BAD.items():
            with self.subTest(what):
                count = proxy.stat("proxy-protocol-invalid")
                self.assertIsNone(said(tls_stream, proxy.port, inside=bad, send=ask_https))
                wait_until(lambda c=count: proxy.stat("proxy-protocol-invalid") == c + 1, "one more bad header")

    def test_one_who_is_not_listed_is_not_believed(self):
        proxy = self.receiver()
        self.assertIsNone(said(tls_stream, proxy.port, inside=header(), source="127.0.0.2", send=ask_https))
        self.assertEqual(proxy.stat("proxy-protocol-invalid"), 1)
        with tls_stream(proxy.port, source="127.0.0.2") as connection:
            for byte in SIGNATURE:
                connection.sendall(bytes([byte]))
            self.assertEqual(connection.recv(100), b"")
        self.assertEqual(proxy.stat("proxy-protocol-invalid"), 2)

    def test_the_access_list_is_for_the_client_named_where_asked(self):
        proxy = self.receiver(extra="setProxyProtocolApplyACLToProxiedClients(true)\n")
        self.assertIn('"127.0.0.77:', said(tls_stream, proxy.port, inside=header("127.0.0.77"), send=ask_https))
        self.assertIsNone(said(tls_stream, proxy.port, inside=header(), send=ask_https))
        self.assertEqual(proxy.stat("acl-drops"), 1)

    def test_curl_through_haproxy_in_the_clear_and_before_the_handshake(self):
        for secure, scheme in ((False, "http"), (True, "https")):
            proxy = self.receiver("proxyProtocolOutsideTLS=true", secure=secure)
            haproxy = self.started(Haproxy(proxy.port))
            message = question("echo.example", "TXT", id=0).to_wire()
            asked = base64.urlsafe_b64encode(message).rstrip(b"=").decode()
            for version in ("--http2",) if secure else ("--http2-prior-knowledge", "--http2", "--http1.1"):
                result = subprocess.run(["curl", "-sk", version, "--interface", "127.0.0.5", "--max-time", "5",
                                         f"{scheme}://127.0.0.1:{haproxy.port}/dns-query?dns={asked}"],
                                        capture_output=True, check=True)
                self.assertIn('"127.0.0.5:', text_of(result.stdout))


class Senders(ProxyTest):
    """Programs of others in front."""

    def test_haproxy_over_tcp(self):
        proxy = self.receiver()
        haproxy = self.started(Haproxy(proxy.port))
        with bound(haproxy.port, "127.0.0.1", "127.0.0.5") as connection:
            name = "%s:%d" % connection.getsockname()
            for _ in range(2):
                self.assertEqual(text_of(ask_stream(connection)), f'"{name} 127.0.0.1:{haproxy.port}"')

    @breakwater_only
    def test_haproxy_over_dns_over_tls(self):
        proxy = self.receiver(tls="proxyProtocolOutsideTLS=true")
        haproxy = self.started(Haproxy(proxy.tls_port))
        self.assertIn('"127.0.0.5:', said(tls_stream, haproxy.port, source="127.0.0.5"))

    def test_dnsdist_over_udp_and_tcp(self):
        proxy = self.receiver()
        config = f"""newServer{{address="127.0.0.1:{proxy.port}", useProxyProtocol=true}}:setUp()
addAction(AllRule(), SetProxyProtocolValuesAction({{[200]="value"}}))"""
        front = Proxy(config, binary=DNSDIST)
        self.addCleanup(front.kill)
        front.start()
        for tcp in (False, True):
            answer = ask("echo.example", "TXT", port=front.port, tcp=tcp, source="127.0.0.6")
            self.assertRegex(addresses(answer)[0], rf'^"127\.0\.0\.6:\d+ 127\.0\.0\.1:{front.port} 200=value"$')

    def test_kdig_over_udp_and_tcp(self):
        proxy = self.receiver()
        for transport in ("+notcp", "+tcp"):
            result = run("kdig", f"@127.0.0.1#{proxy.port}", "echo.example", "TXT", transport, "+retry=0",
                         "+proxy=192.0.2.1#4321-198.51.100.53#5353")
            self.assertIn(NAMED, result.stdout, transport)


class Outgoing(SystemTest):
    """Towards dnsdist, which tells whom it was told."""

    def behind(self, options="", extra="", listed="127.0.0.1/32"):
        back = Proxy(CONSOLE + f'setACL("127.0.0.0/8")\nsetProxyProtocolACL("{listed}")\n' + ECHO +
                     'addAction(QTypeRule(DNSQType.A), SpoofAction("192.0.2.7"))\n', binary=DNSDIST)
        self.addCleanup(back.kill)
        back.start()
        front = self.proxy(CONSOLE + f"""setLocal("127.0.0.1:{{port}}")
newServer{{address="127.0.0.1:{back.port}", useProxyProtocol=true, checkInterval=1, checkType="A",
  maxCheckFailures=1 {options}}}
{extra}""")
        wait_until(lambda: " up " in front.console("showServers()"), "the server to be up")
        return front, back

    def test_the_server_is_told_the_client(self):
        front, back = self.behind()
        for tcp in (False, True):
            for source in ("127.0.0.6", "127.0.0.7"):
                answer = ask("echo.example", "TXT", port=front.port, tcp=tcp, source=source)
                self.assertRegex(addresses(answer)[0], rf'^"{re.escape(source)}:\d+ 127\.0\.0\.1:{front.port}"$')
        self.assertEqual(back.stat("proxy-protocol-invalid"), 0)

    def test_clients_on_streams_do_not_share_a_connection(self):
        front, _ = self.behind()
        clients = [bound(front.port, "127.0.0.1", f"127.0.0.{n}") for n in range(6, 12)]
        for _ in range(3):
            for client in clients:
                self.assertIn('"%s:%d ' % client.getsockname(), text_of(ask_stream(client)))
        for client in clients:
            client.close()

    def test_rules_set_the_values(self):
        front, _ = self.behind(extra="""
addAction(QNameRule("set.example."), SetProxyProtocolValuesAction({[200]="a", [201]="b"}))
addAction(ProxyProtocolValueRule(200, "a"), SetAdditionalProxyProtocolValueAction(202, "c"))
addAction(QNameRule("lua.example."), LuaAction(function(dq)
  dq:addProxyProtocolValue(203, "d")
  return DNSAction.None
end))""")
        for tcp in (False, True):
            for name, values in (("set.example", "200=a 201=b 202=c"), ("lua.example", "203=d")):
                answer = ask(name, "TXT", port=front.port, tcp=tcp)
                self.assertTrue(addresses(answer)[0].endswith(f' {values}"'), answer)

    def test_a_server_that_takes_no_headers_is_down(self):
        front, _ = self.behind()
        other = Proxy('addAction(AllRule(), SpoofAction("192.0.2.7"))', binary=DNSDIST)
        self.addCleanup(other.kill)
        other.start()
        front.console(f'newServer{{address="127.0.0.1:{other.port}", name="other", useProxyProtocol=true, '
                      'checkInterval=1, maxCheckFailures=1, checkType="A"}')
        wait_until(lambda: re.search("other .* down ", front.console("showServers()")), "the other to be down")

    @breakwater_only
    def test_encryption_is_advertised_where_asked(self):
        files, tls_port = certificate(), free_port()
        front, _ = self.behind(", proxyProtocolAdvertiseTLS=true",
                               f'addTLSLocal("127.0.0.1:{tls_port}", "{files[0]}", "{files[1]}")')
        wait_until(lambda: accepts_tcp(tls_port), "the listener for TLS")
        self.assertTrue(said(tls_stream, tls_port).endswith(' 32="'))
        self.assertTrue(said(stream, front.port).endswith(f':{front.port}"'))

    def test_values_of_the_client_go_on(self):
        front, _ = self.behind(extra='setProxyProtocolACL("127.0.0.2/32")')
        before = header(values=[(0xE0, b"foo")])
        self.assertEqual(datagram(front.port, before, "127.0.0.2"), NAMED + ' 224=foo"')
        self.assertEqual(said(stream, front.port, before, source="127.0.0.2"), NAMED + ' 224=foo"')


if __name__ == "__main__":
    unittest.main()
