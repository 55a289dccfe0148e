-- @ addDOHLocal
addDOHLocal('0.0.0.0:443', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem', '/dns-query',
  {customResponseHeaders={['x-served-by']='breakwater'}})
-- Behind a web server that ends TLS.
addDOHLocal('127.0.0.1:8053', '', '', '/dns-query', {reusePort=true})

-- @ getDOHFrontend, getDOHFrontendCount, newDOHResponseMapEntry, DOHFrontend, DOHResponseMapEntry
addDOHLocal('0.0.0.0:443', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem', '/dns-query')
assert(getDOHFrontendCount() == 1)
local frontend = getDOHFrontend(0)
local about = newDOHResponseMapEntry('^/$', 307, 'https://www.example.org/', {['x-page']='about'})
frontend:setResponsesMap({about})
print(frontend:getAddressAndPort())
frontend:reloadCertificates()
frontend:loadNewCertificatesAndKeys('/etc/breakwater/cert.pem', '/etc/breakwater/key.pem')
frontend:rotateTicketsKey()
frontend:loadTicketsKeys('/etc/breakwater/tickets.key')
frontend:loadTicketsKey(string.rep('k', 80))

-- @ showDOHFrontends, showDOHResponseCodes (console)
showDOHFrontends()
showDOHResponseCodes()
