-- @ addLocal, setLocal
-- setLocal() replaces all, addLocal() adds one more.
setLocal('0.0.0.0:53')
addLocal('[::]:53', {reusePort=true, tcpListenQueueSize=1024})

-- @ addACL, rmACL, setACL, setACLFromFile
-- Only these networks may ask.
setACL({'192.0.2.0/24', '2001:db8::/32'})
addACL('198.51.100.0/24')
rmACL('2001:db8::/32')
-- One network a line.
setACLFromFile('/etc/breakwater/acl.txt')

-- @ showACL (console)
showACL()

-- @ addConsoleACL, setConsoleACL
controlSocket('192.0.2.53:5199')
setKey('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')
setConsoleACL({'127.0.0.1/32', '::1/128'})
addConsoleACL('192.0.2.0/24')

-- @ showConsoleACL (console)
showConsoleACL()

-- @ setProxyProtocolACL
-- These load balancers put a PROXY header in front of each query.
setProxyProtocolACL({'192.0.2.10/32', '192.0.2.11/32'})

-- @ getBind, getBindCount, ClientState
addLocal('127.0.0.1:5300')
local bind = getBind(0)
assert(getBindCount() >= 1)
print(bind:toString(), bind:getType(), bind.muted)
-- All three say 'openssl' of listeners over TLS.
print(bind:getEffectiveTLSProvider(), bind:getConfiguredTLSProvider(), bind:getRequestedTLSProvider())

-- @ showBinds (console)
showBinds()
