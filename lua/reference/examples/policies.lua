-- @ LuaAction
-- The function is given the query, and says what becomes of it; a second value goes with it.
addAction(QNameSuffixRule('example.org'), LuaAction(function(dq)
  if dq.qtype == DNSQType.ANY then return DNSAction.Refused end
  return DNSAction.Pool, 'examples'
end))

-- @ LuaResponseAction
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  if dr.rcode == DNSRCode.SERVFAIL then return DNSResponseAction.Drop end
  return DNSResponseAction.None
end))

-- @ LuaRule
-- Names of more than five labels.
addAction(LuaRule(function(dq) return dq.qname:countLabels() > 5 end), PoolAction('deep'))

-- @ newServerPolicy, setServerPolicy, ServerPolicy
local first = newServerPolicy('first', function(servers, dq) return 1 end)
setServerPolicy(first)
print(first.name, first.isLua, leastOutstanding.name)

-- @ setServerPolicyLua
-- The place of a server in the table.
newServer('192.0.2.53')
newServer('192.0.2.54')
setServerPolicyLua('byLength', function(servers, dq)
  return dq.qname:wirelength() % #servers + 1
end)

-- @ setPoolServerPolicy, setPoolServerPolicyLua
newServer{address='192.0.2.53', pool={'north', 'south'}}
setPoolServerPolicy(roundrobin, 'north')
setPoolServerPolicyLua('last', function(servers, dq) return #servers end, 'south')

-- @ showServerPolicy, showPoolServerPolicy (console)
setPoolServerPolicy(firstAvailable, 'north')
showServerPolicy()
showPoolServerPolicy('north')
