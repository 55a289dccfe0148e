-- @ getPool, getPoolNames, getPoolServers, ServerPool
newServer{address='192.0.2.53', pool='north'}
local pool = getPool('north')
pool:setCache(newPacketCache(10000))
assert(not pool:getCache():isFull())
pool:setECS(true)
pool:setZeroScope(true)
print(pool:getECS(), pool:getZeroScope())
pool:unsetCache()
for _, name in ipairs(getPoolNames()) do print(name, #getPoolServers(name)) end

-- @ showPools (console)
showPools()
