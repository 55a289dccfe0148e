#!/usr/bin/python3
"""Servers asked in the clear that announce an encrypted transport (RFC 9462): autoUpgrade."""

import os
import unittest

from certificates import Certificates
from client import addresses, ask
from harness import (CONSOLE, DNSDIST, Process, SystemTest, accepts_tcp, breakwater_only, free_port, temp_folder, wait_until,
                     write_file)
from nameservers import Nsd

ZONE = "$TTL 300\n@ IN SOA ns hostmaster 1 7200 3600 1209600 60\n@ IN NS ns\nns IN A 192.0.2.53\nplain IN A 192.0.2.7\n"
UUID = "0fd1ecbb-0ae9-4bb4-9cf2-0d0c6a8b7f53"
# dnsdist answers everything, health checks too.
ANSWERS = 'addAction(QTypeRule(DNSQType.A), SpoofAction("192.0.2.1"))\naddAction(AllRule(), RCodeAction(0))\n'


@breakwater_only
class Discovery(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")

    def announcing(self, *records):
        """NSD with these SVCB records at _dns.resolver.arpa."""
        text = ZONE + "".join(f"_dns IN SVCB {record}\n" for record in records)
        return self.started(Nsd({"resolver.arpa": text}))

    def encrypted(self):
        """The ports of a dnsdist that speaks DoT and DoH."""
        dot, doh = free_port(), free_port()
        certificate, key = self.pair
        self.proxy('setLocal("127.0.0.1:{port}")\n' + ANSWERS +
                   f'addTLSLocal("127.0.0.1:{dot}", "{certificate}", "{key}")\n'
                   f'addDOHLocal("127.0.0.1:{doh}", "{certificate}", "{key}", "/dns-query")\n', binary=DNSDIST)
        wait_until(lambda: accepts_tcp(dot) and accepts_tcp(doh), "dnsdist's ports")
        return dot, doh

    def discovering(self, port, options="", ca=None):
        return self.proxy(
            CONSOLE + f'newServer{{address="127.0.0.1:{port}", name="one", id="{UUID}", checkName="resolver.arpa", '
            f'checkType="SOA", autoUpgrade=true, caStore="{ca or self.certificates.ca}", pool={{"", "second"}}, '
            f'{options}}}\naddAction("second.example", PoolAction("second"))\n')

    def await_upgrade(self, proxy):
        wait_until(lambda: "is upgraded to" in proxy.log(), "the upgrade")
        wait_until(lambda: proxy.stat("server-upgrades") == 1, "the count")

    def rows(self, proxy):
        """Name and address of each server."""
        return [line.split()[1:3] for line in proxy.console("showServers()").splitlines() if line[:1].isdigit()]

    def test_a_server_that_announces_dot_is_asked_over_it(self):
        dot, _ = self.encrypted()
        nsd = self.announcing(f"1 dns.example. alpn=dot port={dot}")
        proxy = self.discovering(nsd.port)
        self.await_upgrade(proxy)
        wait_until(lambda: self.rows(proxy) == [["one", f"127.0.0.1:{dot}"]], "the server to be replaced")
        for name in ("a.example", "second.example"):
            self.assertEqual(addresses(ask(name, port=proxy.port)), ["192.0.2.1"])
        self.assertEqual(proxy.console("return getServer(0):getID()").strip(), UUID)
        self.assertIn(f"DNS over TLS at 127.0.0.1:{dot}, where it is dns.example", proxy.log())
        nsd.kill()
        self.assertEqual(addresses(ask("b.example", port=proxy.port)), ["192.0.2.1"])

    def test_the_path_of_doh_ends_before_its_variables(self):
        _, doh = self.encrypted()
        nsd = self.announcing("0 alias.example.", f'2 dns.example. alpn=h2 port={doh} key7="/dns-query{{?dns}}"',
                              '3 dns.example. alpn=dot port=1')
        proxy = self.discovering(nsd.port)
        self.await_upgrade(proxy)
        wait_until(lambda: self.rows(proxy) == [["one", f"127.0.0.1:{doh}"]], "the server to be replaced")
        self.assertEqual(addresses(ask("a.example", port=proxy.port)), ["192.0.2.1"])

    def test_the_next_record_is_tried_where_one_fails(self):
        dot, doh = self.encrypted()
        nsd = self.announcing(f"1 dns.example. alpn=dot port={free_port()}", f"2 dns.example. alpn=h2 port={doh}",
                              f"3 other.example. alpn=dot port={dot}", f"4 dns.example. alpn=dot port={dot}")
        proxy = self.discovering(nsd.port)
        self.await_upgrade(proxy)
        self.assertIn(f"127.0.0.1:{dot}, where it is dns.example", proxy.log())

    def test_the_server_may_stay_beside_the_upgraded_one(self):
        dot, _ = self.encrypted()
        nsd = self.announcing(f"1 dns.example. alpn=dot port={dot}")
        proxy = self.discovering(nsd.port, 'autoUpgradeKeep=true, autoUpgradePool="safe", healthCheckMode="up"')
        self.await_upgrade(proxy)
        both = [["one", f"127.0.0.1:{nsd.port}"], ["one", f"127.0.0.1:{dot}"]]
        wait_until(lambda: self.rows(proxy) == both, "both servers")
        self.assertEqual(addresses(ask("plain.resolver.arpa", port=proxy.port)), ["192.0.2.7"])
        proxy.console('addAction("safe.example", PoolAction("safe"))')
        self.assertEqual(addresses(ask("safe.example", port=proxy.port)), ["192.0.2.1"])
        said = proxy.console('return getServer(0):getID() .. " " .. getServer(1):getID()')
        self.assertEqual(said.split(), [UUID, UUID])

    def test_what_is_not_good_leaves_the_server_as_it_is(self):
        dot, doh = self.encrypted()
        mute = free_port()
        for record, said in ((None, "NXDOMAIN"), (f"1 other.example. alpn=dot port={dot}", "hostname mismatch"),
                             (f"1 dns.example. alpn=dot port={mute}", "Connection refused"),
                             (f"1 dns.example. alpn=h2 port={doh}", "h2 without a path .key 7."),
                             (f'1 dns.example. alpn=h2 port={dot} key7="/"', "does not speak HTTP/2"),
                             ("1 dns.example. alpn=h3 port=1", "neither dot nor h2"),
                             (f"1 dns.example. alpn=dot port={dot} ipv4hint=192.0.2.9", None)):
            with self.subTest(record):
                nsd = self.announcing(*([record] if record else []))
                proxy = self.discovering(nsd.port, "tcpConnectTimeout=1")
                wait_until(lambda p=proxy: p.stat("server-upgrade-failures") > 0, "the failure")
                self.assertRegex(proxy.log(), f"127.0.0.1:{nsd.port}.* stays as it is: .*" + (said or "192.0.2.9"))
                self.assertEqual(self.rows(proxy), [["one", f"127.0.0.1:{nsd.port}"]])
                self.assertEqual(addresses(ask("plain.resolver.arpa", port=proxy.port)), ["192.0.2.7"])

    def test_a_stranger_s_certificate_is_refused(self):
        dot, _ = self.encrypted()
        nsd = self.announcing(f"1 dns.example. alpn=dot port={dot}")
        proxy = self.discovering(nsd.port, ca=Certificates().ca)
        wait_until(lambda: proxy.stat("server-upgrade-failures") > 0, "the failure")
        self.assertIn("certificate refused", proxy.log())
        self.assertEqual(proxy.stat("server-upgrades"), 0)

    def test_garbage_is_no_announcement(self):
        for rdata, said in ((r"\000\001\000\000\001\000\200\003dot", "malformed"),
                            (r"\000\001\002ab", "malformed"), (r"\000\001\000\000\001\000\004\003dot", "root")):
            with self.subTest(rdata):
                behind = self.proxy(f'addAction("_dns.resolver.arpa", SpoofRawAction("{rdata}"))\n' + ANSWERS)
                proxy = self.discovering(behind.port)
                wait_until(lambda p=proxy: p.stat("server-upgrade-failures") > 0, "the failure")
                self.assertRegex(proxy.log(), "stays as it is: .*" + said)
                self.assertEqual(addresses(ask("a.example", port=proxy.port)), ["192.0.2.1"])

    def test_a_server_that_never_answers_holds_nothing_up(self):
        behind = self.proxy('addAction("_dns.resolver.arpa", DropAction())\n' + ANSWERS)
        proxy = self.discovering(behind.port, "tcpRecvTimeout=1")
        self.assertEqual(addresses(ask("a.example", port=proxy.port)), ["192.0.2.1"])
        wait_until(lambda: proxy.stat("server-upgrade-failures") > 0, "the failure")

    def test_unbound_is_found_and_asked_over_tls(self):
        port, plain = free_port(), free_port()
        folder = temp_folder()
        config = write_file(folder, "unbound.conf", f"""
server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/pid"
  use-syslog: no
  interface: 127.0.0.1@{port}
  interface: 127.0.0.1@{plain}
  tls-port: {port}
  tls-service-key: "{self.pair[1]}"
  tls-service-pem: "{self.pair[0]}"
  local-zone: "resolver.arpa." static
  local-data: "resolver.arpa. SOA ns.resolver.arpa. hostmaster.resolver.arpa. 1 7200 3600 1209600 60"
  local-data: "_dns.resolver.arpa. SVCB 1 dns.example. alpn=dot port={port}"
  local-zone: "example." redirect
  local-data: "example. A 192.0.2.54"
remote-control:
  control-enable: no
""")
        self.started(Process(["/usr/sbin/unbound", "-d", "-c", config], os.path.join(folder, "log")))
        wait_until(lambda: accepts_tcp(port) and accepts_tcp(plain), "unbound")
        proxy = self.discovering(plain)
        wait_until(lambda: self.rows(proxy) == [["one", f"127.0.0.1:{port}"]], "the server to be replaced")
        self.assertEqual(addresses(ask("a.example", port=proxy.port)), ["192.0.2.54"])


if __name__ == "__main__":
    unittest.main()
