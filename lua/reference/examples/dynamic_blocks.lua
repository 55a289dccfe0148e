-- @ dynBlockRulesGroup, DynBlockRulesGroup
-- Who asks too much, or gets errors too often, is blocked for a minute; maintenance() looks at the rings once a second.
local group = dynBlockRulesGroup()
group:setQueryRate(300, 10, 'too many queries', 60, DNSAction.Truncate, 200)
group:setRCodeRate(DNSRCode.NXDOMAIN, 50, 10, 'too many NXDOMAIN', 60)
group:setRCodeRatio(DNSRCode.SERVFAIL, 0.5, 10, 'mostly SERVFAIL', 60, 100)
group:setAllowedRCodesRatio({DNSRCode.NOERROR, DNSRCode.NXDOMAIN}, 0.5, 10, 'odd answers', 60, 100)
group:setCacheMissRatio(0.9, 10, 'asks for what is not cached', 60, 100, 0.5)
group:setQTypeRate(DNSQType.ANY, 5, 10, 'too many ANY', 60, DNSAction.Refused)
group:setResponseByteRate(100000, 10, 'too many bytes', 60)
-- By network: 24 bits of IPv4, 48 of IPv6.
group:setMasks(24, 48, 0)
group:excludeRange({'127.0.0.0/8', '10.0.0.0/8'})
group:includeRange('10.99.0.0/16')
group:removeRange('10.99.0.0/16')
group:setQuiet(true)
group:setNewBlockInsertedHook(function(kind, key, reason, action, seconds, warning)
  vinfolog(kind .. ' ' .. key .. ': ' .. reason .. ', ' .. action .. ' for ' .. seconds .. ' s, ' .. tostring(warning))
end)
print(group:toString())
function maintenance() group:apply() end

-- @ DynBlockRulesGroup, StatNode, StatNodeStats
-- Names below which nearly all is NXDOMAIN.
local group = dynBlockRulesGroup()
group:setSuffixMatchRule(10, 'random names', 60, DNSAction.Nxdomain, function(node, own, all)
  if node.labelsCount < 2 or node:numChildren() < 100 then return false end
  vinfolog(node.fullname .. ': ' .. own.queries .. ' queries, ' .. all.queries .. ' with those below, ' .. all.bytes ..
           ' bytes, ' .. all.hits .. ' hits, ' .. all.drops .. ' without an answer')
  local answered = all.noerrors + all.servfails + all.nxdomains
  if all.nxdomains > 0.9 * answered then return true, 'random names', DNSAction.Refused end
  return false
end)
group:excludeDomains({'example.org'})
function maintenance() group:apply() end

-- @ DynBlockRulesGroup
-- The same with functions of ffi.C.
local C = require('ffi').C
local group = dynBlockRulesGroup()
group:setSuffixMatchRuleFFI(10, 'random names', 60, DNSAction.Drop, function(node)
  return C.dnsdist_ffi_stat_node_get_children_nxdomains_count(node) > 1000
end)
function maintenance() group:apply() end

-- @ exceedQRate, exceedQTypeRate, exceedNXDOMAINs, exceedServFails, exceedRespByterate, addDynBlocks, DynBlock
-- As older configurations do it.
function maintenance()
  addDynBlocks(exceedQRate(300, 10), 'too many queries', 60)
  addDynBlocks(exceedQTypeRate(DNSQType.ANY, 5, 10), 'too many ANY', 60, DNSAction.Refused)
  addDynBlocks(exceedNXDOMAINs(50, 10), 'too many NXDOMAIN', 60)
  addDynBlocks(exceedServFails(50, 10), 'too many SERVFAIL', 60)
  addDynBlocks(exceedRespByterate(100000, 10), 'too many bytes', 60, DNSAction.Truncate)
end

-- @ addDynamicBlock, addDynBlockSMT, getDynamicBlocks, getDynamicBlocksSMT, DynBlock
addDynamicBlock('192.0.2.77', 'abuse', DNSAction.Refused, 3600, 24)
addDynamicBlock(newCA('198.51.100.1'), 'told apart by a rule', DNSAction.SetTag, 60, 32, 0, {tagName='seen', tagValue='1'})
addDynBlockSMT({'bad.example', 'worse.example'}, 'malware', 3600, DNSAction.Nxdomain)
for network, block in pairs(getDynamicBlocks()) do
  print(network, block.reason, block.action, block.blocks, block['until'].tv_sec, block.warning, block.bpf)
end
for name, block in pairs(getDynamicBlocksSMT()) do print(name, block.domain:toString(), block.reason) end

-- @ setDynBlocksAction, setDynBlocksPurgeInterval
-- What blocks do that do not say it, and how often the old ones are taken out.
setDynBlocksAction(DNSAction.Refused)
setDynBlocksPurgeInterval(30)

-- @ showDynBlocks, clearDynBlocks (console)
showDynBlocks()
clearDynBlocks()
