-- @ newCA, newCAFromRaw, ComboAddress
local address = newCA('192.0.2.1:5300')
assert(address:getPort() == 5300 and address:isIPv4() and not address:isIPv6())
assert(address:toString() == '192.0.2.1' and address:tostring() == '192.0.2.1')
assert(address:toStringWithPort() == '192.0.2.1:5300')
assert(address:tostringWithPort() == '192.0.2.1:5300')
assert(address:getRaw() == '\192\0\2\1')
assert(newCAFromRaw('\192\0\2\1', 5300) == address)
address:truncate(24)
assert(address:toString() == '192.0.2.0')
local mapped = newCA('::ffff:192.0.2.1')
assert(mapped:isMappedIPv4() and mapped:mapToIPv4():toString() == '192.0.2.1')

-- @ newNetmask, Netmask
local mask = newNetmask('192.0.2.77/24')
assert(mask:getBits() == 24 and not mask:empty())
assert(mask:getNetwork():isIPv4() and mask:getMaskedNetwork():toString() == '192.0.2.0')
assert(mask:isIPv4() and not mask:isIPv6())
assert(mask:isIpv4() and not mask:isIpv6())
assert(mask:match('192.0.2.9'))
print(mask:toString(), newNetmask(newCA('2001:db8::1'), 32):toString())

-- @ newNMG, NetmaskGroup
-- The longest network that covers an address decides; "!" takes one out.
local group = newNMG()
group:addMask('192.0.2.0/24')
group:addMasks({'2001:db8::/32', '!192.0.2.128/25'})
assert(group:match(newCA('192.0.2.1')) and not group:match(newCA('192.0.2.200')))
local all = newNMG()
all:addNMG(group)
assert(all:size() == 3)
print(all:toString())
all:clear()

-- @ ComboAddress
-- Hidden from whoever has no key, and shown to whoever has.
local key = makeIPCipherKey('a secret')
print(newCA('2001:db8::1'):ipencrypt(key):ipdecrypt(key):toString())
