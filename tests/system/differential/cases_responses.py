"""Response rules, cache-hit and self-answered rules, client subnet, sizes."""

from case import BACKEND, CACHE, PROBE, Case
from outcome import Q

MIXED = [Q("a.example"), Q("ttl5.a.example"), Q("ttl4000.a.example"), Q("a.example", "TXT"), Q("rcode3.a.example"),
         Q("a.example", edns=0), Q("a.example", tcp=True)]
TXT = [Q("a.example", "TXT"), Q("a.example", "TXT", edns=0), Q("a.example", "TXT", do=True, cd=True),
       Q("a.example", "TXT", tcp=True), Q("a.example", "TXT", ecs="192.0.2.0/24"), Q("a.example", "TXT", edns=0, tcp=True),
       Q("a.example", "TXT", ecs="2001:db8::/48"), Q("a.example", "TXT", options=[(10, b"12345678")]),
       Q("a.example", "TXT", source="127.0.0.9")]
ECS = 'newServer{address="127.0.0.1:{one}", useClientSubnet=true}\n'
# The header and question pass as they are; so does everything else while no rule and no cache asks for a change.
RAW = ["01000001000000000000016107" "6578616d706c65" "0000100001",
       "0120000100000000000001610765786d61".replace("65786d61", "6578616d706c65") + "0000100001",
       "05000001000000000000016107" "6578616d706c65" "0000100001"]

CASES = [
    Case("response_allow_ends_the_chain", BACKEND + "addResponseAction(AllRule(), AllowResponseAction())\n"
         "addResponseAction(AllRule(), DropResponseAction())\n", [Q(), Q(tcp=True)]),
    Case("response_drop", BACKEND + 'addResponseAction(QNameRule("www.example.org"), DropResponseAction())\n',
         [Q(timeout_s=0.4), Q("web.example.org"), Q(tcp=True, timeout_s=0.4)]),
    Case("response_delay", BACKEND + 'addResponseAction(QNameRule("www.example.org"), DelayResponseAction(100))\n', [Q()]),
    Case("response_refused_by_lua", BACKEND + "addResponseAction(QTypeRule('A'), LuaResponseAction(function(dr) "
         "return DNSResponseAction.ServFail, '' end))\n", [Q(), Q(edns=0), Q(qtype="AAAA"), Q(tcp=True)]),
    Case("response_dropped_by_lua", BACKEND + "addResponseAction(QTypeRule('A'), LuaResponseAction(function(dr) "
         "return DNSResponseAction.Drop, '' end))\n", [Q(timeout_s=0.4), Q(qtype="AAAA")]),
    Case("response_ttls_edited_by_lua", PROBE + "addResponseAction(AllRule(), LuaResponseAction(function(dr) "
         "dr:editTTLs(function(section, class, qtype, ttl) return section * 1000 + ttl % 100 end) "
         "return DNSResponseAction.None, '' end))\n", MIXED),
    Case("response_rcode_edited_by_lua", PROBE + "addResponseAction(AllRule(), LuaResponseAction(function(dr) "
         "dr.rcode = DNSRCode.NXDOMAIN return DNSResponseAction.HeaderModify, '' end))\n", MIXED),
    Case("response_tag_of_the_query", PROBE + 'addAction(QTypeRule("TXT"), SetTagAction("k", "v"))\n'
         'addResponseAction(TagRule("k", "v"), DropResponseAction())\n',
         [Q("a.example", "TXT", timeout_s=0.4), Q("a.example")]),
    Case("response_set_tag", PROBE + 'addResponseAction(QTypeRule("A"), SetTagResponseAction("k", "v"))\n'
         'addResponseAction(TagRule("k", "v"), DropResponseAction())\n', [Q("a.example", "TXT"), Q("a.example", timeout_s=0.4)]),
    Case("response_skip_cache", PROBE + CACHE + 'addResponseAction(QNameRule("a.example"), SetSkipCacheResponseAction())\n',
         [Q("a.example", times=3), Q("b.example", times=3)], console=["return pc:getStats()['hits']"]),
    Case("cache_hit_rule", PROBE + CACHE + 'addCacheHitResponseAction(QTypeRule("TXT"), DropResponseAction())\n',
         [Q("a.example", "TXT"), Q("a.example", "TXT", timeout_s=0.4), Q("a.example", times=2)]),
    Case("cache_hit_rule_sees_tags", PROBE + CACHE + 'addAction(TCPRule(true), SetTagAction("t", ""))\n'
         'addCacheHitResponseAction(TagRule("t"), DropResponseAction())\n', [Q("a.example", times=3)]),
    Case("self_answered_rule", BACKEND + 'addAction(QTypeRule("A"), RCodeAction(DNSRCode.REFUSED))\n'
         'addSelfAnsweredResponseAction(QNameRule("www.example.org"), DropResponseAction())\n',
         [Q(timeout_s=0.4), Q("web.example.org"), Q(qtype="AAAA")]),
    Case("self_answered_rule_not_for_backends", BACKEND + "addSelfAnsweredResponseAction(AllRule(), DropResponseAction())\n",
         [Q(), Q(tcp=True)]),
    Case("client_subnet_added", ECS, TXT),
    Case("client_subnet_prefixes", ECS + "setECSSourcePrefixV4(16)\nsetECSSourcePrefixV6(32)\n", TXT),
    Case("client_subnet_overrides", ECS + "setECSOverride(true)\n", TXT),
    Case("client_subnet_disabled_by_rule", ECS + 'addAction(TCPRule(false), DisableECSAction())\n', TXT,
         newer=ECS + 'addAction(TCPRule(false), SetDisableECSAction())\n'),
    Case("client_subnet_override_by_rule", ECS + "addAction(TCPRule(false), ECSOverrideAction(true))\n", TXT,
         newer=ECS + "addAction(TCPRule(false), SetECSOverrideAction(true))\n"),
    Case("client_subnet_prefix_by_rule", ECS + "addAction(TCPRule(false), ECSPrefixLengthAction(8, 16))\n", TXT,
         newer=ECS + "addAction(TCPRule(false), SetECSPrefixLengthAction(8, 16))\n"),
    Case("client_subnet_set_by_rule", ECS + 'addAction(TCPRule(false), SetECSAction("198.51.100.0/24"))\n', TXT),
    Case("client_subnet_set_by_rule_v6", ECS + 'addAction(AllRule(), SetECSAction("198.51.100.0/24", "2001:db8::/32"))\n', TXT),
    Case("client_subnet_not_without_the_option", PROBE + "setECSOverride(true)\n", TXT),
    Case("client_subnet_in_the_cache", ECS + "pc = newPacketCache(100, {parseECS=true})\ngetPool(''):setCache(pc)\n",
         [Q("scope24.a.example", "TXT", source=s) for s in ("127.0.0.1", "127.0.0.9", "127.0.1.1")]),
    Case("sent_on_as_it_came", PROBE, TXT + [Q("MiXeD.eXample", "TXT"), Q("a.example", "TXT", trailing=b"abc"),
                                            Q("a.example", "TXT", ad=True), Q("a.example", "TXT", edns=1),
                                            Q("a.example", "TXT", qclass="CH")]),
    Case("sent_on_raw_headers", PROBE, [Q(raw=bytes.fromhex(text)) for text in RAW]),
    Case("truncated_answers_are_passed_on", PROBE, [Q("tc.example", "TXT"), Q("tc.example", "TXT", tcp=True),
                                                    Q("tc.example", "TXT", edns=0)]),
    Case("rcodes_are_passed_on", PROBE, [Q(f"rcode{n}.a.example", edns=edns) for n in range(11) for edns in (-1, 0)]),
    Case("silence_of_a_backend", PROBE + "setUDPTimeout(1)\n", [Q("silent.example", timeout_s=0.5), Q("a.example")]),
    Case("self_made_payload_size", BACKEND + "setPayloadSizeOnSelfGeneratedAnswers(1400)\naddAction(AllRule(), RCodeAction(5))\n",
         [Q(edns=0), Q(edns=0, payload=4096), Q(edns=0, tcp=True), Q()]),
    Case("self_made_without_edns", BACKEND + "setAddEDNSToSelfGeneratedResponses(false)\naddAction(QTypeRule('A'), "
         "SpoofAction('192.0.2.7'))\naddAction(AllRule(), TCAction())\n",
         [Q(), Q(edns=0), Q(qtype="MX"), Q(qtype="MX", edns=0)]),
    Case("empty_queries_are_dropped", PROBE + "setDropEmptyQueries(true)\n",
         [Q(raw=bytes.fromhex("01000000000000000000"), timeout_s=0.4), Q("a.example")]),
]
