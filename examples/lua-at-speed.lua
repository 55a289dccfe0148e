-- Lua on every query, as fast as it can be here. Functions of LuaAction() and its relatives share one
-- interpreter, so workers take turns. Code given to the functions with "PerThread" in their name runs in
-- an interpreter of each worker: nothing is shared, nobody waits, and two workers do twice as much. The
-- table ffi.C looks at a query without making objects for it.
setStrictConfig(true)

setLocal("127.0.0.1:5300")
newServer{address="127.0.0.1:5301", name="ns1"}
newServer{address="127.0.0.1:5302", name="ns2"}

-- A call may take this many milliseconds and instructions. What takes more is stopped and counted in
-- lua-stopped, and the next rule decides.
setLuaBudget{time=50, instructions=100000, onExceed="continue"}

-- Refuses names with more than ten labels, and marks clients that ask for TXT.
addAction(LuaFFIPerThreadRule([[
  local C = require("ffi").C
  return function(dq)
    local name, at, labels = C.dnsdist_ffi_dnsquestion_get_qname_raw(dq), 1, 0
    while name:byte(at) ~= 0 do
      labels, at = labels + 1, at + name:byte(at) + 1
    end
    return labels > 10
  end
]]), RCodeAction(DNSRCode.REFUSED))

addAction(AllRule(), LuaFFIPerThreadAction([[
  local C = require("ffi").C
  return function(dq)
    if C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.TXT then
      C.dnsdist_ffi_dnsquestion_set_tag(dq, "kind", "text")
    end
    return DNSAction.None
  end
]]))

-- Answers to those live a minute at most.
addResponseAction(TagRule("kind", "text"), LuaFFIPerThreadResponseAction([[
  local C = require("ffi").C
  return function(dr)
    C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 60)
    return DNSResponseAction.None
  end
]]))

-- A name always goes to the same server, as long as that is up.
setServerPolicyLuaFFIPerThread("by name", [[
  local C = require("ffi").C
  return function(servers, dq)
    local hash = C.dnsdist_ffi_dnsquestion_get_qname_hash(dq, 1)
    return C.dnsdist_ffi_servers_list_whashed(servers, dq, hash)
  end
]])
