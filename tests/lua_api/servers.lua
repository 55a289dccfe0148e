-- Servers and pools as a configuration sees them.
local first = newServer{address="192.0.2.1", name="first", order=2, pool={"", "extra"}}
local second = newServer("192.0.2.2:5300")

assert(getServer(0) == second, "servers are sorted by order")
assert(getServer(1) == first)
assert(getServer(first:getID()) == first)
assert(getServer(7) == nil)
assert(first:getName() == "first")
assert(second:getName() == "192.0.2.2:5300")
assert(first.order == 2 and first.weight == 1)
assert(#getServers() == 2)
assert(#getPoolServers("extra") == 1 and getPoolServers("extra")[1] == first)

first:rmPool("extra")
assert(#getPoolServers("extra") == 0)
second:addPool("extra")
assert(getPoolServers("extra")[1] == second)

first:setDown()
assert(not first:isUp())
first:setUp()
assert(first:isUp() and first.upStatus)

second.order = 9
assert(getServer(0) == first)

assert(not pcall(rmServer, 5))
rmServer(second)
assert(#getServers() == 1)
assert(newServer{address="192.0.2.3", weight=0} == nil)

local cache = newPacketCache(100, {maxTTL=60})
getPool("extra"):setCache(cache)
assert(getPool("extra"):getCache() == cache)
getPool("extra"):unsetCache()
assert(getPool("extra"):getCache() == nil)
assert(cache:getStats().maxEntries == 100)
local id = cache:flush("example.com", {suffix=true, type=DNSQType.A})
assert(cache:flushStatus(id).matched == 0 and not cache:flushStatus(id).undone)
assert(cache:undoFlush(id))
assert(cache:flushStatus(id).undone and cache:flushStatus(id + 1) == nil)
