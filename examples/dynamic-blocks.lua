-- Rate limits by dynamic blocks: once a second the last queries and answers are looked at, and clients
-- that ask too much, or names under attack, are blocked for a while. showDynBlocks() lists them,
-- clearDynBlocks() lets all go.
setStrictConfig(true)

setLocal("127.0.0.1:5300")
newServer("127.0.0.1:5301")
getPool(""):setCache(newPacketCache(100000))

-- What is counted. At 50,000 queries a second this is the last four seconds; sampling looks further back.
setRingBuffersSize(200000, 10)
setDynBlocksAction(DNSAction.Drop)

local limits = dynBlockRulesGroup()
-- Home networks of IPv6 count as one client.
limits:setMasks(32, 56, 0)
-- Above 200 queries a second, over five seconds: to TCP, for a spoofed source cannot follow. A line in the log
-- already above 100.
limits:setQueryRate(200, 5, "too many queries", 30, DNSAction.Truncate, 100)
limits:setQTypeRate(DNSQType.ANY, 5, 10, "too many ANY", 60)
limits:setRCodeRate(DNSRCode.NXDOMAIN, 50, 10, "too many NXDOMAIN", 30, DNSAction.Refused)
-- Of at least 100 answers nine in ten are SERVFAIL.
limits:setRCodeRatio(DNSRCode.SERVFAIL, 0.9, 10, "SERVFAIL only", 30, 100, DNSAction.Refused)
limits:setResponseByteRate(1000000, 5, "too many octets", 30, DNSAction.Truncate)
-- Our own resolvers and monitoring are never counted.
limits:excludeRange({"192.0.2.0/28", "2001:db8::/48"})

-- Random names below one domain: nearly all of at least 200 answers say NXDOMAIN. Answered here, so that the
-- nameservers are left in peace.
limits:setSuffixMatchRule(10, "random names", 30, DNSAction.Nxdomain, function(node, own, all)
  return node.labelsCount >= 2 and all.queries >= 200 and all.nxdomains > 0.95 * all.queries
end)
limits:excludeDomains({"example.org."})

limits:setNewBlockInsertedHook(function(kind, key, reason, action, seconds, warning)
  if not warning then infolog((kind == 0 and "client " or "name ")..key.." is blocked: "..reason) end
end)

function maintenance()
  limits:apply()
end
