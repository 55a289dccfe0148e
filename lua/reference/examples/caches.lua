-- @ newPacketCache
local cache = newPacketCache(200000, {minTTL=1, maxTTL=86400, staleTTL=60, temporaryFailureTTL=5,
  maxNegativeTTL=300, numberOfShards=32})
getPool(''):setCache(cache)

-- @ setCacheSnapshot
-- What is cached outlives a restart.
getPool(''):setCache(newPacketCache(10000))
setCacheSnapshot('/etc/breakwater/cache.snapshot', {interval=600})

-- @ addFlushSource
-- A line of the file is a flush: NAME [TYPE] [suffix] [hard].
getPool(''):setCache(newPacketCache(10000))
addFlushSource({file='/etc/breakwater/flush.txt', interval=1})

-- @ PacketCache (console)
local cache = newPacketCache(1000)
getPool(''):setCache(cache)
print(cache:toString(), cache:getEntriesCount(), cache:isFull())
cache:printStats()
print(cache:getStats().hits)
-- Entries are due for refresh at once; and back again.
local id = cache:flush('example.org', {suffix=true})
print(cache:flushStatus(id).undone, cache:undoFlush(id))
-- Or they are gone.
cache:expungeByName('www.example.org', DNSQType.A)
cache:purgeExpired(0)
cache:expunge(0)
print(#cache:getDomainListByAddress(newCA('192.0.2.80')))
print(#cache:getAddressListByDomain(newDNSName('www.example.org')))
cache:dump('/etc/breakwater/cache.dump')
