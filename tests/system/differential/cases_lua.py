"""What Lua callbacks see and do; the text they make comes back in a TXT record."""

from case import BACKEND, CACHE, PROBE, SAY, Case
from outcome import Q

ASK = [Q("Www.Example.org", "TXT"), Q("www.example.org", "TXT", tcp=True), Q("www.example.org", "TXT", do=True, cd=True),
       Q("www.example.org", "TXT", rd=False, ecs="192.0.2.0/24"), Q("example.org", "TXT", source="127.0.0.9")]


def say(name, expression, questions=None, before="", **more):
    text = (BACKEND + SAY + before + 'addAction(QTypeRule("TXT"), LuaAction(function(dq) return say(' + expression +
            ") end))\n")
    return Case(name, text, ASK if questions is None else questions, raw_answers=True, **more)


def evaluate(name, *expressions, before="", **more):
    """Expressions on the console; each gives text."""
    return Case(name, BACKEND + before, [], console=[f"return tostring({e})" for e in expressions], **more)


CASES = [
    say("lua_qname", "dq.qname:toString()"),
    say("lua_type_class_opcode", "dq.qtype..' '..dq.qclass..' '..dq.opcode..' '..dq.rcode"),
    say("lua_length_and_transport", "tostring(dq.tcp)..' '..dq.len"),
    say("lua_addresses", "dq.remoteaddr:toString()..' '..dq.localaddr:toString()"),
    say("lua_header", "tostring(dq.dh:getRD())..tostring(dq.dh:getCD())..tostring(dq.dh:getAA())..tostring(dq.dh:getAD())..tostring(dq.dh:getRA())"),
    say("lua_do_bit", "tostring(dq:getDO())"),
    say("lua_client_subnet_flags", "tostring(dq.useECS)..tostring(dq.ecsOverride)..dq.ecsPrefixLength..tostring(dq.skipCache)"),
    say("lua_tags", "(dq:getTag('a') or 'none')..(dq:getTag('b') or 'none')",
        before="addAction(TCPRule(true), LuaAction(function(dq) dq:setTag('a', 'one') dq:setTagArray({b='two'}) return DNSAction.None, '' end))\n"),
    say("lua_tag_array", "(dq:getTagArray()['x'] or '')..(dq:getTagArray()['y'] or '')",
        before='addAction(AllRule(), SetTagAction("x", "1"))\naddAction(TCPRule(true), SetTagAction("y", "2"))\n'),
    say("lua_edns_options", "(function() local n = 0 for code, view in pairs(dq:getEDNSOptions()) do n = n * 100 + code + view:count() end return n end)()",
        ASK + [Q("a.example", "TXT", options=[(10, b"12345678"), (12, b"xx")])]),
    say("lua_edns_option_content", "(function() local v = dq:getEDNSOptions()[10] return v and v:getValues()[1] or 'none' end)()",
        [Q("a.example", "TXT", options=[(10, b"abcdefgh")]), Q("a.example", "TXT")]),
    say("lua_trailing_data", "dq:getTrailingData()", [Q("a.example", "TXT", trailing=b"xyz"), Q("a.example", "TXT")]),
    say("lua_protocol", "dq:getProtocol()", ASK),
    say("lua_name_methods", "dq.qname:countLabels()..' '..dq.qname:wirelength()..' '..tostring(dq.qname:isPartOf(newDNSName('example.org')))"),
    say("lua_name_chopped", "(function() local n = newDNSName(dq.qname:toString()) local cut = n:chopOff() return n:toString()..tostring(cut) end)()"),
    say("lua_address_in_group", "tostring(group:match(dq.remoteaddr))", before='group = newNMG()\ngroup:addMask("127.0.0.8/29")\n'),
    say("lua_suffix_node", "tostring(node:check(dq.qname))", before="node = newSuffixMatchNode()\nnode:add(newDNSName('www.example.org'))\n"),
    Case("lua_sets_header", PROBE + "addAction(AllRule(), LuaAction(function(dq) dq.dh:setRD(false) dq.dh:setCD(true) "
         "return DNSAction.None, '' end))\n", [Q("a.example", "TXT"), Q("a.example", "TXT", tcp=True, cd=True, rd=False)]),
    Case("lua_negative_answer", BACKEND + "addAction(QTypeRule('TXT'), LuaAction(function(dq) dq:setNegativeAndAdditionalSOA(true, "
         "'example.org.', 3600, 'ns.example.org.', 'host.example.org.', 1, 2, 3, 4, 5) return DNSAction.None, '' end))\n"
         "addAction(QTypeRule('MX'), LuaAction(function(dq) dq:setNegativeAndAdditionalSOA(false, 'example.org.', 60, "
         "'ns.example.org.', 'host.example.org.', 1, 2, 3, 4, 5) return DNSAction.HeaderModify, '' end))\n",
         ASK + [Q("www.example.org", "MX"), Q("www.example.org", "MX", edns=0, tcp=True)]),
    Case("lua_sets_skip_cache", PROBE + CACHE + "addAction(QNameRule('a.example'), LuaAction(function(dq) dq.skipCache = true "
         "return DNSAction.None, '' end))\n", [Q("a.example", times=3), Q("b.example", times=3)], console=["return pc:getStats()['hits']"]),
    Case("lua_sets_trailing_data", PROBE + "addAction(AllRule(), LuaAction(function(dq) dq:setTrailingData('pqr') "
         "return DNSAction.None, '' end))\n", [Q("a.example", "TXT"), Q("a.example", "TXT", trailing=b"z")]),
    Case("lua_sets_client_subnet_flags", 'newServer{address="127.0.0.1:{one}", useClientSubnet=true}\n'
         "addAction(TCPRule(true), LuaAction(function(dq) dq.useECS = false return DNSAction.None, '' end))\n"
         "addAction(QTypeRule('TXT'), LuaAction(function(dq) dq.ecsPrefixLength = 12 return DNSAction.None, '' end))\n",
         [Q("a.example", "TXT"), Q("a.example", "TXT", tcp=True)]),
    Case("lua_action_results", BACKEND + "by = {['n1.example.']=DNSAction.Nxdomain, ['n2.example.']=DNSAction.Refused, "
         "['n3.example.']=DNSAction.ServFail, ['n4.example.']=DNSAction.Drop, ['n5.example.']=DNSAction.Truncate, "
         "['n6.example.']=DNSAction.Allow, ['n7.example.']=DNSAction.None}\n"
         "addAction(AllRule(), LuaAction(function(dq) return by[dq.qname:toString()], '' end))\naddAction(AllRule(), SpoofAction('192.0.2.3'))\n",
         [Q(f"n{n}.example", edns=edns, timeout_s=0.5) for n in range(1, 8) for edns in (-1, 0)],
         differs={index: ("since 2.0 these are made as by RCodeAction: RA follows RD", r" (NXDOMAIN|REFUSED|SERVFAIL) QR RD RA$",
                          "-^(answer|authority|additional)") for index in range(6)}),
    Case("lua_spoof_result", BACKEND + "addAction(AllRule(), LuaAction(function(dq) return DNSAction.Spoof, '192.0.2.9' end))\n",
         [Q(), Q(edns=0), Q(qtype="AAAA")]),
    Case("lua_spoof_name_result", BACKEND + "addAction(AllRule(), LuaAction(function(dq) return DNSAction.Spoof, 'other.example.' end))\n", [Q(), Q(edns=0)]),
    Case("lua_delay_result", BACKEND + "addAction(QTypeRule('A'), LuaAction(function(dq) return DNSAction.Delay, '50' end))\n", [Q(), Q(qtype="AAAA")]),
    Case("lua_no_recurse_result", PROBE + "addAction(AllRule(), LuaAction(function(dq) return DNSAction.NoRecurse, '' end))\n", [Q("a.example", "TXT")]),
    Case("lua_rule", BACKEND + "addAction(LuaRule(function(dq) return dq.qname:countLabels() == 3 end), RCodeAction(5))\n",
         [Q(), Q("example.org"), Q("a.b.example.org")]),
    Case("lua_state_is_kept", BACKEND + SAY + "count = 0\naddAction(AllRule(), LuaAction(function(dq) count = count + 1 return say(count) end))\n",
         [Q(qtype="TXT", times=4)], console=["return tostring(count)"]),
    Case("lua_own_rules_share_globals", BACKEND + SAY + "hits = {}\naddAction(LuaRule(function(dq) local k = dq.qname:toString() "
         "hits[k] = (hits[k] or 0) + 1 return hits[k] > 2 end), RCodeAction(5))\naddAction(QTypeRule('TXT'), LuaAction(function(dq) "
         "return say(hits[dq.qname:toString()]) end))\n", [Q(qtype="TXT", times=4), Q("b.example", "TXT", times=2)]),
    Case("lua_old_dialect", BACKEND + "t = {n=3, 1, 2, 3}\nf = loadstring('return 1 + 1')\ns = string.format('%d', 6 / 2)\nlocal a, b = unpack({4, 5})\nu = a * 10 + b\nx = bit and bit.band(6, 3) or 2\n",
         [], console=["return tostring(f())", "return s", "return tostring(u)", "return tostring(#t)"]),
    evaluate("object_name", "newDNSName('WWW.Example.org'):toString()", "newDNSName('a.b'):countLabels()", "newDNSName('a.b.c'):wirelength()",
             "newDNSName('x.a.b'):isPartOf(newDNSName('a.b'))", "newDNSName('.'):toString()",
             "newDNSName('a\\\\032b.c'):toString()", "newDNSName('a.b').toDNSString and #newDNSName('a.b'):toDNSString()"),
    evaluate("object_address", "newCA('192.0.2.1'):toString()", "newCA('192.0.2.1:53'):toStringWithPort()", "newCA('[2001:db8::1]:5300'):toStringWithPort()",
             "newCA('2001:DB8::1'):toString()", "newCA('192.0.2.1'):isIPv4()", "newCA('::1'):isIPv6()", "newCA('::ffff:192.0.2.1'):isMappedIPv4()",
             "newCA('::ffff:192.0.2.1'):mapToIPv4():toString()", "newCA('192.0.2.1:77'):getPort()"),
    evaluate("object_netmask", "group:match(newCA('192.0.2.5'))", "group:match(newCA('192.0.2.200'))", "group:match(newCA('198.51.100.1'))", "group:match(newCA('::1'))",
             "group:size()", before='group = newNMG()\ngroup:addMask("192.0.2.0/25")\ngroup:addMask("198.51.100.0/24")\ngroup:addMask("!198.51.100.7/32")\n'),
    evaluate("constants", "DNSQType.A", "DNSQType.ANY", "DNSQType.HTTPS or DNSQType.AAAA", "DNSClass.CHAOS", "DNSRCode.REFUSED", "DNSRCode.BADVERS", "DNSOpcode.Update",
             "DNSSection.Additional", "DNSAction.Drop", "DNSAction.Nxdomain", "DNSAction.Pool", "DNSAction.Spoof", "DNSAction.Delay", "DNSAction.Truncate", "DNSAction.SpoofRaw",
             "DNSResponseAction.Drop", "DNSResponseAction.HeaderModify", "DNSResponseAction.ServFail", "DNSResponseAction.Delay"),
]
