-- Split horizon: the office and the data centres get inner addresses for some names, and a zone that
-- nobody else may know of; everybody else gets what the public nameservers say.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="public"}
newServer{address="192.0.2.30:53", name="inner", pool="inner"}
getPool(""):setCache(newPacketCache(100000))
getPool("inner"):setCache(newPacketCache(10000))

local inner = newNMG()
inner:addMask("10.0.0.0/8")
inner:addMask("fd00::/8")
local from_inside = NetmaskGroupRule(inner)

addAction(AndRule({from_inside, QNameRule("intranet.example.org.")}), SpoofAction({"10.1.2.3", "fd00::3"}, {ttl=60}),
          {name="intranet"})
addAction(AndRule({from_inside, QNameRule("files.example.org.")}), SpoofCNAMEAction("nas.corp.example.org.", {ttl=60}),
          {name="files"})
-- A TXT record in wire form: one string of eleven octets.
addAction(AndRule({from_inside, QNameRule("where.example.org."), QTypeRule(DNSQType.TXT)}),
          SpoofRawAction("\011you are in.", {ttl=60}), {name="where"})
addAction(AndRule({from_inside, QNameSuffixRule("corp.example.org.")}), PoolAction("inner"), {name="corp"})
addAction(QNameSuffixRule("corp.example.org."),
          NegativeAndSOAAction(true, "example.org.", 300, "ns1.example.org.", "hostmaster.example.org.", 1, 7200, 3600,
                               1209600, 60, {soaInAuthoritySection=true}), {name="corp is nobody else's"})
