"""Clients of every transport, for tests of what holds over all of them."""

import socket
import ssl

import dns.message

from certificates import Certificates
from client import framed, read_framed, run
from dnscrypt_client import Provider, Session, Stream, exchange_udp
from harness import SystemTest

PROTOCOLS = {"udp": "Do53UDP", "tcp": "Do53TCP", "dot": "DNSoverTLS", "doh": "DNSoverHTTPS",
             "dnscrypt_udp": "DNSCryptUDP", "dnscrypt_tcp": "DNSCryptTCP"}


class Closed(Exception):
    """The client got no answer."""


class EveryTransport(SystemTest):
    """self.ports names the port of each transport; the certificates are for dns.example."""

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("dns.example")
        cls.dnscrypt_certificate, *cls.dnscrypt_files = Provider().make(1)

    def dnscrypt_bind(self, port):
        """The line that makes the port one for DNSCrypt, UDP and TCP."""
        certificate, key = self.dnscrypt_files
        return f'addDNSCryptBind("127.0.0.1:{port}", "2.dns.example", "{certificate}", "{key}")\n'

    def send(self, transport, message, timeout_s=3):
        """The answer over that transport; Closed where none comes."""
        return getattr(self, "send_" + transport)(message.to_wire(), timeout_s)

    def send_udp(self, wire, timeout_s):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(min(timeout_s, 0.7))
            client.sendto(wire, ("127.0.0.1", self.ports["udp"]))
            try:
                return dns.message.from_wire(client.recv(65535))
            except TimeoutError as error:
                raise Closed from error

    def exchange(self, client, wire):
        try:
            client.sendall(framed(wire))
            return dns.message.from_wire(read_framed(client))
        except Exception as error:
            raise Closed from error

    def send_tcp(self, wire, timeout_s):
        with socket.create_connection(("127.0.0.1", self.ports["tcp"]), timeout=timeout_s) as client:
            return self.exchange(client, wire)

    def send_dot(self, wire, timeout_s):
        context = ssl.create_default_context(cafile=self.certificates.ca)
        try:
            plain = socket.create_connection(("127.0.0.1", self.ports["dot"]), timeout=timeout_s)
            with context.wrap_socket(plain, server_hostname="dns.example") as client:
                return self.exchange(client, wire)
        except OSError as error:
            raise Closed from error

    def send_doh(self, wire, timeout_s):
        path = self.certificates.path("query")
        with open(path, "wb") as file:
            file.write(wire)
        answer = self.certificates.path("answer")
        done = run("curl", "-s", "--max-time", str(timeout_s), "--cacert", self.certificates.ca, "--resolve",
                   f"dns.example:{self.ports['doh']}:127.0.0.1", "-H", "content-type: application/dns-message",
                   "--data-binary", "@" + path, "-o", answer, "-w", "%{http_code}",
                   f"https://dns.example:{self.ports['doh']}/dns-query")
        if done.stdout != "200":
            raise Closed(done.stdout)
        with open(answer, "rb") as file:
            return dns.message.from_wire(file.read())

    def send_dnscrypt_udp(self, wire, timeout_s):
        session = Session(self.dnscrypt_certificate)
        packet, half = session.seal(wire)
        answer = exchange_udp(self.ports["dnscrypt_udp"], packet, min(timeout_s, 0.7))
        if answer is None:
            raise Closed
        return dns.message.from_wire(session.open(answer, half))

    def send_dnscrypt_tcp(self, wire, timeout_s):
        session = Session(self.dnscrypt_certificate)
        packet, half = session.seal(wire)
        try:
            with Stream(self.ports["dnscrypt_tcp"], timeout_s) as stream:
                stream.send(packet)
                answer = stream.receive()
        except OSError as error:
            raise Closed from error
        if answer is None:
            raise Closed
        return dns.message.from_wire(session.open(answer, half))

    def for_each(self):
        for transport in PROTOCOLS:
            with self.subTest(transport):
                yield transport
