"""What tests of last good answers share: zones in PowerDNS, and what such an answer looks like."""

import dns.rcode

from client import addresses, ask
from harness import SystemTest
from nameservers import Database

ZONES = [f"zone{n}.example" for n in range(20)]
SAMPLE = "sample.example"
STALE = 3  # RFC 8914


def extended_errors(answer):
    return [option.code for option in answer.options if option.otype == 15]


def answer_of(server, zone, **options):
    return ask(f"www.{zone}", port=server.port, use_edns=0, **options)


def database_with_zones():
    database = Database()
    database.add_zones([SAMPLE, *ZONES])
    return database


class StaleAnswers(SystemTest):
    def fill(self, front):
        """The cache has an answer for each zone."""
        for zone in ZONES:
            self.assertEqual(addresses(answer_of(front, zone)), ["192.0.2.1"])

    def assert_is_last_good(self, answer):
        self.assertEqual((answer.rcode(), addresses(answer), answer.answer[0].ttl, extended_errors(answer)),
                         (dns.rcode.NOERROR, ["192.0.2.1"], 30, [STALE]), answer)
