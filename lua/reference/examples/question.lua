-- @ DNSQuestion, DNSHeader
-- What a query says of itself.
addAction(AllRule(), LuaAction(function(dq)
  vinfolog(dq.qname:toString() .. ' ' .. dq.qtype .. ' ' .. dq.qclass .. ' ' .. dq.opcode)
  vinfolog(dq.remoteaddr:toString() .. ' asked ' .. dq.localaddr:toStringWithPort() ..
           ' by ' .. dq:getProtocol() .. (dq.tcp and ', a stream' or ''))
  vinfolog(dq.len .. ' bytes of ' .. dq.size .. ', after ' .. dq:getElapsedUs() .. ' us')
  local header = dq:getHeader()
  if header:getRD() and not header:getCD() and not header:getAD() then dq:setTag('plain', 'yes') end
  return DNSAction.None
end))

-- @ DNSQuestion, DNSHeader
-- The header: dh changes the message at once, a copy does when it is set.
addAction(AllRule(), LuaAction(function(dq)
  dq.dh:setRD(false)
  local header = dq:getHeader()
  header:setCD(true)
  header:setAD(true)
  dq:setHeader(header)
  vinfolog(header:getID())
  return DNSAction.None
end))

-- @ DNSQuestion, DNSHeader
-- An answer without a server: the rcode, and the flags of the header.
addAction(QNameRule('none.example.org'), LuaAction(function(dq)
  dq.dh:setQR(true)
  dq.dh:setAA(true)
  dq.dh:setRA(false)
  dq.rcode = DNSRCode.NXDOMAIN
  return DNSAction.HeaderModify
end))
-- Or with records: addresses, or contents as they stand in a message.
addAction(QNameRule('www.example.org'), LuaAction(function(dq)
  dq:spoof({newCA('192.0.2.80'), newCA('2001:db8::80')})
  return DNSAction.HeaderModify
end))

-- @ DNSQuestion
-- Where it goes, whether the cache is asked, and what the server is told of the client.
addAction(AllRule(), LuaAction(function(dq)
  dq.pool = 'north'
  dq.skipCache = true
  dq.tempFailureTTL = 5
  dq.useECS = true
  dq.ecsOverride = true
  dq.ecsPrefixLength = 20
  dq:setProxyProtocolValues({[0xE0]='north'})
  dq:addProxyProtocolValue(0xE1, 'stream')
  for kind, value in pairs(dq:getProxyProtocolValues()) do vinfolog(kind .. '=' .. value) end
  return DNSAction.None
end))

-- @ DNSQuestion
-- Tags go with the query to the rules of its answer.
addAction(AllRule(), LuaAction(function(dq)
  dq:setTag('site', 'north')
  dq:setTagArray({customer='7', plan='small'})
  dq:unsetTag('plan')
  for key, value in pairs(dq:getTagArray()) do vinfolog(key .. '=' .. value) end
  dq.requestorID = dq:getTag('customer')
  dq.deviceID = 'device'
  dq.deviceName = 'name'
  dq:setMetaKey('site', {'north', 7})
  return DNSAction.None
end))

-- @ DNSQuestion, EDNSOptionView
-- EDNS.
addAction(AllRule(), LuaAction(function(dq)
  for code, option in pairs(dq:getEDNSOptions()) do
    vinfolog(code .. ': ' .. option:count() .. ' of ' .. #option:getValues()[1] .. ' bytes')
  end
  if dq:getDO() then vinfolog('signatures are wanted') end
  dq:setEDNSOption(65001, 'breakwater')
  dq:setExtendedDNSError(15, 'blocked by policy')
  return DNSAction.None
end))

-- @ DNSQuestion
-- The bytes, what stands behind the last record, and when and where it came.
addAction(AllRule(), LuaAction(function(dq)
  local packet = dq:getContent()
  dq:setContent(packet)
  dq:setTrailingData('mark')
  vinfolog(dq:getTrailingData() .. ' came at ' .. dq:getQueryTime().tv_sec)
  dq:setTrailingData('')
  vinfolog('over ' .. dq:getIncomingInterface())
  return DNSAction.None
end))

-- @ DNSQuestion, DNSResponse
-- Asks for another name; the client gets the answer under the name that it asked for.
addAction(QNameRule('other.example.org'), LuaAction(function(dq)
  dq:setTag('asked', dq.qname:toString())
  dq:changeName(newDNSName('www.example.org'))
  return DNSAction.None
end))
local back = LuaResponseAction(function(dr)
  dr:changeName(newDNSName(dr:getTag('asked')))
  return DNSResponseAction.None
end)
addResponseAction(TagRule('asked'), back)
addCacheHitResponseAction(TagRule('asked'), back)

-- @ DNSQuestion
-- Requests over HTTPS.
addAction(AllRule(), LuaAction(function(dq)
  if dq:getHTTPPath() == '/about' then
    vinfolog(dq:getHTTPScheme() .. '://' .. dq:getHTTPHost() .. dq:getHTTPPath() ..
             dq:getHTTPQueryString())
    for name, value in pairs(dq:getHTTPHeaders()) do vinfolog(name .. ': ' .. value) end
    dq:setHTTPResponse(200, 'DNS over HTTPS\n', 'text/plain')
    dq.dh:setQR(true)
    return DNSAction.HeaderModify
  end
  return DNSAction.None
end))

-- @ DNSResponse, DNSHeader
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  dr:setMetaKey('size', {dr.len})
  local server = dr:getSelectedBackend()
  vinfolog(dr.qname:toString() .. ' ' .. dr.rcode .. ' of ' .. (server and server.name or 'nobody'))
  vinfolog('stale: ' .. tostring(dr:getStaleCacheHit()) .. ', tag ' .. dr:getTag('site'))
  if dr.dh:getAA() and not dr.dh:getTC() then dr.dh:setRA(false) end
  vinfolog(tostring(dr.dh:getRA()) .. ' ' .. dr.len .. ' ' .. dr:getElapsedUs())
  -- A for a minute at most, all else as it is.
  dr:editTTLs(function(section, class, kind, ttl)
    if kind == DNSQType.A then return math.min(ttl, 60) end
    return ttl
  end)
  return DNSResponseAction.None
end))

-- @ DNSResponse, DNSQuestion
-- Another pool where the first says SERVFAIL.
addAction(AllRule(), LuaAction(function(dq)
  dq:setRestartable()
  return DNSAction.None
end))
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), LuaResponseAction(function(dr)
  if dr:getRestartCount() == 0 then
    dr.pool = 'second'
    dr:restart()
  end
  return DNSResponseAction.None
end))

-- @ DNSResponse
-- All that a query has, an answer has too.
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  dr:setTagArray({seen='yes'})
  dr:setTag('kind', dr:getProtocol())
  dr:unsetTag('seen')
  dr:setEDNSOption(65001, 'breakwater')
  dr:setExtendedDNSError(0, 'only a remark')
  dr:setHeader(dr:getHeader())
  dr:setContent(dr:getContent())
  dr:setTrailingData('')
  dr.skipCache = true
  for code in pairs(dr:getEDNSOptions()) do vinfolog('option ' .. code) end
  for key, value in pairs(dr:getTagArray()) do vinfolog(key .. '=' .. value) end
  vinfolog(tostring(dr:getDO()) .. dr:getTrailingData() .. dr:getIncomingInterface())
  vinfolog(dr.remoteaddr:toString() .. dr.localaddr:toString() .. tostring(dr.tcp))
  vinfolog(dr.qtype .. dr.qclass .. dr.opcode .. dr.size .. dr.pool .. dr:getQueryTime().tv_sec)
  return DNSResponseAction.None
end))

-- @ DNSResponse
-- What goes with the query: for one that is restarted.
addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), LuaResponseAction(function(dr)
  dr.tempFailureTTL = 5
  dr.useECS, dr.ecsOverride, dr.ecsPrefixLength = false, false, 24
  dr.requestorID, dr.deviceID, dr.deviceName = 'requestor', 'device', 'name'
  return DNSResponseAction.None
end))

-- @ DNSHeader
addAction(AllRule(), LuaAction(function(dq)
  if dq.dh:getTC() then
    dq.dh:setTC(false)
  end
  return DNSAction.None
end))

-- @ DNSQuestion
addAction('gone.example.org', LuaAction(function(dq)
  dq:setNegativeAndAdditionalSOA(true, 'example.org', 60, 'ns.example.org', 'hostmaster.example.org',
                                 1, 7200, 3600, 1209600, 60)
  return DNSAction.None
end))

-- @ DNSResponse
-- How the query of this answer came.
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  vinfolog(dr:getServerNameIndication() .. ' ' .. dr:getHTTPScheme() .. dr:getHTTPHost() .. dr:getHTTPPath() ..
           dr:getHTTPQueryString())
  for name, value in pairs(dr:getHTTPHeaders()) do vinfolog(name .. ': ' .. value) end
  for type, value in pairs(dr:getProxyProtocolValues()) do vinfolog(type .. ': ' .. value) end
  return DNSResponseAction.None
end))

-- @ DNSQuestion
addAction(SNIRule('dns.example.org'), LuaAction(function(dq)
  vinfolog(dq:getServerNameIndication())
  return DNSAction.None
end))

-- @ DNSQuestion, DNSResponse
-- Held back until a script takes it under these numbers, for 200 ms at most.
addAction(QNameSuffixRule('slow.example.org'), LuaAction(function(dq)
  if not dq:suspend(1, dq:getHeader():getID(), 200) then return DNSAction.Refused end
  return DNSAction.None
end))
addResponseAction(QNameSuffixRule('looked-at.example.org'), LuaResponseAction(function(dr)
  dr:suspend(2, dr:getHeader():getID(), 200)
  return DNSResponseAction.None
end))

-- @ DNSQuestion, DNSResponse
-- Files that send traps and tell traces go on working: no trap is sent, and nothing is traced.
addAction(QNameRule('trap.example.org'), LuaAction(function(dq)
  dq:sendTrap('asked for')
  if dq:getTraceID() then vinfolog(dq:getTraceID() .. ' ' .. dq:getSpanID()) end
  return DNSAction.None
end))
addResponseAction(QNameRule('trap.example.org'), LuaResponseAction(function(dr)
  dr:sendTrap('answered')
  if dr:getTraceID() then vinfolog(dr:getTraceID() .. ' ' .. dr:getSpanID()) end
  return DNSResponseAction.None
end))
