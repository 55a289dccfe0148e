-- @ newCDBKVStore, KeyValueLookupKeyQName, KeyValueStoreLookupRule
-- Names in a CDB file, which is looked at every minute; keys are names in the wire format.
local blocked = newCDBKVStore('/etc/breakwater/names.cdb', 60)
addAction(KeyValueStoreLookupRule(blocked, KeyValueLookupKeyQName()), RCodeAction(DNSRCode.REFUSED))

-- @ newLMDBKVStore, KeyValueLookupKeySuffix, KeyValueStoreLookupAction, KeyValueLookupKeyTag
-- The customer of a zone, and with it the pool. LMDB files are read as they are changed.
local customers = newLMDBKVStore('/etc/breakwater/names.mdb', 'customers')
addAction(AllRule(), KeyValueStoreLookupAction(customers, KeyValueLookupKeySuffix(2), 'customer'))
addAction(AllRule(), KeyValueStoreLookupAction(customers, KeyValueLookupKeyTag('customer'), 'pool'))
addAction(TagRule('pool', 'north'), PoolAction('north'))

-- @ KeyValueStoreRangeLookupRule, KeyValueStoreRangeLookupAction, KeyValueLookupKeySourceIP
-- Ranges of addresses: each key is the last of a range, its value begins with the first.
local ranges = newLMDBKVStore('/etc/breakwater/names.mdb', 'ranges')
addAction(KeyValueStoreRangeLookupRule(ranges, KeyValueLookupKeySourceIP()), AllowAction())
addAction(AllRule(), KeyValueStoreRangeLookupAction(ranges, KeyValueLookupKeySourceIP(24, 48), 'network'))

-- @ newMMDBKVStore
-- GeoIP: the country of the client. The file is read anew when it changes; one that is broken leaves the old data.
local countries = newMMDBKVStore('/etc/breakwater/country.mmdb', 'country.iso_code', 3600)
addAction(AllRule(), KeyValueStoreLookupAction(countries, KeyValueLookupKeySourceIP(), 'country'))
addAction(TagRule('country', 'NL'), PoolAction('north'))

-- @ KeyValueStore
local store = newCDBKVStore('/etc/breakwater/names.cdb', 0)
print(store:lookup('a key'), store:lookup(newDNSName('www.example.org')), store:lookup(newCA('192.0.2.1')))
print(store:lookupSuffix(newDNSName('a.b.example.org'), 2))
-- In maintenance(), say; true where the file was another.
if store:reload() then infolog('the names were read again') end
