-- DNSCrypt on port 8443, beside plain DNS. The keys are made once, in the console; the second file stays
-- secret, clients are given the fingerprint that is printed, the address and the provider's name:
--
--   generateDNSCryptProviderKeys("/etc/breakwater/provider.pub", "/etc/breakwater/provider.key")
--   generateDNSCryptCertificate("/etc/breakwater/provider.key", "/etc/breakwater/resolver.cert",
--     "/etc/breakwater/resolver.key", os.time(), os.time() - 300, os.time() + 90 * 86400)

setLocal("0.0.0.0:53")
addDNSCryptBind("0.0.0.0:8443", "2.dnscrypt-cert.example.org",
  "/etc/breakwater/resolver.cert", "/etc/breakwater/resolver.key", {maxInFlight=100})

setACL({"0.0.0.0/0", "::/0"})
getPool(""):setCache(newPacketCache(100000))
newServer("192.0.2.53")

-- Each day a new key, in memory alone. Clients hear of the new certificate only; what they still seal for the
-- old one is answered for three hours more.
local day, overlap = 86400, 3 * 3600
local made = os.time()
local newest = getDNSCryptBind(0):getCertificate(0):getSerial()
local old

function maintenance()
  local bind, now = getDNSCryptBind(0), os.time()
  if now - made >= day and now > newest and
     bind:generateAndLoadInMemoryCertificate("/etc/breakwater/provider.key", now, now - 300,
       now + day + overlap, DNSCryptExchangeVersion.VERSION2) then
    bind:markInactive(newest)
    old, newest, made = newest, now, now
  elseif old and now - made >= overlap then
    bind:removeInactiveCertificate(old)
    old = nil
  end
end
