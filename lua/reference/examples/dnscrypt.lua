-- @ generateDNSCryptProviderKeys, printDNSCryptProviderFingerprint
-- Once and for all, in the console: clients are given the fingerprint.
generateDNSCryptProviderKeys('/etc/breakwater/provider.pub', '/etc/breakwater/provider.key')
printDNSCryptProviderFingerprint('/etc/breakwater/provider.pub')

-- @ generateDNSCryptCertificate
-- Two certificates for a day, one for each encryption.
generateDNSCryptCertificate('/etc/breakwater/provider.key', '/etc/breakwater/one.cert',
  '/etc/breakwater/one.key', 1, os.time() - 300, os.time() + 86400)
generateDNSCryptCertificate('/etc/breakwater/provider.key', '/etc/breakwater/two.cert',
  '/etc/breakwater/two.key', 2, os.time() - 300, os.time() + 86400, DNSCryptExchangeVersion.VERSION2)

-- @ addDNSCryptBind
addDNSCryptBind('0.0.0.0:8443', '2.dnscrypt-cert.example.org',
  {'/etc/breakwater/one.cert', '/etc/breakwater/two.cert'},
  {'/etc/breakwater/one.key', '/etc/breakwater/two.key'},
  {maxInFlight=50, maxConcurrentTCPConnections=1000, tcpListenQueueSize=128})

-- @ getDNSCryptBind, getDNSCryptBindCount, DNSCryptContext, DNSCryptCertificatePair, DNSCryptCert
addDNSCryptBind('0.0.0.0:8443', '2.dnscrypt-cert.example.org',
  '/etc/breakwater/one.cert', '/etc/breakwater/one.key')
assert(getDNSCryptBindCount() == 1)
local bind = getDNSCryptBind(0)
print(bind:getProviderName())

-- A new certificate beside the old one, which clients hear of no longer.
bind:loadNewCertificate('/etc/breakwater/two.cert', '/etc/breakwater/two.key')
bind:markInactive(1)
assert(not bind:getCertificatePair(0):isActive())
-- Once nobody has queries under way that are sealed for it:
bind:removeInactiveCertificate(1)

-- Or without files: the key is lost when the program ends, and nobody can steal it then.
assert(bind:generateAndLoadInMemoryCertificate('/etc/breakwater/provider.key', 3,
  os.time() - 300, os.time() + 3600, DNSCryptExchangeVersion.VERSION2))
bind:markInactive(2)
bind:markActive(2)
for _, pair in ipairs(bind:getCertificatePairs()) do
  print(pair:getCertificate():getSerial(), pair:isActive())
end

-- What a certificate says.
local certificate = bind:getCertificate(0)
assert(certificate:getMagic() == 'DNSC' and certificate:getEsVersion() == '\0\2')
assert(certificate:getProtocolMinorVersion() == '\0\0' and #certificate:getSignature() == 64)
assert(certificate:getResolverPublicKey():sub(1, 8) == certificate:getClientMagic())
assert(certificate:getTSStart() < os.time() and certificate:getTSEnd() > os.time())

-- One that was removed comes back with its key.
local file = io.open('/etc/breakwater/two.key', 'rb')
local key = file:read('a')
file:close()
bind:markInactive(2)
bind:removeInactiveCertificate(2)
bind:addNewCertificate(certificate, key, true)
bind:printCertificates()
bind:reloadCertificates()

-- @ showDNSCryptBinds (console)
showDNSCryptBinds()
