-- @ dumpStats, getStatisticsCounters (console)
dumpStats()
print(getStatisticsCounters()['queries'])

-- @ showServers, showVersion, showResponseLatency, showTCPStats, showWebserverConfig (console)
showVersion()
showServers({showUUIDs=true})
showResponseLatency()
showTCPStats()
showWebserverConfig()

-- @ topQueries, topClients, topBandwidth, topResponses, topSlow, topTimeouts (console)
-- The names asked for most, by their last two labels; who asks; what was answered.
topQueries(20, 2)
topClients(10)
topBandwidth(10)
topResponses(20, DNSRCode.NXDOMAIN)
topSlow(10, 1000)
topTimeouts(10)

-- @ grepq (console)
grepq('example.org')
grepq({'192.0.2.0/24', 'example.org'}, 5)
-- All of them, in a new file.
grepq('example.org', {outputFile='/etc/breakwater/messages.txt'})

-- @ getRingEntries, LuaRingEntry (console)
for _, entry in ipairs(getRingEntries()) do
  print(entry.when.tv_sec, entry.requestor:toString(), entry.qname:toString(), entry.qtype,
        entry.protocol, entry.size, entry.isResponse, entry.usec)
  print(entry.backend, entry.dnsheader:getID(), entry.macAddress)
end

-- @ getCurrentTime
assert(getCurrentTime().tv_sec > 1500000000)

-- @ getResolvers
for _, resolver in ipairs(getResolvers('/etc/resolv.conf')) do newServer(resolver) end

-- @ hashPassword
-- For setWebserverConfig(): the file need not hold the password itself.
print(hashPassword('open sesame'))

-- @ testCrypto
setKey('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')
testCrypto()

-- @ getTopQueries, getTopResponses, getSlowResponses, getTopBandwidth, showSecurityStatus (console)
for place, row in ipairs(getTopQueries(10)) do
  print(place, row[1], row[2])
end
print(#getTopResponses(10, DNSRCode.NXDOMAIN), #getSlowResponses(10, 1000), #getTopBandwidth(10))
showSecurityStatus()
