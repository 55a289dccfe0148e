"""Dynamic blocks as 1.7 has them: what each action does, which rules block, what the console shows."""

from case import PROBE, Case
from outcome import Q

# One of the same kind of question for each transport and with EDNS.
ASK = [Q("a.example", timeout_s=0.5), Q("a.example", edns=0, timeout_s=0.5), Q("a.example", tcp=True, timeout_s=0.5),
       Q("a.example", rd=False, timeout_s=0.5)]
ADD = 'addDynBlocks({[newCA("127.0.0.1")]=1}, "by hand", 60%s)\n'
# Since 2.0 they are made as by RCodeAction: RA follows RD, and records of the query are gone.
NEWER = ("since 2.0 these are made as by RCodeAction: RA follows RD", r" (NXDOMAIN|REFUSED) QR( RD RA)?$",
         "-^(answer|authority|additional)")


def block(name, action, **more):
    return Case("dyn_block_" + name, PROBE + ADD % action + 'addAction(QNameRule("ruled.example"), RCodeAction(4))\n',
                ASK + [Q("ruled.example", timeout_s=0.5), Q("b.example", source="127.0.0.9")], **more)


def rule(name, lines, questions, command="showDynBlocks()", **more):
    return Case("dyn_block_rule_" + name, PROBE + "g = dynBlockRulesGroup()\n" + lines, questions,
                console=["g:apply()", command], **more)


def evaluated(name, lines):
    return Case("dyn_block_text_" + name, PROBE + "g = dynBlockRulesGroup()\n" + lines, console=["g:toString()"])


MANY = [Q("a.example", times=12)]
WRONG = [Q("rcode3.c.example", times=12), Q("b.example", times=4)]

CASES = [
    block("drop", ", DNSAction.Drop"),
    block("standard", ""),
    block("nxdomain", ", DNSAction.Nxdomain", differs={i: NEWER for i in range(5)}),
    block("refused", ", DNSAction.Refused", differs={i: NEWER for i in range(5)}),
    block("truncate", ", DNSAction.Truncate"),
    block("no_recurse", ", DNSAction.NoRecurse"),
    block("noop", ", DNSAction.NoOp"),
    Case("dyn_block_of_names", PROBE + 'addDynBlockSMT({"A.example", "b.example."}, "names", 60, DNSAction.Drop)\n',
         [Q("a.example", timeout_s=0.5), Q("x.A.example", timeout_s=0.5), Q("b.example", tcp=True, timeout_s=0.5),
          Q("c.example")], console=["clearDynBlocks()", "showDynBlocks()"]),
    Case("dyn_block_standard_action", 'setDynBlocksAction(DNSAction.Truncate)\n' + PROBE + ADD % "", ASK),
    Case("dyn_block_table", PROBE + ADD.replace("127.0.0.1", "192.0.2.1") % ", DNSAction.Truncate" +
         ADD.replace("127.0.0.1", "2001:db8::5") % ", DNSAction.NoRecurse" +
         'addDynBlockSMT({"Foo.example"}, "smt", 60, DNSAction.NoOp)\n', console=["showDynBlocks()"]),
    Case("dyn_block_again", PROBE + ADD.replace("127.0.0.1", "192.0.2.1") % ", DNSAction.Truncate" +
         'addDynBlocks({[newCA("192.0.2.1")]=1}, "shorter", 10, DNSAction.Drop)\n'
         'addDynBlocks({[newCA("192.0.2.1")]=1}, "longer", 90, DNSAction.Drop)\n', console=["showDynBlocks()"]),
    rule("query_rate", 'g:setQueryRate(1, 10, "rate", 60, DNSAction.Refused)\n', MANY),
    rule("query_rate_not_exceeded", 'g:setQueryRate(2, 10, "rate", 60, DNSAction.Refused)\n', MANY),
    rule("query_rate_warning", 'g:setQueryRate(2, 10, "rate", 60, DNSAction.Refused, 1)\n', MANY),
    rule("excluded", 'g:setQueryRate(1, 10, "rate", 60)\ng:excludeRange("127.0.0.0/8")\n', MANY),
    rule("excluded_but_included", 'g:setQueryRate(1, 10, "rate", 60)\ng:excludeRange({"127.0.0.0/8"})\n'
         'g:includeRange({"127.0.0.1/32"})\n', MANY),
    rule("masks", 'g:setQueryRate(1, 10, "rate", 60)\ng:setMasks(24, 48, 0)\n', MANY),
    rule("rcode_rate", 'g:setRCodeRate(DNSRCode.NXDOMAIN, 1, 10, "nx", 60)\n', WRONG),
    rule("rcode_rate_of_another", 'g:setRCodeRate(DNSRCode.SERVFAIL, 1, 10, "sf", 60)\n', WRONG),
    rule("rcode_ratio", 'g:setRCodeRatio(DNSRCode.NXDOMAIN, 0.7, 10, "nx", 60, 10)\n', WRONG),
    rule("rcode_ratio_not_exceeded", 'g:setRCodeRatio(DNSRCode.NXDOMAIN, 0.75, 10, "nx", 60, 10)\n', WRONG),
    rule("rcode_ratio_below_minimum", 'g:setRCodeRatio(DNSRCode.NXDOMAIN, 0.5, 10, "nx", 60, 20)\n', WRONG),
    rule("type_rate", 'g:setQTypeRate(DNSQType.TXT, 1, 10, "txt", 60)\n', [Q("a.example", "TXT", times=12)]),
    rule("type_rate_of_another", 'g:setQTypeRate(DNSQType.MX, 1, 10, "mx", 60)\n', [Q("a.example", "TXT", times=12)]),
    rule("byte_rate", 'g:setResponseByteRate(20, 10, "bytes", 60)\n', MANY),
    rule("suffix", 'g:setSuffixMatchRule(10, "smt", 60, DNSAction.Drop, function(node, self, sum) '
         'return node.fullname == "c.example." and self.queries == 0 and sum.nxdomains == 12 and sum.queries == 12 end)\n', WRONG),
    rule("suffix_excluded", 'g:setSuffixMatchRule(10, "smt", 60, DNSAction.Drop, function(node) return node.labelsCount == 2 end)\n'
         'g:excludeDomains("c.example")\n', WRONG),
    rule("suffix_reason", 'g:setSuffixMatchRule(10, "smt", 60, DNSAction.Drop, function(node, self, sum) '
         'if node:numChildren() == 2 then return true, "it has two" end return false end)\n', WRONG),
    Case("dyn_block_suffix_visit", PROBE + 'seen = {}\ng = dynBlockRulesGroup()\n'
         'g:setSuffixMatchRule(10, "smt", 60, DNSAction.Drop, function(node, self, sum)\n'
         '  table.insert(seen, node.fullname.."|"..node.labelsCount.."|"..node:numChildren().."|"..self.queries.."|"..\n'
         '    self.noerrors.."|"..self.nxdomains.."|"..self.servfails.."|"..self.drops.."|"..sum.queries.."|"..sum.nxdomains)\n'
         '  return false end)\nfunction sorted() table.sort(seen) return table.concat(seen, " ") end\n',
         [Q("www.Example.org", times=2), Q("rcode3.www.example.org"), Q("rcode2.example.org", tcp=True), Q("example.org")],
         console=["g:apply()", "sorted()"]),
    evaluated("empty", ""),
    evaluated("full", 'g:setQueryRate(30, 10, "q", 60)\n'
              'g:setRCodeRate(DNSRCode.NXDOMAIN, 20, 10, "nx", 60, DNSAction.Nxdomain, 10)\n'
              'g:setRCodeRatio(DNSRCode.SERVFAIL, 0.2, 0, "ratio", 60, 10, DNSAction.Refused, 0.1)\n'
              'g:setQTypeRate(DNSQType.ANY, 5, 10, "any", 60)\n'
              'g:setResponseByteRate(10000, 10, "bytes", 60, DNSAction.Truncate)\n'
              'g:setSuffixMatchRule(10, "smt", 30, DNSAction.Drop, function() return false end)\n'
              'g:excludeRange({"10.0.0.0/8", "2001:db8::/32"})\n'
              'g:excludeDomains({"example.com", "x.net"})\n'),
    Case("dyn_block_exceed", PROBE + 'function list(t) local all = {} for k, v in pairs(t) do table.insert(all, k:toString().."="..v) end '
         'table.sort(all) return table.concat(all, " ") end\n',
         WRONG + [Q("t.example", "TXT", times=3)],
         console=["list(exceedQRate(1, 10))", "list(exceedQRate(2, 10))", "list(exceedNXDOMAINs(1, 10))",
                  "list(exceedServFails(0, 10))", "list(exceedQTypeRate(DNSQType.TXT, 0.1, 10))"]),
]
