-- How long answers live: short for names about to move, never above a day, failures for seconds; and some
-- record types are taken out of answers.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="ns1"}
getPool(""):setCache(newPacketCache(100000, {maxTTL=86400, maxNegativeTTL=300, temporaryFailureTTL=5}))

-- A zone whose servers are often slow: its failures are kept longer than others'.
addAction(QNameSuffixRule("slow.example.org."), SetTempFailureCacheTTLAction(20), {name="failures of slow"})

-- Names that move next week: resolvers ask again soon.
addResponseAction(QNameSuffixRule("web.example.org."), SetMaxTTLResponseAction(60), {name="about to move"})
-- Records with five seconds are asked for too often.
addResponseAction(AllRule(), LimitTTLResponseAction(30, 86400), {name="bounds for all"})
-- HTTPS records are taken out until they are ready. An answer is left as it is where a record that stays
-- may hold compressed names: let the nameservers give minimal answers.
addResponseAction(QNameSuffixRule("example.org."), ClearRecordTypesResponseAction({DNSQType.HTTPS, DNSQType.SRV}),
                  {name="not ready yet"})
-- An answer from the cache is older than it was: the same bounds hold.
addCacheHitResponseAction(QNameSuffixRule("web.example.org."), SetMaxTTLResponseAction(60), {name="about to move"})
