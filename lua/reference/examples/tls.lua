-- @ addTLSLocal
addTLSLocal('0.0.0.0:853', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem',
  {minTLSVersion='tls1.2', numberOfTicketsKeys=5, ticketsKeysRotationDelay=43200})

-- @ newTLSCertificate, TLSCertificate
local certificate = newTLSCertificate('/etc/breakwater/cert.pem', {key='/etc/breakwater/key.pem'})
addTLSLocal('0.0.0.0:853', {certificate}, {})

-- @ generateOCSPResponse
-- Valid for seven days; in a check nothing is written.
generateOCSPResponse('/etc/breakwater/cert.pem', '/etc/breakwater/cert.pem',
  '/etc/breakwater/key.pem', '/etc/breakwater/ocsp.der', 7, 0)

-- @ getTLSFrontend, getTLSFrontendCount, TLSFrontend
addTLSLocal('0.0.0.0:853', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem')
assert(getTLSFrontendCount() == 1)
local frontend = getTLSFrontend(0)
print(frontend:getAddressAndPort())
frontend:reloadCertificates()
frontend:loadNewCertificatesAndKeys('/etc/breakwater/cert.pem', '/etc/breakwater/key.pem')
frontend:rotateTicketsKey()
frontend:loadTicketsKeys('/etc/breakwater/tickets.key')
frontend:loadTicketsKey(string.rep('k', 80))

-- @ getTLSContext, TLSContext
addTLSLocal('0.0.0.0:853', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem')
local context = getTLSContext(0)
context:rotateTicketsKey()
context:loadTicketsKeys('/etc/breakwater/tickets.key')

-- @ loadTicketsKey, setTicketsKeyAddedHook
-- One proxy tells the others its key.
addTLSLocal('0.0.0.0:853', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem')
setTicketsKeyAddedHook(function(key, length) infolog('a new ticket key of ' .. length .. ' bytes') end)
loadTicketsKey(string.rep('k', 80))

-- @ reloadAllCertificates (console)
reloadAllCertificates()

-- @ showTLSContexts, showTLSFrontends, showTLSErrorCounters (console)
showTLSContexts()
showTLSFrontends()
showTLSErrorCounters()
