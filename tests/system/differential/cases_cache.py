"""The packet cache and its options, seen through TTLs, counters and what reaches a probe."""

from case import CACHE, PROBE, Case
from outcome import Q

STATS = "return pc:getStats()['hits']..' '..pc:getStats()['misses']"


def cached(name, options, questions, **more):
    config = PROBE + f'pc = newPacketCache(100{options})\ngetPool(""):setCache(pc)\n'
    more.setdefault("console", [STATS])
    return Case(name, config, questions, **more)


TWICE = [Q("ttl60.a.example", times=2), Q("ttl5.a.example", times=2), Q("ttl4000.a.example", times=2)]

CASES = [
    cached("cache_hit_and_miss", "", [Q("a.example", times=3), Q("b.example", times=2), Q("A.EXAMPLE", times=2)]),
    cached("cache_types_and_classes_apart", "", [Q("a.example", t, times=2) for t in ("A", "TXT", "AAAA", "MX")]
           + [Q("a.example", "TXT", qclass="CH", times=2)]),
    cached("cache_do_and_cd_apart", "", [Q("a.example", "TXT", edns=0, do=do, cd=cd, times=2)
                                         for do in (False, True) for cd in (False, True)]),
    cached("cache_rd_of_the_asker", "", [Q("a.example", rd=True, times=2), Q("a.example", rd=False, times=2)]),
    cached("cache_min_ttl", ", {minTTL=10}", TWICE),
    cached("cache_max_ttl", ", {maxTTL=30}", TWICE),
    cached("cache_ttl_zero_is_not_stored", "", [Q("ttl0.a.example", times=3)]),
    cached("cache_negative_ttl", ", {maxNegativeTTL=1}", [
        Q("ttl60.negative.a.example", "AAAA", times=2), Q("rcode3.a.example", times=2)]),
    cached("cache_failures_are_kept", ", {temporaryFailureTTL=60}",
           [Q(f"rcode{code}.a.example", times=3) for code in (2, 5)]),
    cached("cache_failures_are_not_kept", ", {temporaryFailureTTL=0}",
           [Q(f"rcode{code}.a.example", times=3) for code in (2, 5)]),
    cached("cache_other_rcodes", "", [Q(f"rcode{code}.a.example", times=2) for code in (1, 3, 4, 9)]),
    cached("cache_truncated_answers_are_not_hits", "", [Q("tc.example", "TXT", times=2), Q("tc.example", "TXT", tcp=True)],
           console=["return pc:getStats()['hits']"]),
    cached("cache_does_not_age", ", {dontAge=true}", [Q("ttl60.a.example", times=3)]),
    cached("cache_shards", ", {numberOfShards=4}", [Q(f"n{n}.example", times=2) for n in range(20)]),
    cached("cache_cookies_ignored", "", [Q("a.example", options=[(10, bytes([n] * 8))]) for n in range(4)],
           console=["return pc:getStats()['hits']"]),
    cached("cache_cookies_hashed", ", {cookieHashing=true}",
           [Q("a.example", options=[(10, bytes([n] * 8))], times=2) for n in range(3)],
           differs={0: ("an answer that is shared never carries cookies", "NOERROR")}),
    cached("cache_skipped_options", ", {skipOptions={65001}}",
           [Q("a.example", options=[(65001, bytes([n] * 8))]) for n in range(4)]
           + [Q("a.example", options=[(65002, bytes([n] * 8))]) for n in range(4)]),
    cached("cache_parses_client_subnet", ", {parseECS=true}", [
        Q("a.example", ecs="192.0.2.0/24", times=2), Q("a.example", ecs="198.51.100.0/24", times=2), Q("a.example", edns=0)],
           console=["return pc:getStats()['hits']"]),
    cached("cache_keeps_opcodes_out", "", [Q("a.example", opcode=4, times=3), Q("a.example", opcode=0, times=2)],
           console=[]),
    cached("cache_trailing_data", "", [Q("a.example", "TXT", trailing=b"x", times=2), Q("a.example", "TXT", times=2)],
           console=[]),
    cached("cache_entries_count", "", [Q(f"n{n}.example") for n in range(7)],
           console=["return tostring(pc:isFull())",
                    "return pc:expungeByName(newDNSName('n3.example'))", "return pc:expungeByName('example', DNSQType.ANY, true)"]),
    cached("cache_expunge_to_a_size", "", [Q(f"n{n}.example") for n in range(7)], console=["return pc:expunge(2)"],
           console_differs={"return pc:expunge(2)": ("1.7.3 takes the rest of each shard along", "^5$")}),
    cached("cache_is_full", "", [], console=["return tostring(newPacketCache(10):isFull())", "return newPacketCache(10):toString()"]),
    Case("cache_of_a_pool", PROBE + CACHE + 'newServer{address="127.0.0.1:{two}", pool="p"}\n'
         'q = newPacketCache(100)\ngetPool("p"):setCache(q)\naddAction(QNameRule("a.example"), PoolAction("p"))\n',
         [Q("a.example", "TXT", times=2), Q("b.example", "TXT", times=2)],
         console=[STATS, "return q:getStats()['hits']..' '..q:getStats()['misses']"]),
    Case("cache_shared_by_pools", PROBE + CACHE + 'newServer{address="127.0.0.1:{two}", pool="p"}\n'
         'getPool("p"):setCache(pc)\naddAction(TCPRule(true), PoolAction("p"))\n',
         [Q("a.example", times=2), Q("a.example", tcp=True, times=2)], console=["return tostring(getPool('p'):getCache() ~= nil)"]),
    Case("cache_unset", PROBE + CACHE + 'getPool(""):unsetCache()\n', [Q("a.example", times=3)], console=[STATS]),
    Case("cache_after_a_spoofed_answer", PROBE + CACHE + 'addAction(TCPRule(true), SpoofAction("192.0.2.77"))\n',
         [Q("a.example", tcp=True, times=2), Q("a.example", times=2)], console=[STATS]),
    Case("cache_stale_without_backend", PROBE + 'pc = newPacketCache(100, {staleTTL=33})\ngetPool(""):setCache(pc)\n'
         'setStaleCacheEntriesTTL(600)\nsetVerboseHealthChecks(false)\n', [Q("ttl60.a.example", times=2)]),
]
