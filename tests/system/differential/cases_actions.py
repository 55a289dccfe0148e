"""One action a case."""

from case import BACKEND, CACHE, PROBE, Case
from outcome import Burst, Q

TXT = [Q(name, "TXT", **more) for name in ("a.example", "b.example")
       for more in ({}, {"tcp": True}, {"edns": 0}, {"do": True}, {"cd": True})]
ON_EDNS = [Q(), Q(edns=0), Q(edns=0, payload=512), Q(do=True), Q(edns=0, tcp=True), Q(rd=False), Q(cd=True),
           Q(qtype="AAAA"), Q("other.example.org")]


def on_www(name, action, questions=None, before="", **more):
    return Case(name, BACKEND + before + f'addAction(QNameRule("www.example.org"), {action})\n',
                ON_EDNS if questions is None else questions, **more)


def on_probe(name, action, questions=None, **more):
    return Case(name, PROBE + f'addAction(QNameRule("a.example"), {action})\n',
                TXT if questions is None else questions, **more)


QUIET = [Q(timeout_s=0.4), Q(tcp=True, timeout_s=0.4), Q("web.example.org")]

CASES = [
    on_www("action_allow_ends_the_chain", "AllowAction())\naddAction(AllRule(), RCodeAction(DNSRCode.REFUSED)"),
    on_www("action_none_goes_on", "NoneAction())\naddAction(AllRule(), RCodeAction(DNSRCode.REFUSED)"),
    on_www("action_drop", "DropAction()", QUIET),
    on_www("action_refused", "RCodeAction(DNSRCode.REFUSED)"),
    on_www("action_nxdomain", "RCodeAction(DNSRCode.NXDOMAIN)"),
    on_www("action_servfail", "RCodeAction(DNSRCode.SERVFAIL)"),
    on_www("action_rcode_with_flags", "RCodeAction(DNSRCode.NOERROR, {aa=true, ad=true, ra=true})"),
    on_www("action_rcode_without_ra", "RCodeAction(DNSRCode.NOERROR, {aa=false, ra=false})"),
    on_www("action_extended_rcode", "ERCodeAction(DNSRCode.BADVERS)"),
    on_www("action_extended_rcode_low_bits", "ERCodeAction(DNSRCode.NXDOMAIN)"),
    on_www("action_truncate", "TCAction()", ON_EDNS + [Q(tcp=True)]),
    on_www("action_truncate_udp_only", "TCAction())\naddAction(AndRule({TCPRule(true)}), RCodeAction(5)",
           ON_EDNS + [Q(tcp=True)]),
    on_www("action_spoof_address", 'SpoofAction("192.0.2.200")', ON_EDNS + [Q(qtype="ANY"), Q(qtype="MX")]),
    on_www("action_spoof_both_families", 'SpoofAction({"192.0.2.200", "2001:db8::5"})',
           ON_EDNS + [Q(qtype="ANY"), Q(qtype="MX")]),
    on_www("action_spoof_several", 'SpoofAction({"192.0.2.200", "192.0.2.201", "192.0.2.202"}, {ttl=7})'),
    on_www("action_spoof_flags", 'SpoofAction("192.0.2.200", {aa=true, ad=true, ra=false, ttl=3600})'),
    on_www("action_spoof_cname", 'SpoofCNAMEAction("target.example.net", {ttl=99})', ON_EDNS + [Q(qtype="ANY")]),
    on_www("action_spoof_raw", 'SpoofRawAction("\\\\192\\\\000\\\\002\\\\001", {ttl=5})'.replace("\\\\", "\\"),
           [Q(), Q(edns=0), Q(qtype="TYPE65280")],
           differs={1: ("raw answers carry an OPT since 1.9.7", "answer www.example.org. 5 IN A 192.0.2.1", "edns 0")}),
    on_www("action_spoof_raw_several", 'SpoofRawAction({"\\003abc", "\\004efgh"})', [Q(qtype="TXT"), Q(qtype="TXT", tcp=True)]),
    on_www("action_negative_and_soa",
           'SetNegativeAndSOAAction(true, "example.org.", 3600, "ns.example.org.", "host.example.org.", 1, 2, 3, 4, 5)',
           newer=BACKEND + 'addAction(QNameRule("www.example.org"), NegativeAndSOAAction(true, "example.org.", 3600, '
                           '"ns.example.org.", "host.example.org.", 1, 2, 3, 4, 5))\n'),
    on_www("action_nodata_and_soa", 'SetNegativeAndSOAAction(false, "example.org.", 60, "ns.example.org.", '
           '"host.example.org.", 1, 2, 3, 4, 5, {aa=true, ra=true})'),
    on_www("action_delay", "DelayAction(300)",
           [Burst([Q("www.example.org"), Q("web.example.org")]), Q(), Q(tcp=True)]),
    on_www("action_delay_two_lengths", 'DelayAction(500))\naddAction(QNameRule("web.example.org"), DelayAction(150)',
           [Burst([Q("www.example.org"), Q("web.example.org"), Q("example.org", "SOA")])]),
    Case("action_delay_stops_nothing", BACKEND + 'addAction(AllRule(), DelayAction(50))\n'
         'addAction(QTypeRule("A"), RCodeAction(DNSRCode.REFUSED))\n', ON_EDNS),
    on_probe("action_no_recurse", "NoRecurseAction()",
             newer=PROBE + 'addAction(QNameRule("a.example"), SetNoRecurseAction())\n'),
    on_probe("action_disable_validation", "DisableValidationAction()",
             newer=PROBE + 'addAction(QNameRule("a.example"), SetDisableValidationAction())\n'),
    on_probe("action_set_edns_option", 'SetEDNSOptionAction(65001, "some data")',
             TXT + [Q("a.example", "TXT", options=[(65001, b"other"), (65002, b"kept")])],
             differs={3: ("1.7.3 writes the DO bit of the client into the version of the OPT",
                          '"edns0 do 65001=736f6d652064617461"')}),
    Case("action_pool", BACKEND + 'newServer{address="127.0.0.1:{one}", pool="p"}\n'
         'addAction(QNameRule("a.example"), PoolAction("p"))\naddAction(AllRule(), RCodeAction(DNSRCode.REFUSED))\n', TXT),
    Case("action_pool_unknown_is_dropped", BACKEND + 'addAction(QNameRule("a.example"), PoolAction("nowhere"))\n',
         [Q("a.example", timeout_s=0.4), Q()]),
    Case("action_qps_pool", BACKEND + 'newServer{address="127.0.0.1:{one}", pool="p"}\n'
         'addAction(QNameRule("a.example"), QPSPoolAction(1000, "p"))\n', TXT),
    on_www("action_qps_within_the_limit", "QPSAction(1000)"),
    Case("action_set_tag", BACKEND + 'addAction(QTypeRule("A"), SetTagAction("color", "red"))\n'
         'addAction(TagRule("color", "red"), RCodeAction(DNSRCode.REFUSED))\n'
         'addAction(TagRule("color"), RCodeAction(DNSRCode.NXDOMAIN))\n', ON_EDNS),
    Case("action_skip_cache", PROBE + CACHE + 'addAction(QNameRule("a.example"), SetSkipCacheAction())\n',
         [Q("a.example", times=3), Q("b.example", times=3)], console=["pc:printStats()"],
         console_differs={"pc:printStats()": ("more lines since 1.8", "Hits: 2", "Misses: 1")}),
    Case("action_temporary_failure_ttl", PROBE + CACHE + 'addAction(QNameRule("rcode2.a.example"), '
         'SetTempFailureCacheTTLAction(0))\n', [Q("rcode2.a.example", times=3), Q("rcode2.b.example", times=3)],
         console=["return pc:getStats()['hits']"]),
    on_www("action_log", 'LogAction("{dir}/queries.log", false, true, false)', [Q(), Q(qtype="AAAA")]),
    Case("action_tee_changes_nothing_for_the_client", PROBE + 'newServer{address="127.0.0.1:{three}", pool="none"}\n'
         'addAction(AllRule(), TeeAction("127.0.0.1:{two}", true))\n', TXT),
    Case("action_tee_sends_what_came", PROBE + 'addAction(QNameRule("a.example"), TeeAction("127.0.0.1:{two}"))\n',
         [Q("a.example", times=3), Q("b.example", times=4)], tally=True),
    Case("older_truncate_tc", PROBE + "truncateTC(true)\n",
         [Q("tc.a.example"), Q("tc.a.example", edns=0), Q("tc.a.example", do=True), Q("a.example"), Q("a.example", tcp=True)]),
    on_www("action_many_in_order", 'NoneAction())\naddAction("example.net", RCodeAction(4))\n'
           'addAction({"example.org."}, RCodeAction(DNSRCode.NOTAUTH)', [Q(), Q("a.example.net"), Q("test")]),
    Case("action_on_hostile_headers", PROBE + 'addAction(QNameRule("a.example"), RCodeAction(DNSRCode.REFUSED))\n',
         [Q(raw=bytes.fromhex("8000000100000000000001610765786d61706c6500000100")[:22], timeout_s=0.3),
          Q(raw=bytes.fromhex("0100000000000000 0000".replace(" ", "")), timeout_s=0.3),
          Q(raw=bytes.fromhex("01000001000000000000c00c00010001"), timeout_s=0.3),
          Q(raw=bytes.fromhex("0100000100000000000040610000010001"), timeout_s=0.3)]),
]
