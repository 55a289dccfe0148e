-- Another program decides what becomes of queries: a reputation service, say. No worker waits for it: the
-- query is held back, the program is told "NUMBER NAME" in a datagram, and answers with "NUMBER VERDICT",
-- where the verdict is "pass", "refuse" or "drop". After 200 ms without an answer the query goes on.
setStrictConfig(true)

setLocal("127.0.0.1:5300")
newServer{address="127.0.0.1:5301", name="ns1"}

-- The program's socket; it has to be there before. Where the program begins anew, we connect again.
local program = newNetworkEndpoint("/run/reputation/questions")
if program == nil then warnlog("there is no reputation service: queries pass") end

local number = 0
addAction(AllRule(), LuaAction(function(dq)
  number = (number + 1) % 65536
  local name = dq.qname:toString()
  -- What the program has no room for is not asked.
  if program and program:send(number .. " " .. name) then
    dq:suspend(1, number, 200)
  end
  return DNSAction.None
end))

local listener = newNetworkListener()
listener:addUnixListeningEndpoint("/run/breakwater/verdicts", 1, function(id, data)
  local of, verdict = data:match("^(%d+) (%a+)$")
  if of == nil then error("this is no verdict: " .. data) end
  -- A verdict that comes too late finds nothing.
  local held, query = pcall(getAsynchronousObject, 1, tonumber(of))
  if not held then return end
  if verdict == "drop" then
    query:drop()
  elseif verdict == "refuse" then
    query:setRCode(DNSRCode.REFUSED, true)
    query:resume()
  else
    query:resume()
  end
end)
listener:start()
