-- @ newServer
newServer('192.0.2.53')
newServer{address='192.0.2.54:5300', name='south', pool={'', 'south'}, order=2, weight=10,
  checkName='example.org', checkInterval=2, maxCheckFailures=3, rise=2}
-- DNS over TLS, the certificate checked.
newServer{address='192.0.2.55:853', tls='openssl', subjectName='ns.example.org'}

-- @ getServer, getServers, rmServer
newServer{address='192.0.2.53', name='north'}
newServer{address='192.0.2.54', name='south'}
for _, server in ipairs(getServers()) do print(server:getNameWithAddr()) end
rmServer(getServer(1))

-- @ Server
local server = newServer{address='192.0.2.53', name='north'}
server:setQPS(5000)
server:addPool('north')
server:rmPool('')
server.weight = 5
server.order = 2
server:setHealthCheckParams({checkInterval=5, maxCheckFailures=2})
server:setHealthCheckResponseValidator(function(dr) return dr.rcode == DNSRCode.NOERROR end)
print(server:getName(), server.name, server:getNameWithAddr(), server:getID())
-- What checks say, or what the operator says.
server:setDown()
assert(not server:isUp() and not server.upStatus)
server:setUp()
server:setLazyAuto()
server:setActiveAuto()
server:setAuto()
print(server:getHealthCheckMode(), server.tier)
print(server:getQueries(), server:getOutstanding(), server:getDrops(), server:getLatency())

-- @ getOutgoingTLSSessionCacheSize (console)
print(getOutgoingTLSSessionCacheSize())
