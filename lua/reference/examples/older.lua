-- @ setQueryCount, setQueryCountFilter
-- Counts A queries, by the zone of two labels.
setQueryCount(true)
setQueryCountFilter(function(dq)
  local zone = newDNSName(dq.qname:toString())
  while zone:countLabels() > 2 do zone:chopOff() end
  return dq.qtype == DNSQType.A, zone:toString()
end)

-- @ getQueryCounters, clearQueryCounters (console)
setQueryCount(true)
getQueryCounters(20)
clearQueryCounters()

-- @ truncateTC
truncateTC(true)

-- @ getRespRing, getResponseRing, statNodeRespRing (console)
for _, answer in ipairs(getRespRing(DNSRCode.NXDOMAIN)) do print(answer.qname, answer.rcode) end
for _, answer in ipairs(getResponseRing()) do print(answer.name, answer.qtype, answer.usec) end
statNodeRespRing(function(node, own, sum)
  print(node.fullname, node:numChildren(), own.queries, sum.nxdomains)
end, 60)

-- @ benchRule (console)
benchRule(QNameSuffixRule('example.org'), 1000, 'www.example.org')
