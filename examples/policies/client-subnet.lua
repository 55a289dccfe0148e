-- EDNS client subnet: nameservers that answer by place are told the client's network, never its address;
-- zones that do not need it get none; resolvers that send one are trusted only where we know them.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})

newServer{address="192.0.2.20:53", name="by place", pool="by-place", useClientSubnet=true}
newServer{address="192.0.2.21:53", name="plain"}
setECSSourcePrefixV4(24)
setECSSourcePrefixV6(48)

-- Answers for a network serve that network alone; parseECS makes it part of the key.
getPool("by-place"):setCache(newPacketCache(100000, {parseECS=true}))
getPool(""):setCache(newPacketCache(100000))

local resolvers = newNMG()
resolvers:addMask("198.51.100.0/24")
-- Anybody else's option is written over with the network that the query came from.
addAction(NotRule(NetmaskGroupRule(resolvers)), SetECSOverrideAction(true), {name="what strangers say of others"})

-- A probe of ours asks as if it were elsewhere.
addAction(QNameSuffixRule("probe.cdn.example.org."), SetECSAction("203.0.113.0/24"), {name="probe"})
addAction(QNameSuffixRule("private.example.org."), SetDisableECSAction(), {name="no network for these"})
addAction(QNameSuffixRule({"cdn.example.org.", "private.example.org."}), PoolAction("by-place"), {name="by place"})
