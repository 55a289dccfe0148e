-- Answers that were good stay good while the nameservers go wrong.
--
-- A server that answers REFUSED or SERVFAIL, refers elsewhere or says nothing takes nothing out of
-- the cache: clients get the last good answer (TTL 30, marked as stale, RFC 8914) until there is a
-- better one. A record that is really gone (NXDOMAIN or NODATA with a SOA) is gone at once.
setStrictConfig(true)
setLocal("127.0.0.1:5300")
newServer({address = "127.0.0.1:5301", name = "ns1"})
newServer({address = "127.0.0.1:5302", name = "ns2"})

getPool(""):setCache(newPacketCache(100000, {
  maxBytes = 512 * 1024 * 1024,
  -- The same name asked by many at once is one question to the server.
  joinMisses = true,
  lastGood = {
    maxAge = 86400,       -- seconds after its end for which an answer may still be served
    ttl = 30,             -- what clients then get as its TTL
    clientTimeout = 0.4,  -- seconds they wait for a better one
    recheck = 5,          -- seconds until the server is asked again
  },
}))

-- The answers outlive a restart as well: they are written to this file at a clean stop and every five
-- minutes, and are read at start. None of them is taken for fresh then, but all of them are last good
-- answers. The directory must be writable for the user that the proxy runs as, and for nobody else
-- (/var/lib/breakwater, say).
setCacheSnapshot("/tmp/breakwater-last-good.cache", {interval = 300})

-- A zone taken off the servers for good is refused for ever. Say so:
--   breakwaterctl flush --hard --suffix example.com
controlUnixSocket("/tmp/breakwater-last-good.sock")
