-- Limits by client: a share of the queries a second for each network, a smaller one for costly types.
-- What is above is first sent to TCP, which a spoofed source cannot follow, then dropped.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="ns1"}
getPool(""):setCache(newPacketCache(100000))

local trusted = newNMG()
trusted:addMask("192.0.2.0/28")
trusted:addMask("2001:db8::/48")
addAction(NetmaskGroupRule(trusted), AllowAction(), {name="ours are not limited"})

-- Bursts of 400 are fine; a home network of IPv6 (/56) counts as one client.
addAction(AndRule({MaxQPSIPRule(2000, 24, 56, 4000), TCPRule(false)}), DropAction(), {name="far too many"})
addAction(AndRule({MaxQPSIPRule(200, 32, 56, 400), TCPRule(false)}), TCAction(), {name="too many over UDP"})
addAction(AndRule({QTypeRule(DNSQType.ANY), TCPRule(false)}), TCAction(), {name="ANY over TCP only"})

-- TXT records are what amplifies most: all clients together get so many a second.
addAction(AndRule({QTypeRule(DNSQType.TXT), NotRule(MaxQPSRule(500))}), AllowAction(), {name="TXT within its share"})
addAction(QTypeRule(DNSQType.TXT), TCAction(), {name="TXT above its share"})
