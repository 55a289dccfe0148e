#!/usr/bin/python3
"""A primary and a secondary NSD that know each other only through the proxy: NOTIFY, AXFR, IXFR, all signed."""

import ssl
import unittest

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from certificates import Certificates
from client import addresses, ask, run
from harness import CONSOLE, SystemTest, accepts_tcp, breakwater_only, free_port, wait_until
from https_client import curl
from nameservers import Database, Nsd, PowerDns, SecondaryNsd

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
RECORDS = 3000


def zone(serial, *records):
    head = f"$TTL 300\n@ IN SOA ns1 hostmaster {serial} 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
    many = "".join(f'host{n} IN TXT "record number {n} of a zone that needs several messages"\n' for n in range(RECORDS))
    return head + many + "".join(record + "\n" for record in records)


class Counts:
    """How often rules of the proxy matched, by their names."""

    def __init__(self, proxy):
        self.proxy = proxy

    def of(self, name, table="showRules"):
        for line in self.proxy.console(f"{table}()").splitlines():
            if f" {name} " in line:
                return int(line.split()[2])
        raise AssertionError(f"no rule {name} in {table}()")


@breakwater_only
class Secondary(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def chain(self, tls=None):
        """A secondary whose primary is the proxy, over TLS where `tls` says how to check; with its zone."""
        self.tls_port, self.https_port, port = free_port(), free_port(), free_port()
        notify = {"zone": [f"  notify: 127.0.0.1@{port} k.", "  store-ixfr: yes", "  create-ixfr: yes"]}
        self.primary = self.started(Nsd({"example.org": zone(1)}, key=SECRET, more=notify))
        self.secondary = self.started(SecondaryNsd(
            ["example.org"], f"127.0.0.1@{self.tls_port if tls else port}", SECRET, tls))
        self.front = self.proxy(CONSOLE + f'''setLocal("127.0.0.1:{port}")
addLocal("127.0.0.1:{{port}}")
addTLSLocal("127.0.0.1:{self.tls_port}", "{self.pair[0]}", "{self.pair[1]}")
addDOHLocal("127.0.0.1:{self.https_port}")
newServer{{address="127.0.0.1:{self.primary.port}", checkName="example.org."}}
newServer{{address="127.0.0.1:{self.secondary.port}", pool="secondary", healthCheckMode="up"}}
getPool(""):setCache(newPacketCache(1000))
addAction(OpcodeRule(DNSOpcode.Notify), PoolAction("secondary"), {{name="notified"}})
addAction(QTypeRule(DNSQType.AXFR), AllowAction(), {{name="whole"}})
addAction(QTypeRule(DNSQType.IXFR), AllowAction(), {{name="changes"}})
addXFRResponseAction(AllRule(), SetTagResponseAction("a", "b"), {{name="parts"}})
''')
        self.counts = Counts(self.front)
        wait_until(lambda: self.secondary.serial() == 1, "the first transfer", timeout_s=60)

    def follow_a_change(self):
        whole, changes = self.counts.of("whole"), self.counts.of("changes")
        parts = self.counts.of("parts", "showXFRResponseRules")
        self.assertGreater(parts, 3)
        self.primary.change({"example.org": zone(2, "new IN A 192.0.2.77")})
        wait_until(lambda: self.secondary.serial() == 2, "the change to arrive", timeout_s=60)
        # A process of NSD that is about to end may still have the old zone.
        wait_until(lambda: addresses(ask("new.example.org", port=self.secondary.port)) == ["192.0.2.77"], "the record")
        self.assertGreater(self.counts.of("notified"), 0)
        self.assertEqual(self.counts.of("whole"), whole)
        self.assertGreater(self.counts.of("changes"), changes)
        self.assertLess(self.counts.of("parts", "showXFRResponseRules") - parts, 4)  # not the zone again
        self.assertRegex(self.secondary.log(), "received update to serial 2 .* TSIG verified with key k")

    def assert_equal_zones(self):
        texts = [run("dig", "@127.0.0.1", "-p", str(nsd.port), "example.org", "AXFR", "-y", f"hmac-sha256:k.:{SECRET}",
                     "+noall", "+answer").stdout for nsd in (self.primary, self.secondary)]
        rows = [sorted(" ".join(line.split()) for line in text.splitlines() if "TSIG" not in line) for text in texts]
        self.assertGreater(len(rows[0]), RECORDS)
        self.assertEqual(rows[0], rows[1])

    def test_over_tcp(self):
        self.chain()
        self.assert_equal_zones()
        self.follow_a_change()
        self.assert_equal_zones()

    def test_over_tls(self):
        self.chain(tls=(self.certificates.ca, "dns.example"))
        self.assertRegex(self.front.console("showTCPStats()"), r"TLS 1\.3")
        self.assert_equal_zones()
        self.follow_a_change()
        self.assert_equal_zones()

    def test_notify_passes_but_over_https(self):
        self.chain()
        for send in self.over(self.front.port, self.tls_port):
            self.assertEqual(send(notify()).rcode(), dns.rcode.NOERROR)
        asked = self.asked_of(self.front, 1)
        self.assertGreaterEqual(asked, 3)
        self.assertEqual(over_https(self.https_port, notify()).rcode(), dns.rcode.NOTIMP)
        self.assertEqual(self.asked_of(self.front, 1), asked)

    def test_update_passes_but_over_https_and_where_a_rule_forbids_it(self):
        database = Database()
        database.add_zones(["example.org"])
        behind = self.started(PowerDns(database, "example.org"))
        tls_port, https_port = free_port(), free_port()
        front = self.proxy(CONSOLE + f'''setLocal("127.0.0.1:{{port}}")
addTLSLocal("127.0.0.1:{tls_port}", "{self.pair[0]}", "{self.pair[1]}")
addDOHLocal("127.0.0.1:{https_port}")
newServer{{address="127.0.0.1:{behind.port}", checkName="example.org."}}
addAction(AndRule{{OpcodeRule(DNSOpcode.Update), NetmaskGroupRule("127.0.0.9/32")}}, RCodeAction(DNSRCode.REFUSED))
''')
        for number, send in enumerate(self.over(front.port, tls_port)):
            self.assertEqual(send(update(number)).rcode(), dns.rcode.NOERROR)
            self.assertEqual(ask(f"new{number}.example.org", port=front.port).rcode(), dns.rcode.NOERROR)
        self.assertEqual(over_https(https_port, update(7)).rcode(), dns.rcode.NOTIMP)
        refused = dns.query.udp(update(8), "127.0.0.1", port=front.port, source="127.0.0.9", timeout=5)
        self.assertEqual(refused.rcode(), dns.rcode.REFUSED)
        for number in (7, 8):
            self.assertEqual(ask(f"new{number}.example.org", port=behind.port).rcode(), dns.rcode.NXDOMAIN)

    def over(self, port, tls_port):
        """Functions that send a message over UDP, TCP and TLS."""
        context = ssl.create_default_context(cafile=self.certificates.ca)
        yield lambda message: dns.query.udp(message, "127.0.0.1", port=port, timeout=10)
        yield lambda message: dns.query.tcp(message, "127.0.0.1", port=port, timeout=10)
        yield lambda message: dns.query.tls(message, "127.0.0.1", port=tls_port, timeout=10, ssl_context=context,
                                            server_hostname="dns.example")

    @staticmethod
    def asked_of(front, server):
        """How many queries a server got, as showServers() says."""
        return int(next(row for row in front.console("showServers()").splitlines() if row.startswith(f"{server} ")).split()[8])


def notify():
    message = dns.message.make_query("example.org", "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.use_tsig(dns.tsig.Key("k.", SECRET, dns.tsig.HMAC_SHA256))
    return message


def update(number):
    message = dns.update.UpdateMessage("example.org")
    message.add(f"new{number}", 60, "A", "192.0.2.99")
    return message


def over_https(port, message):
    reply = curl("-H", "content-type: application/dns-message", f"http://127.0.0.1:{port}/dns-query",
                 body=message.to_wire())
    return dns.message.from_wire(reply.body, keyring=message.keyring)


if __name__ == "__main__":
    unittest.main()
