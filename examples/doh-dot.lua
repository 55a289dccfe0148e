-- Encrypted DNS for browsers and resolvers: DNS over TLS on port 853, DNS over HTTPS on port 443.
-- When the certificate was renewed, reloadAllCertificates() in the console reads it again; open
-- connections stay.

setLocal("0.0.0.0:53")
addTLSLocal("0.0.0.0:853", "/etc/breakwater/cert.pem", "/etc/breakwater/key.pem")
addDOHLocal("0.0.0.0:443", "/etc/breakwater/cert.pem", "/etc/breakwater/key.pem", {"/dns-query", "/"})

-- What a person sees who opens the address in a browser.
getDOHFrontend(0):setResponsesMap({
  newDOHResponseMapEntry("^/$", 307, "https://www.example.org/about-our-dns"),
})

setACL({"0.0.0.0/0", "::/0"})
getPool(""):setCache(newPacketCache(100000))
newServer("192.0.2.53")
