-- @ declareMetric, incMetric, decMetric, setMetric, getMetric
-- Metrics of one's own, in dumpStats(), on the web server and in Carbon.
declareMetric('odd-queries', 'counter', 'Queries for odd types')
declareMetric('level', 'gauge', 'A level', 'breakwater_level')
declareMetric('by-country', 'counter', 'Queries by country', {customName='queries_by_country_total', withLabels=true})
addAction(AllRule(), LuaAction(function(dq)
  if dq.qtype == DNSQType.HINFO then incMetric('odd-queries') end
  incMetric('by-country', {labels={country='NL'}, step=1})
  return DNSAction.None
end))
incMetric('odd-queries', 2)
decMetric('odd-queries')
setMetric('level', 0.5)
assert(getMetric('odd-queries') == 1 and getMetric('level') == 0.5)

-- @ carbonServer
carbonServer('192.0.2.100', 'front-1', 60, 'dns', 'main')
