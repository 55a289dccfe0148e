-- @ newBPFFilter, setDefaultBPFFilter, BPFFilter
-- On every bind from the start; dynamic blocks of single clients that drop go into it by themselves.
local filter = newBPFFilter{ipv4MaxItems=10000, ipv6MaxItems=10000, cidr4MaxItems=100, cidr6MaxItems=100,
  qnamesMaxItems=1000}
setDefaultBPFFilter(filter)
filter:block('192.0.2.1')
filter:unblock('192.0.2.1')
filter:addRangeRule('198.51.100.0/24', 1)
filter:addRangeRule('198.51.100.128/25', 0)
filter:rmRangeRule('198.51.100.128/25')
filter:blockQName('bad.example.com', DNSQType.ANY)
filter:unblockQName('bad.example.com', DNSQType.ANY)
print(filter:getStats(), filter:lsRangeRule())

-- @ newBPFFilter
-- Another program (XDP) drops or truncates by what these maps say.
local filter = newBPFFilter{external=true, ipv4MaxItems=10000, ipv4PinnedPath='/sys/fs/bpf/dns/v4',
  ipv6MaxItems=10000, ipv6PinnedPath='/sys/fs/bpf/dns/v6', cidr4MaxItems=100, cidr4PinnedPath='/sys/fs/bpf/dns/cidr4',
  cidr6MaxItems=100, cidr6PinnedPath='/sys/fs/bpf/dns/cidr6', qnamesMaxItems=100,
  qnamesPinnedPath='/sys/fs/bpf/dns/qnames'}
filter:block('192.0.2.1', 2)

-- @ newBPFFilter
-- As before 1.8: a table for IPv4, IPv6 and names each.
newBPFFilter({maxItems=1000, pinnedPath='/sys/fs/bpf/dns/v4'}, {maxItems=1000}, {maxItems=100})

-- @ BPFFilter (console)
newFilter = newBPFFilter{ipv4MaxItems=10000}
newFilter:attachToAllBinds()

-- @ newDynBPFFilter, registerDynBPFFilter, unregisterDynBPFFilter, addBPFFilterDynBlocks, DynBPFFilter
-- Blocks that are in the kernel alone, each for a minute.
local filter = newBPFFilter{ipv4MaxItems=10000, ipv6MaxItems=10000}
setDefaultBPFFilter(filter)
local timed = newDynBPFFilter(filter)
timed:excludeRange({'192.0.2.0/24', '2001:db8::/32'})
timed:includeRange('192.0.2.128/25')
registerDynBPFFilter(timed)
function maintenance()
  addBPFFilterDynBlocks(exceedQRate(1000, 5), timed, 60, 'too many queries')
  timed:purgeExpired()
end
unregisterDynBPFFilter(timed)
