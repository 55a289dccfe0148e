"""Pools, servers and policies: which probe answers."""

from case import PROBE, THREE, Case
from outcome import Q

NAMES = [Q(f"n{n}.example", "TXT") for n in range(12)]
SAME = [Q("a.example", "TXT", times=6), Q("a.example", "TXT", tcp=True, times=3)]


def policy(name, lines, questions=None, **more):
    return Case(name, THREE + lines, SAME + NAMES if questions is None else questions, **more)


CASES = [
    policy("policy_first_available", "setServerPolicy(firstAvailable)\n"),
    policy("policy_first_available_by_order", "setServerPolicy(firstAvailable)\ngetServer(0).order = 9\n",
           differs={index: ("an order given later counts; 1.7.3 sorts only when a server is added", 'TXT "two"')
                    for index in range(len(SAME) + len(NAMES))}),
    policy("policy_first_available_one_down", "setServerPolicy(firstAvailable)\ngetServer(0):setDown()\n"),
    policy("policy_first_available_all_down", "setServerPolicy(firstAvailable)\nfor i = 0, 2 do getServer(i):setDown() end\n",
           [Q("a.example", timeout_s=0.4)]),
    policy("policy_servfail_without_server", "setServFailWhenNoServer(true)\nfor i = 0, 2 do getServer(i):setDown() end\n",
           [Q("a.example"), Q("a.example", edns=0), Q("a.example", tcp=True), Q("a.example", rd=False, cd=True)],
           differs={index: ("since 2.0 made as by RCodeAction: RA follows RD", "SERVFAIL QR RD RA") for index in range(3)}),
    policy("policy_least_outstanding_by_order", "setServerPolicy(leastOutstanding)\n", SAME),
    policy("policy_round_robin", "setServerPolicy(roundrobin)\n", [Q("a.example", times=12)], tally=True),
    policy("policy_round_robin_one_down", "setServerPolicy(roundrobin)\ngetServer(1):setDown()\n",
           [Q("a.example", times=12)], tally=True),
    policy("policy_weighted_by_one", "setServerPolicy(wrandom)\ngetServer(0):setDown()\ngetServer(2):setDown()\n",
           [Q("a.example", times=8)], tally=True),
    policy("policy_hashed_keeps_a_name", "setServerPolicy(whashed)\ngetServer(0):setDown()\ngetServer(2):setDown()\n"),
    policy("policy_consistent_keeps_a_name", "setServerPolicy(chashed)\ngetServer(1):setDown()\ngetServer(0):setDown()\n"),
    # 2.1 wants the index into the table of servers where 1.7 wants the server.
    policy("policy_lua", "setServerPolicyLua('last', function(servers, dq) return servers[#servers] end)\n",
           newer=THREE + "setServerPolicyLua('last', function(servers, dq) return #servers end)\n"),
    policy("policy_lua_by_question", "setServerPolicyLua('odd', function(servers, dq) "
           "if dq.qtype == DNSQType.TXT then return servers[2] end return servers[3] end)\n",
           newer=THREE + "setServerPolicyLua('odd', function(servers, dq) "
           "if dq.qtype == DNSQType.TXT then return 2 end return 3 end)\n"),
    policy("policy_lua_of_a_pool", "setPoolServerPolicyLua('third', function(servers, dq) return servers[3] end, '')\n",
           newer=THREE + "setPoolServerPolicyLua('third', function(servers, dq) return 3 end, '')\n"),
    policy("policy_of_a_pool", "setPoolServerPolicy(firstAvailable, '')\n"),
    policy("policy_lua_sees_the_question", "setServerPolicyLua('q', function(servers, dq) "
           "return servers[1 + dq.qname:countLabels() % 3] end)\n",
           [Q("example", "TXT"), Q("a.example", "TXT"), Q("b.a.example", "TXT"), Q("c.b.a.example", "TXT")],
           newer=THREE + "setServerPolicyLua('q', function(servers, dq) return 1 + dq.qname:countLabels() % 3 end)\n"),
    Case("pool_by_rule", PROBE + 'newServer{address="127.0.0.1:{two}", pool="p"}\n'
         'newServer{address="127.0.0.1:{three}", pool={"p3", "p4"}}\naddAction(QTypeRule("TXT"), PoolAction("p"))\n'
         'addAction(QTypeRule("A"), PoolAction("p4"))\n', [Q("a.example", t) for t in ("TXT", "A", "AAAA")]),
    Case("pool_moved_server", PROBE + 'newServer{address="127.0.0.1:{two}", name="x"}\ngetServer(1):addPool("p")\n'
         'getServer(1):rmPool("")\naddAction(TCPRule(true), PoolAction("p"))\n', SAME),
    Case("pool_lua_pool_action", PROBE + 'newServer{address="127.0.0.1:{two}", pool="p"}\n'
         'addAction(QNameRule("a.example"), LuaAction(function(dq) return DNSAction.Pool, "p" end))\n', SAME + NAMES[:2]),
    Case("server_removed", PROBE + 'newServer{address="127.0.0.1:{two}", name="two"}\nrmServer(0)\n', SAME),
    Case("server_removed_by_object", PROBE + 's = newServer{address="127.0.0.1:{two}", name="two"}\nrmServer(s)\n', SAME),
    Case("server_by_text", 'newServer("127.0.0.1:{one}")\n', SAME),
    Case("server_up_and_down", PROBE + 'newServer{address="127.0.0.1:1", name="dead"}\ngetServer(1):setDown()\n'
         'getServer(0):setUp()\n', SAME, console=["return tostring(getServer(0):isUp())", "return tostring(getServer(1):isUp())",
                                                  "return getServer(0):getName()", "return getServer(1):getNameWithAddr()"]),
    Case("server_set_auto", 'newServer{address="127.0.0.1:{one}", name="one"}:setDown()\n',
         [Q("a.example", timeout_s=0.3)], console=["getServer(0):setUp()", "return tostring(getServer(0):isUp())"]),
    Case("server_check_name", 'newServer{address="127.0.0.1:{nsd}", checkName="example.org", checkType="SOA", mustResolve=true}\n'
         'newServer{address="127.0.0.1:{nsd}", checkName="elsewhere.test", mustResolve=true}\n',
         [Q()], console=["return tostring(getServer(0):isUp())", "return tostring(getServer(1):isUp())"]),
    Case("server_check_function", 'newServer{address="127.0.0.1:{one}", checkFunction=function(qname, qtype, qclass, dh) '
         'return newDNSName("rcode2.example."), DNSQType.A, DNSClass.IN end}\n'
         'newServer{address="127.0.0.1:{one}", checkFunction=function(qname, qtype, qclass, dh) '
         'dh:setRD(false) return newDNSName("good.example."), DNSQType.A, DNSClass.IN end}\n',
         [Q("a.example")], console=["return tostring(getServer(0):isUp())", "return tostring(getServer(1):isUp())"]),
    Case("server_check_tcp", 'newServer{address="127.0.0.1:{one}", name="one", tcpOnly=true}\n', SAME,
         console=["return tostring(getServer(0):isUp())"]),
    Case("server_source_address", 'newServer{address="127.0.0.1:{one}", source="127.0.0.77"}\n', SAME),
]
