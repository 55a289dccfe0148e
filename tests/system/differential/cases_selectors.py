"""One selector a case; a match is seen as REFUSED (or dropped), the rest goes to NSD."""

from case import BACKEND, PROBE, Case
from outcome import Q

REFUSE = ", RCodeAction(DNSRCode.REFUSED))\n"


def refuse(name, selector, questions, before=""):
    return Case(name, BACKEND + before + f"addAction({selector}{REFUSE}", questions)


NAMES = [Q("www.example.org"), Q("WWW.EXAMPLE.ORG"), Q("a.www.example.org"), Q("example.org", "SOA"),
         Q("example.net", "SOA"), Q("xexample.org"), Q("org"), Q(".", "NS")]
TYPES = [Q("example.org", t) for t in ("A", "AAAA", "MX", "TXT", "ANY", "TYPE65280")]

CASES = [
    refuse("selector_all", "AllRule()", [Q(), Q(tcp=True)]),
    refuse("selector_qname", 'QNameRule("www.example.org")', NAMES),
    refuse("selector_suffix", "SuffixMatchNodeRule(smn)", NAMES,
           before="smn = newSuffixMatchNode()\nsmn:add(newDNSName('example.org.'))\n"),
    Case("selector_suffix_excepted", BACKEND + "smn = newSuffixMatchNode()\nsmn:add('org')\nsmn:remove(newDNSName('org'))\n"
         "smn:add({newDNSName('www.example.org'), newDNSName('example.net')})\naddAction(SuffixMatchNodeRule(smn)"
         + REFUSE, NAMES),
    Case("selector_name_set", BACKEND + "set = newDNSNameSet()\nset:add(newDNSName('www.example.org'))\n"
         "set:add(newDNSName('example.net'))\naddAction(QNameSetRule(set)" + REFUSE, NAMES),
    refuse("selector_labels", "QNameLabelsCountRule(2, 3)", NAMES),
    refuse("selector_wire_length", "QNameWireLengthRule(10, 16)", NAMES),
    refuse("selector_type_number", "QTypeRule(28)", TYPES),
    refuse("selector_type_name", 'QTypeRule("MX")', TYPES),
    refuse("selector_type_any", "QTypeRule(DNSQType.ANY)", TYPES),
    refuse("selector_class", "QClassRule(DNSClass.CHAOS)", [Q(), Q("version.bind", "TXT", "CH"), Q(qclass="ANY")]),
    Case("selector_opcode", PROBE + "addAction(OpcodeRule(DNSOpcode.Notify)" + REFUSE,
         [Q(opcode=code, tcp=tcp) for code in (0, 1, 2, 4, 6) for tcp in (False, True)]),
    refuse("selector_rd", "RDRule()", [Q(), Q(rd=False)]),
    refuse("selector_tcp", "TCPRule(true)", [Q(), Q(tcp=True)]),
    refuse("selector_udp", "TCPRule(false)", [Q(), Q(tcp=True)]),
    refuse("selector_dnssec", "DNSSECRule()", [Q(), Q(cd=True), Q(do=True), Q(edns=0), Q(ad=True)]),
    refuse("selector_source", "NetmaskGroupRule(group)",
           [Q(source=s) for s in ("127.0.0.1", "127.0.0.9", "127.0.0.10", "127.1.0.1")],
           before='group = newNMG()\ngroup:addMask("127.0.0.8/29")\ngroup:addMask("!127.0.0.10/32")\n'),
    refuse("selector_destination", "NetmaskGroupRule(group, false)", [Q(), Q(source="127.0.0.2")],
           before='group = newNMG()\ngroup:addMask("127.0.0.2/32")\n'),
    refuse("selector_source_list_in_rule", 'makeRule({"127.0.0.8/29", "127.2.0.0/16"})',
           [Q(source=s) for s in ("127.0.0.1", "127.0.0.9", "127.2.1.1")]),
    refuse("selector_made_of_names", 'makeRule({"example.org", "www.example.net"})', NAMES),
    refuse("selector_regex", 'RegexRule("^w+\\\\.example\\\\.(org|net)$")', NAMES + [Q("wwwww.example.net")]),
    refuse("selector_re2", 'RE2Rule("[a-z]{3}\\\\.example\\\\.org")', NAMES),
    refuse("selector_and", 'AndRule({QTypeRule("A"), QNameRule("www.example.org"), TCPRule(false)})',
           [Q(), Q(tcp=True), Q(qtype="AAAA"), Q("web.example.org")]),
    refuse("selector_or", 'OrRule({QTypeRule("AAAA"), QNameRule("www.example.org")})',
           [Q(), Q(qtype="AAAA"), Q("web.example.org"), Q("web.example.org", "AAAA")]),
    refuse("selector_not", 'NotRule(QTypeRule("A"))', TYPES),
    refuse("selector_nested", 'AndRule({OrRule({QTypeRule("A"), QTypeRule("MX")}), NotRule(QNameRule("example.org"))})',
           TYPES + NAMES),
    refuse("selector_probability_bounds", "OrRule({ProbaRule(0.0), AndRule({ProbaRule(1.0), QTypeRule('A')})})",
           [Q(times=5), Q(qtype="AAAA", times=5)]),
    refuse("selector_edns_version", "EDNSVersionRule(0)", [Q(), Q(edns=0), Q(edns=1)]),
    refuse("selector_edns_option", "EDNSOptionRule(10)",
           [Q(), Q(edns=0), Q(options=[(10, b"12345678")]), Q(options=[(12, b"x"), (10, b"12345678")]), Q(ecs="192.0.2.0/24")]),
    refuse("selector_records_in_section", "RecordsCountRule(DNSSection.Additional, 1, 1)", [Q(), Q(edns=0)]),
    refuse("selector_records_in_question", "NotRule(RecordsCountRule(DNSSection.Question, 1, 1))", [Q(), Q(edns=0)]),
    refuse("selector_records_of_type", "RecordsTypeCountRule(DNSSection.Additional, 41, 1, 1)", [Q(), Q(edns=0)]),
    refuse("selector_trailing_data", "TrailingDataRule()",
           [Q(), Q(trailing=b"x"), Q(edns=0, trailing=b"xyz"), Q(tcp=True, trailing=b"xyz")]),
    refuse("selector_tag", 'TagRule("a")', [Q(), Q(qtype="AAAA")],
           before='addAction(QTypeRule("AAAA"), LuaAction(function(dq) dq:setTag("a", "b") return DNSAction.None, "" end))\n'),
    Case("selector_tag_value", BACKEND +
         'addAction(AllRule(), LuaAction(function(dq) dq:setTag("t", dq.qname:toString()) return DNSAction.None, "" end))\n'
         'addAction(TagRule("t", "www.example.org."), RCodeAction(DNSRCode.REFUSED))\n'
         'addAction(TagRule("t", ""), RCodeAction(DNSRCode.FORMERR))\n', NAMES),
    Case("selector_qps", BACKEND + "addAction(NotRule(MaxQPSRule(3, 3))" + REFUSE, [Q(), Q(qtype="AAAA")]),
    Case("selector_qps_by_client", BACKEND + "addAction(MaxQPSIPRule(1, 32, 64, 2)" + REFUSE,
         [Q(source="127.0.0.5", times=2), Q(source="127.0.0.6", times=2)]),
    Case("selector_pool_available", BACKEND + 'newServer{address="127.0.0.1:1", pool="dead"}:setDown()\n'
         'addAction(AndRule({QTypeRule("A"), PoolAvailableRule("")}), RCodeAction(DNSRCode.NOTIMP))\n'
         'addAction(PoolAvailableRule("dead")' + REFUSE, [Q(), Q(qtype="AAAA")]),
    Case("selector_rcode_of_response", BACKEND +
         "addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), DropResponseAction())\n",
         [Q(), Q("none.example.org", timeout_s=0.4), Q("elsewhere.test")]),
    Case("selector_extended_rcode_of_response", BACKEND +
         "addResponseAction(ERCodeRule(DNSRCode.BADVERS), DropResponseAction())\n",
         [Q(), Q(edns=1, timeout_s=0.4), Q(edns=0)]),
]
