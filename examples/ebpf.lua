-- Filters in the kernel (eBPF): what is blocked is dropped before the proxy has it, so that a flood from blocked
-- clients costs next to nothing. Needs Linux 5.3 and CAP_BPF at the start (root; a user named by -u comes later);
-- without them newBPFFilter() is an error that says what is missing.
setStrictConfig(true)

setLocal("127.0.0.1:5300")
newServer("127.0.0.1:5301")
getPool(""):setCache(newPacketCache(100000))

-- How many entries there may be; the kernel sets the memory aside: some 100 octets for an address, 400 for a name.
filter = newBPFFilter{ipv4MaxItems=50000, ipv6MaxItems=50000, cidr4MaxItems=1000, cidr6MaxItems=1000,
                      qnamesMaxItems=1000}
-- On every bind; dynamic blocks of single clients that drop go into it by themselves.
setDefaultBPFFilter(filter)

-- The kernel sees addresses as they come: of clients behind a PROXY protocol header, that of who sends the header. Of TCP
-- and what is on it whole connections are dropped, names count over UDP alone.

-- By hand, here or on the console: a client, a network and an exception from it, a name with one type.
filter:block("192.0.2.66")
filter:addRangeRule("198.51.100.0/24", 1)
filter:addRangeRule("198.51.100.53/32", 0)
filter:blockQName("amplifier.example", DNSQType.TXT)

-- Clients that ask more than 200 queries a second: none of them reaches the proxy for half a minute.
setRingBuffersSize(200000, 10)
limits = dynBlockRulesGroup()
limits:setQueryRate(200, 5, "too many queries", 30, DNSAction.Drop)
limits:excludeRange({"192.0.2.0/28", "2001:db8::/48"})
function maintenance()
  limits:apply()
end
-- showDynBlocks() tells in its column eBPF which are in the kernel; filter:getStats() what each entry has met.
