#!/usr/bin/python3
"""Each transport of clients with each transport of servers; transfers from PowerDNS, and one that breaks off."""

import socket
import threading
import unittest

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

from client import addresses, content, framed, question, read_framed, run, tcp_connection
from every_transport import PROTOCOLS, Closed, EveryTransport
from harness import CONSOLE, SystemTest, accepts_tcp, breakwater_only, free_port, wait_until
from nameservers import Database, Nsd, PowerDns, SecondaryNsd

ZONE = ("$TTL 300\n@ IN SOA ns.example.org. host.example.org. 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
        "www IN A 192.0.2.80\nalias IN CNAME www\n" + "".join(f"big IN TXT \"{n:03}{'x' * 200}\"\n" for n in range(60)))
NAMES = (("www.example.org", "A"), ("alias.example.org", "AAAA"), ("none.example.org", "A"), ("example.net", "A"))
SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
OVER_TLS = ', tls="openssl", subjectName="dns.example", caStore="%s"'
# The options of newServer.
SERVERS = {"udp": "", "tcp": ", tcpOnly=true", "dot": OVER_TLS, "doh": OVER_TLS + ', dohPath="/dns-query"'}


@breakwater_only
class BackendTransports(EveryTransport):
    def setUp(self):
        self.nsd = self.started(Nsd({"example.org": ZONE}))
        self.behind = self.program_for(self.nsd.port, "")
        self.behind.ports |= {"udp": self.nsd.port, "tcp": self.nsd.port}

    def program_for(self, server, options):
        """A proxy on all transports in front of one server."""
        sealed = free_port()
        ports = {"dot": free_port(), "doh": free_port(), "dnscrypt_udp": sealed, "dnscrypt_tcp": sealed}
        files = '"{}", "{}"'.format(*self.pair)
        if "%s" in options:
            options %= self.certificates.ca
        proxy = self.proxy(CONSOLE + 'setLocal("127.0.0.1:{port}")\n' + f'addTLSLocal("127.0.0.1:{ports["dot"]}", {files})\n'
                           f'addDOHLocal("127.0.0.1:{ports["doh"]}", {files}, "/dns-query")\n' + self.dnscrypt_bind(sealed) +
                           f'newServer{{address="127.0.0.1:{server}", checkName="example.org."{options}}}\n')
        proxy.ports = {"udp": proxy.port, "tcp": proxy.port, **ports}
        wait_until(lambda: all(accepts_tcp(port) for port in ports.values()), "the ports")
        wait_until(lambda: " up " in proxy.console("showServers()"), "the server to be up")
        return proxy

    def for_all(self):
        """Each pair of transports; self.ports then name a proxy whose server is asked over the second."""
        for asked, options in SERVERS.items():
            front = self.program_for(self.behind.ports[asked], options)
            self.ports = front.ports
            for transport in PROTOCOLS:
                with self.subTest(client=transport, server=asked):
                    yield transport, asked
            self.assertEqual(front.stat("downstream-timeouts"), 0)

    def test_answers_are_those_of_the_server(self):
        for transport, _ in self.for_all():
            for name, qtype in NAMES:
                query = question(name, qtype, use_edns=0, payload=1232)
                direct = dns.query.udp(query, "127.0.0.1", port=self.nsd.port, timeout=5)
                self.assertEqual(content(self.send(transport, query)), content(direct), name)

    def test_large_answers_are_whole_but_over_udp(self):
        for transport, _ in self.for_all():
            answer = self.send(transport, question("big.example.org", "TXT", use_edns=0, payload=1232))
            if transport in ("udp", "dnscrypt_udp"):
                self.assertTrue(answer.flags & dns.flags.TC)
            else:
                self.assertFalse(answer.flags & dns.flags.TC)
                self.assertEqual(len(addresses(answer)), 60)

    def test_zones_are_transferred_but_over_https(self):
        for transport, asked in self.for_all():
            if transport in ("tcp", "dot"):
                words = ["+tls"] if transport == "dot" else ["+tcp"]
                text = run("kdig", "@127.0.0.1", "-p", str(self.ports[transport]), *words, "example.org", "AXFR").stdout
                self.assertEqual(text.count("IN\tTXT"), 0 if asked == "doh" else 60, text)
            elif transport == "doh":
                self.assertEqual(self.send(transport, question("example.org", "AXFR")).rcode(), dns.rcode.NOTIMP)

    def test_a_server_that_goes_and_comes_back_is_asked_again(self):
        for asked in ("dot", "doh"):
            front = self.program_for(self.behind.ports[asked], SERVERS[asked] + ", checkInterval=1, maxCheckFailures=1")
            self.ports = front.ports
            with self.subTest(asked):
                for transport in PROTOCOLS:
                    self.assertEqual(addresses(self.send(transport, question("www.example.org"))), ["192.0.2.80"])
                front.console("getServer(0):setDown()")
                with self.assertRaises(Closed):
                    self.send("tcp", question("www.example.org"))
                front.console("getServer(0):setUp()")
                for transport in PROTOCOLS:
                    self.assertEqual(addresses(self.send(transport, question("www.example.org"))), ["192.0.2.80"])


@breakwater_only
class Transfers(SystemTest):
    def test_a_secondary_gets_its_zone_from_powerdns(self):
        database = Database()
        database.add_zones(["example.org"])
        database.execute("insert into tsigkeys(name, algorithm, secret) values ('k', 'hmac-sha256', ?)", (SECRET,))
        database.execute("insert into domainmetadata(domain_id, kind, content) values (1, 'TSIG-ALLOW-AXFR', 'k')")
        primary = self.started(PowerDns(database, "example.org"))
        front = self.proxy(f'newServer{{address="127.0.0.1:{primary.port}", checkName="example.org."}}\n')
        secondary = self.started(SecondaryNsd(["example.org"], f"127.0.0.1@{front.port}", SECRET))
        wait_until(lambda: secondary.serial() == 1, "the first transfer", timeout_s=60)
        for name, qtype in (("www.example.org", "A"), ("example.org", "NS"), ("example.org", "SOA")):
            answers = [addresses(dns.query.udp(question(name, qtype), "127.0.0.1", port=port, timeout=5))
                       for port in (primary.port, secondary.port)]
            self.assertEqual(*answers, name)
        self.assertRegex(secondary.log(), "TSIG verified with key k")

    def test_one_that_breaks_off_ends_the_clients_connection_and_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(20)
            threading.Thread(target=self.give_a_part, args=(listening,), daemon=True).start()
            front = self.proxy(f'newServer{{address="127.0.0.1:{listening.getsockname()[1]}", tcpOnly=true, '
                               'healthCheckMode="up"}\n')
            with tcp_connection(front.port, timeout_s=20) as client:
                client.sendall(framed(question("example.org", "AXFR").to_wire()))
                for _ in range(2):
                    self.assertEqual(len(dns.message.from_wire(read_framed(client), one_rr_per_rrset=True).answer), 1)
                self.assertIsNone(read_framed(client))
            self.assertIn("broke off after 2 messages", front.log())

    @staticmethod
    def give_a_part(listening):
        """Answers with the first two messages of a zone, and closes."""
        connection = listening.accept()[0]
        with connection:
            query = dns.message.from_wire(read_framed(connection))
            for record in (("example.org.", 60, "IN", "SOA", "ns.example.org. host.example.org. 1 2 3 4 5"),
                           ("example.org.", 60, "IN", "NS", "ns.example.org.")):
                part = dns.message.make_response(query)
                part.answer.append(dns.rrset.from_text(*record))
                connection.sendall(framed(part.to_wire()))


if __name__ == "__main__":
    unittest.main()
