-- @ controlSocket, setKey, setConsoleConnectionsLogging, setConsoleMaximumConcurrentConnections, setConsoleOutputMaxMsgSize
-- The console. makeKey() makes a key.
controlSocket('127.0.0.1:5199')
setKey('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')
setConsoleConnectionsLogging(true)
setConsoleMaximumConcurrentConnections(10)
setConsoleOutputMaxMsgSize(1000000)

-- @ makeKey (console)
makeKey()

-- @ controlUnixSocket, addControlToken
-- The socket of breakwaterctl; a customer may flush in one zone alone.
controlUnixSocket('/etc/breakwater/control.sock', {mode='0660'})
addControlToken({name='customer-7', token='a-long-and-secret-token-of-the-customer', zones={'example.org'}})

-- @ webserver, setWebserverConfig, setAPIWritable
webserver('127.0.0.1:8083')
setWebserverConfig({password='open sesame', apiKey='another secret', acl='127.0.0.0/8, ::1/128',
  hashPlaintextCredentials=true})
setAPIWritable(true, '/etc/breakwater')

-- @ registerWebHandler, WebRequest, WebResponse
-- A page of one's own: /servers?up=yes lists the servers that are up.
registerWebHandler('/servers', function(req, resp)
  for _, server in ipairs(getServers()) do
    if req.getvars.up ~= 'yes' or server:isUp() then resp.body = resp.body .. tostring(server) .. '\n' end
  end
  resp.headers = {['content-type']='text/plain'}
  if resp.body == '' then resp.status = 404 end
  vinfolog(req.method .. ' ' .. req.path .. ' HTTP ' .. req.version .. ' ' .. (req.headers.host or ''))
  if #req.body > 0 then vinfolog('with a form of ' .. (req.postvars.user or 'nobody')) end
end)

-- @ addMaintenanceCallback
-- Each second.
local seconds = 0
addMaintenanceCallback(function() seconds = seconds + 1 end)

-- @ addExitCallback
addExitCallback(function() infolog('stopping') end)

-- @ addServerStateChangeCallback
newServer{address='192.0.2.53', name='north'}
addServerStateChangeCallback(function(name, up)
  warnlog(name .. (up and ' is up' or ' is down'))
end)

-- @ inClientStartup, inConfigCheck
if not inClientStartup() and not inConfigCheck() then infolog('starting') end

-- @ includeDirectory
includeDirectory('/etc/breakwater/conf.d')
