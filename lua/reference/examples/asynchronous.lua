-- @ getAsynchronousObject, AsynchronousObject, newThread, submitToMainThread
-- Queries wait for the verdict of another program, which writes lines like "17 refuse" into a FIFO;
-- after 300 ms they go on without one.
local asked = 0
addAction(QNameSuffixRule('example.org'), LuaAction(function(dq)
  asked = (asked + 1) % 65536
  dq:suspend(1, asked, 300)
  return DNSAction.None
end))
newThread([[
  for line in io.lines('/run/verdicts') do
    local number, verdict = line:match('(%d+) (%a+)')
    submitToMainThread(verdict, {number=number})
  end
]])
function threadmessage(cmd, data)
  local held = getAsynchronousObject(1, tonumber(data.number))
  if cmd == 'drop' then return held:drop() end
  if cmd == 'refuse' then
    held:setRCode(DNSRCode.REFUSED, true)
  else
    held:getDQ():setTag('verdict', cmd)
  end
  held:resume()
end

-- @ getAsynchronousObject, AsynchronousObject
-- Answers of that size are looked at by maintenance(), a second later at most.
local answers = 0
addResponseAction(PayloadSizeRule('greater', 4000), LuaResponseAction(function(dr)
  answers = answers + 1
  if not dr:suspend(2, answers, 2000) then answers = answers - 1 end
  return DNSResponseAction.None
end))
function maintenance()
  for number = 1, answers do
    local there, held = pcall(getAsynchronousObject, 2, number)
    if there then
      infolog(held:getDR().qname:toString() .. ' has a large answer')
      held:resume()
    end
  end
  answers = 0
end

-- @ newThread, refreshRuntimeConfiguration
-- A thread for what takes long: here nothing is heard of it but a line in the log.
newThread([[
  while true do
    refreshRuntimeConfiguration()
    infolog('load: ' .. io.open('/proc/loadavg'):read('l'))
    os.execute('sleep 60')
  end
]])

-- @ getAddressInfo
-- A server by its name.
getAddressInfo('ns1.example.org', function(name, addresses)
  for _, address in ipairs(addresses) do
    newServer{address=address:toString(), name=name}
  end
end)

-- @ newNetworkEndpoint, NetworkEndpoint, newNetworkListener, NetworkListener
-- A program is told of each query, without waiting for it, and tells which clients to block.
local program = newNetworkEndpoint('/run/watcher')
addAction(AllRule(), LuaAction(function(dq)
  if program and program:isValid() then
    program:send(dq.remoteaddr:toString() .. ' ' .. dq.qname:toString())
  end
  return DNSAction.None
end))
local listener = newNetworkListener()
listener:addUnixListeningEndpoint('/run/breakwater/block', 1, function(id, data, from)
  addDynBlocks({[newCA(data)]=0}, 'the watcher says so', 60)
end)
listener:start()
