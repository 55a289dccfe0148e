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
print(first.name, first.isLua, first.isFFI, leastOutstanding.name, first:toString())
-- A policy may leave what is not its business to another.
setServerPolicyLua('split', function(servers, dq)
  if dq.qtype == DNSQType.ANY then return servers[1] end
  return leastOutstanding.policy(servers, dq)
end)

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

-- @ LuaFFIRule, LuaFFIAction
-- The table ffi.C looks at the query without making objects: more in ffi.md.
local C = require('ffi').C
addAction(LuaFFIRule(function(dq)
  return C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.ANY
end), LuaFFIAction(function(dq)
  C.dnsdist_ffi_dnsquestion_set_result(dq, 'any')
  return DNSAction.Pool
end))

-- @ LuaFFIResponseAction
local C = require('ffi').C
addResponseAction(AllRule(), LuaFFIResponseAction(function(dr)
  C.dnsdist_ffi_dnsresponse_limit_ttl(dr, 10, 3600)
  return DNSResponseAction.None
end))

-- @ LuaFFIPerThreadAction, LuaFFIPerThreadRule
-- Each worker has this code by itself: nothing is shared with the file or with other workers.
addAction(LuaFFIPerThreadRule([[
  local C = require('ffi').C
  return function(dq) return C.dnsdist_ffi_dnsquestion_get_tcp(dq) end
]]), LuaFFIPerThreadAction([[
  local C = require('ffi').C
  local seen = 0
  return function(dq)
    seen = seen + 1
    C.dnsdist_ffi_dnsquestion_set_tag(dq, 'number', tostring(seen))
    return DNSAction.None
  end
]]))

-- @ LuaFFIPerThreadResponseAction
addResponseAction(AllRule(), LuaFFIPerThreadResponseAction([[
  local C = require('ffi').C
  return function(dr)
    C.dnsdist_ffi_dnsresponse_set_max_returned_ttl(dr, 60)
    return DNSResponseAction.None
  end
]]))

-- @ setServerPolicyLuaFFI, setPoolServerPolicyLuaFFI
-- The place of a server, from 0 on.
local C = require('ffi').C
local function least(servers, dq)
  local best, fewest = 0, math.huge
  for i = 0, C.dnsdist_ffi_servers_list_get_count(servers) - 1 do
    local server = C.dnsdist_ffi_servers_list_get_server(servers, i)
    local waiting = C.dnsdist_ffi_server_get_outstanding(server)
    if C.dnsdist_ffi_server_is_up(server) and waiting < fewest then best, fewest = i, waiting end
  end
  return best
end
newServer{address='192.0.2.53', pool='north'}
setServerPolicyLuaFFI('least', least)
setPoolServerPolicyLuaFFI('least', least, 'north')

-- @ setServerPolicyLuaFFIPerThread, setPoolServerPolicyLuaFFIPerThread
local code = [[
  local C = require('ffi').C
  return function(servers, dq)
    local hash = C.dnsdist_ffi_dnsquestion_get_qname_hash(dq, 1)
    return C.dnsdist_ffi_servers_list_whashed(servers, dq, hash)
  end
]]
newServer{address='192.0.2.53', pool='south'}
setServerPolicyLuaFFIPerThread('by name', code)
setPoolServerPolicyLuaFFIPerThread('by name', code, 'south')
