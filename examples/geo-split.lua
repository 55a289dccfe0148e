-- A split by country: clients in Europe and America have servers near them, all others the rest. The
-- country of an address comes from an MMDB file, MaxMind's format (GeoLite2, DB-IP and others).
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})

newServer{address="192.0.2.20:53", name="europe", pool="europe"}
newServer{address="192.0.2.21:53", name="america", pool="america"}
newServer{address="192.0.2.22:53", name="everywhere"}

-- A newer file is looked for each minute, and put in place by a rename: geoipupdate does so. One that is
-- damaged changes nothing; it is logged, and counted in kvs-load-errors.
geo = newMMDBKVStore("/var/lib/GeoIP/GeoLite2-Country.mmdb", "country.iso_code", 60)
-- Only the network decides, so that explain and logs tell no more of a client than they must.
addAction(AllRule(), KeyValueStoreLookupAction(geo, KeyValueLookupKeySourceIP(24, 48), "country"))

-- Clients there may not be served.
addAction(TagRule("country", "KP"), RCodeAction(DNSRCode.REFUSED))

local pools = {
  europe = {"AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PL", "PT", "SE"},
  america = {"CA", "MX", "US"},
}
for pool, countries in pairs(pools) do
  local there = {}
  for _, country in ipairs(countries) do
    table.insert(there, TagRule("country", country))
  end
  addAction(OrRule(there), PoolAction(pool))
end
