"""What the console shows, in dnsdist's columns; numbers after a known set of questions."""

from case import CACHE, PROBE, Case
from outcome import Q

FOUR = [Q("a.example", times=2), Q("b.example"), Q("rcode3.c.example"), Q("a.example", "TXT", tcp=True)]
RULES = ('addAction(QNameRule("a.example"), NoneAction(), {name="first"})\n'
         'addAction(AndRule({QTypeRule("A"), TCPRule(false)}), NoneAction())\n'
         'addAction(OrRule({QTypeRule(28), NotRule(RDRule())}), RCodeAction(DNSRCode.REFUSED))\n'
         'addAction(MaxQPSIPRule(500), TCAction())\n'
         'addAction(NetmaskGroupRule(newNMG()), DropAction())\n')


def show(name, config, *commands, questions=None, **more):
    return Case(name, PROBE + config, FOUR if questions is None else questions, console=list(commands), **more)


def rule_text(selector, action="NoneAction()"):
    return f"addAction({selector}, {action})\n"


SELECTORS = ("AllRule()", 'QNameRule("a.example")', "QTypeRule(28)", 'QTypeRule("TXT")', "QClassRule(1)", "RDRule()",
             "TCPRule(true)", "TCPRule(false)", "DNSSECRule()", "OpcodeRule(4)", "QNameLabelsCountRule(1, 9)",
             "QNameWireLengthRule(1, 99)", 'RegexRule("^x")', 'RE2Rule("y$")', "ProbaRule(0.25)", 'TagRule("t")',
             'TagRule("t", "v")', "RecordsCountRule(1, 1, 2)", "RecordsTypeCountRule(1, 1, 1, 2)", "TrailingDataRule()",
             "EDNSVersionRule(0)", "EDNSOptionRule(10)", "MaxQPSRule(10)", "MaxQPSIPRule(7, 24, 48)",
             'PoolAvailableRule("p")', "NotRule(AllRule())", "AndRule({AllRule(), RDRule()})", "OrRule({AllRule(), RDRule()})",
             "LuaRule(function(dq) return false end)")
ACTIONS = ("AllowAction()", "DropAction()", "NoneAction()", "RCodeAction(5)", "ERCodeAction(16)", "TCAction()",
           'PoolAction("p")', 'QPSPoolAction(5, "p")', "QPSAction(5)", "DelayAction(100)", 'SetTagAction("t", "v")',
           "SetSkipCacheAction()", "SetTempFailureCacheTTLAction(9)", 'SpoofAction("192.0.2.1")',
           'SpoofAction({"192.0.2.1", "2001:db8::1"})', 'SpoofCNAMEAction("a.example")', 'SpoofRawAction("\\001a")',
           'SetEDNSOptionAction(10, "x")', 'SetECSAction("192.0.2.0/24")', "SetDisableECSAction()",
           "SetECSOverrideAction(true)", "SetECSPrefixLengthAction(8, 16)", "SetDisableValidationAction()",
           "SetNoRecurseAction()", 'SetProxyProtocolValuesAction({[1]="a", [2]="b"})',
           'SetAdditionalProxyProtocolValueAction(7, "a")', "LuaAction(function(dq) return DNSAction.None, '' end)", 'LogAction("")',
           'TeeAction("127.0.0.1:9")', 'TeeAction("[::1]:9", true)', "SetMacAddrAction(65001)")
RESPONSES = ("AllowResponseAction()", "DropResponseAction()", "DelayResponseAction(5)", 'SetTagResponseAction("a", "b")',
             "SetSkipCacheResponseAction()", "LuaResponseAction(function(dr) return DNSResponseAction.None, '' end)")

CASES = [
    show("console_show_rules", RULES, "showRules()", "showRules({showUUIDs=true})"),
    show("console_selector_texts", "".join(rule_text(s) for s in SELECTORS), "showRules()", questions=[]),
    show("console_action_texts", "".join(rule_text('QNameRule("x")', a) for a in ACTIONS), "showRules()", questions=[]),
    show("console_response_action_texts", "".join(f"addResponseAction(AllRule(), {a})\n" for a in RESPONSES),
         "showResponseRules()", questions=[]),
    show("console_tops_as_tables", 'function rows(top) local text = "" for place, row in ipairs(top) do text = text .. place .. " " .. '
         'row[1] .. " " .. row[2] .. " " .. math.floor(row[3] * 10) .. "; " end return text end\n',
         "return rows(getTopQueries(2))", "return rows(getTopQueries(9, 1))", "return rows(getTopResponses(9, 3))",
         "return rows(getSlowResponses(9, 5000))"),
    show("console_older_functions", "limiter = newQPSLimiter(1, 2)\n", "return newDNSNameFromRaw('\\3www\\0'):toString()",
         "return tostring(limiter:check()) .. tostring(limiter:check()) .. tostring(limiter:check())", "showSecurityStatus()",
         questions=[]),
    show("console_query_counts", "setQueryCount(true)\n", "getQueryCounters()", "setQueryCount(false)", "getQueryCounters(0)",
         "clearQueryCounters()", "getQueryCounters()", questions=[Q("a.Example", times=2)]),
    show("console_query_counts_by_a_filter", "setQueryCount(true)\nsetQueryCountFilter(function(dq) "
         "return dq.qtype == DNSQType.A, dq.qname:toString() .. ' asked' end)\n", "getQueryCounters()",
         questions=[Q("a.example", times=2), Q("b.example", "TXT"), Q("c.example", "AAAA", tcp=True)]),
    show("console_response_rings", "function sorted(list) table.sort(list) return table.concat(list, ' ') end\n"
         "function answers() local list = {} for _, one in pairs(getResponseRing()) do\n"
         "  table.insert(list, one.name .. one.qtype .. '/' .. one.rcode .. tostring(one.usec > 0)) end return sorted(list) end\n"
         "function names() local list = {} statNodeRespRing(function(node, own, sum)\n"
         "  table.insert(list, node.fullname .. '=' .. node.labelsCount .. ',' .. node:numChildren() .. ',' .. own.queries .. ','\n"
         "    .. own.noerrors .. ',' .. own.nxdomains .. ',' .. sum.queries .. ',' .. sum.nxdomains) end) return sorted(list) end\n",
         "return answers()", "return names()", "statNodeRespRing(function() error('on purpose') end)",
         console_differs={"statNodeRespRing(function() error('on purpose') end)": ("Lua 5.4 words errors otherwise", "on purpose")}),
    show("console_bench_rule", 'suffixes = newSuffixMatchNode()\nsuffixes:add(newDNSName("b.example."))\n',
         "benchRule(AllRule(), 10)", 'benchRule(SuffixMatchNodeRule(suffixes), 20, "b.example")', questions=[], console_differs={
             command: ("times differ", f"^Had {count} matches out of {count}, [0-9.]+ qps, in [0-9.]+ usec$") for command, count in
             (("benchRule(AllRule(), 10)", 10), ('benchRule(SuffixMatchNodeRule(suffixes), 20, "b.example")', 20))}),
    show("console_remove_rule", RULES + "rmRule(1)\n", "showRules()"),
    show("console_remove_rule_by_name", RULES, 'rmRule("first")', "showRules()"),
    show("console_move_rules", RULES + "mvRule(3, 0)\nmvRule(1, 5)\n", "showRules()"),
    show("console_move_rule_to_top_last", RULES + "mvRuleToTop()\n", "showRules()"),
    show("console_clear_rules", RULES + "clearRules()\n", "showRules()"),
    show("console_set_rules", RULES + 'setRules({newRuleAction(AllRule(), DropAction()), newRuleAction(RDRule(), TCAction())})\n',
         "showRules()", questions=[]),
    show("console_top_rules", RULES, "topRules()", "topRules(2)", "topRules(0)"),
    show("console_hit_rules", CACHE + 'addCacheHitResponseAction(AllRule(), AllowResponseAction(), {name="n"})\n',
         "showCacheHitResponseRules()"),
    show("console_self_answered_rules", 'addAction(QTypeRule("A"), RCodeAction(5))\n'
         'addSelfAnsweredResponseAction(AllRule(), AllowResponseAction())\n', "showSelfAnsweredResponseRules()"),
    show("console_top_queries", "", "topQueries(5)", "topQueries(5, 1)", "topResponses(5, DNSRCode.NXDOMAIN)",
         "topClients(5)", "topBandwidth(2)", console_differs={
             "topBandwidth(2)": ("sizes depend on padding", "127.0.0.1")}),
    show("console_acl", 'setACL({"127.0.0.0/8", "192.0.2.0/24"})\naddACL("::1/128")\n', "showACL()", questions=[]),
    show("console_pools", 'newServer{address="127.0.0.1:{two}", pool={"p", "q"}}\n' + CACHE, "showPools()", questions=[]),
    show("console_server_policy", "setServerPolicy(firstAvailable)\n", "showServerPolicy()", questions=[]),
    show("console_cache_stats", CACHE, "return pc:getStats()['hits']", "return pc:getStats()['misses']",
         "return pc:toString()", questions=[Q("a.example", times=3)]),
    show("console_set_values", "setUDPTimeout(3)\n",
         "return 1 + 1", "return 'text'", "return nil", "x = 5", "return x", "print('one', 2)",
         console_differs={"print('one', 2)": ("what is printed comes to the console, not to the server's output", "^one 2$")}),
    show("console_errors", "", "return nosuch.field", "syntax error here", "error('on purpose')", questions=[], console_differs={
        command: ("Lua 5.4 words errors otherwise", "rror") for command in
        ("return nosuch.field", "syntax error here", "error('on purpose')")}),
    show("console_binds", "", "showBinds()", questions=[Q("a.example", times=2)], console_differs={
        "showBinds()": ("every worker listens, in one row", r"127\.0\.0\.1:PORT.*UDP", r"127\.0\.0\.1:PORT.*TCP")}),
    show("console_servers", "", "showServers()", console_differs={
        "showServers()": ("2.1 has a column for TCP latency", r"^0 one 127\.0\.0\.1:\d+ up ", "^All ")}),
    show("console_grep_queries", "", "grepq('b.example')", questions=[Q("a.example"), Q("b.example")], console_differs={
        "grepq('b.example')": ("times and ports differ", r"b\.example\. A")}),
]
