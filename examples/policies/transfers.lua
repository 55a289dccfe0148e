-- Zone transfers, NOTIFY and dynamic updates: each from its own addresses only. Signatures (TSIG) pass
-- through untouched and are checked by the nameserver.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="public"}
newServer{address="192.0.2.21:53", name="primary", pool="primary"}
getPool(""):setCache(newPacketCache(100000))

local secondaries, masters, updaters = newNMG(), newNMG(), newNMG()
secondaries:addMask("198.51.100.10/32")
masters:addMask("198.51.100.20/32")
updaters:addMask("198.51.100.30/32")

local transfer = OrRule({QTypeRule(DNSQType.AXFR), QTypeRule(DNSQType.IXFR)})
addAction(AndRule({transfer, NetmaskGroupRule(secondaries)}), PoolAction("primary"), {name="transfers"})
addAction(transfer, RCodeAction(DNSRCode.REFUSED), {name="no transfers for others"})

local notify = OpcodeRule(DNSOpcode.Notify)
addAction(AndRule({notify, NetmaskGroupRule(masters)}), PoolAction("primary"), {name="NOTIFY"})
addAction(notify, RCodeAction(DNSRCode.REFUSED), {name="no NOTIFY from others"})

local update = OpcodeRule(DNSOpcode.Update)
addAction(AndRule({update, NetmaskGroupRule(updaters), TCPRule(true)}), PoolAction("primary"), {name="updates"})
addAction(update, RCodeAction(DNSRCode.REFUSED), {name="no updates from others"})

-- Nothing but QUERY is left.
addAction(NotRule(OpcodeRule(DNSOpcode.Query)), RCodeAction(DNSRCode.NOTIMP), {name="no other opcodes"})
