#!/usr/bin/python3
"""PROXY headers that come in over UDP, TCP and TLS, through dnsdist 1.7.3 and Breakwater."""

import concurrent.futures
import unittest

from pair import Pair  # first: it sets the path
from certificates import Certificates
from proxy_headers import ECHO, LOCAL, SIGNATURE, header, of_size, stream, tls_stream
from proxy_protocol_test import BAD, datagram, said

IPV6 = SIGNATURE + b"\x21\x21\0\x24" + bytes([0x20, 1, 0xd, 0xb8] + [0] * 11 + [1]) + bytes(15) + b"\x01" + b"\x10\xe1\x14\xe9"
HEADERS = {**BAD, "good": header(), "datagrams": header(family=0x12), "local": LOCAL, "of IPv6": IPV6,
           "values": header(values=[(0xE0, b"foo"), (0x01, b"dot"), (0xE0, b"bar")]), "unspecified": SIGNATURE + b"\x21\0\0\0",
           "local with addresses": SIGNATURE + b"\x20" + header()[13:], "512 bytes": of_size(512), "twice": header() * 2,
           "version 1": b"PROXY TCP4 192.0.2.1 198.51.100.53 4321 5353\r\n",
           "unknown command": SIGNATURE + b"\x22" + header()[13:], "cut": header()[:-1]}


class Proxied(Pair):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def listener(self, extra):
        certificate, key = self.pair
        return (f'addTLSLocal("127.0.0.1:{{tls}}", "{certificate}", "{key}")\nsetTCPRecvTimeout(1)\n' + extra + ECHO)

    @staticmethod
    def told(proxy, before, source="127.0.0.1"):
        """What was understood over UDP, TCP and TLS; ports of our own sockets are left out."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asked = [pool.submit(datagram, proxy.port, before, source, timeout_s=0.5),
                     pool.submit(said, stream, proxy.port, before, source=source),
                     pool.submit(said, tls_stream, proxy.tls, inside=before, source=source)]
            seen = [one.result() for one in asked]
        return [text and text.replace(str(proxy.port), "PORT").replace(str(proxy.tls), "PORT").replace(
            text[1:].split(" ")[0].rpartition(":")[2], "OWN" if text.startswith('"127.') else "4321") for text in seen]

    def test_what_is_understood(self):
        config = self.listener('setACL({"127.0.0.0/8", "192.0.2.0/24"})\nsetProxyProtocolACL("127.0.0.1/32")\n')
        reason = "the specification (2.2) has the block skipped; 1.7.3 took it for the query"
        self.compare(config, lambda proxy: {what: self.told(proxy, before) for what, before in HEADERS.items()},
                     {"local with addresses": (reason, ['"127.0.0.1:OWN 127.0.0.1:PORT"'] * 3)})

    def test_who_is_believed(self):
        def look(proxy):
            seen = {f"{source} {what}": self.told(proxy, before, source)
                    for source in ("127.0.0.1", "127.0.0.2") for what, before in (("header", header()), ("none", b""))}
            return seen | {f"ACL {name}": self.told(proxy, header(source=name)) for name in ("192.0.2.1", "198.51.100.7")}
        for listed in ("127.0.0.1/32", "0.0.0.0/0"):
            for applied in ("true", "false"):
                with self.subTest(listed=listed, applied=applied):
                    self.compare(self.listener(
                        f'setACL({{"127.0.0.0/8", "192.0.2.0/24"}})\nsetProxyProtocolACL("{listed}")\n'
                        f"setProxyProtocolApplyACLToProxiedClients({applied})\n"), look)

    def test_the_longest_header(self):
        def look(proxy):
            return {size: self.told(proxy, of_size(size)) for size in (100, 512, 513, 600, 601)}
        for most in (128, 512, 600):
            with self.subTest(most):
                self.compare(self.listener('setACL({"127.0.0.0/8", "192.0.2.0/24"})\nsetProxyProtocolACL("127.0.0.1/32")\n'
                                           f"setProxyProtocolMaximumPayloadSize({most})\n"), look)


if __name__ == "__main__":
    unittest.main()
