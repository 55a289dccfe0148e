-- Query logging: every query and answer is told to collectors, as dnstap and in PowerDNS's protobuf. A
-- collector that is slow or dead delays no query: what does not fit its queue is dropped, and counted in
-- collector-dropped and behind the action in showRules().
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
setServerID("front-1")

newServer{address="192.0.2.20:53", name="ns1"}
getPool(""):setCache(newPacketCache(100000))

-- dnstap for `fstrm_capture -t protobuf:dnstap.Dnstap -u /run/dnstap.sock -w queries.fstrm`: whole messages.
dnstap = newFrameStreamUnixLogger("/run/dnstap.sock", {inputQueueSize=4096, flushTimeout=1, reopenInterval=1})
addAction(AllRule(), DnstapLogAction("front-1", dnstap))
for _, add in ipairs({addResponseAction, addCacheHitResponseAction, addSelfAnsweredResponseAction}) do
  add(AllRule(), DnstapLogResponseAction("front-1", dnstap))
end

-- Protobuf for those who count: what was asked and answered, by clients whose networks stay together but
-- whose addresses nobody sees. Queries of the health checks of our own are of no interest.
counting = newRemoteLogger("192.0.2.30:4242", 2, 1000, 1)
local options = {
  useServerID=true, ipEncryptMethod="ipcrypt-pfx", exportTags="*",
  ipEncryptKey="change this: thirty-two octets!!",
}
local function alter(dr, message)
  message:setTag(dr.rcode == DNSRCode.NOERROR and "good" or "failed")
end
addAction(QNameSuffixRule("health.example."), SetTagAction("kind", "health"))
local wanted = NotRule(TagRule("kind", "health"))
addResponseAction(wanted, RemoteLogResponseAction(counting, alter, true, options, {pool="pool"}))
addCacheHitResponseAction(wanted, RemoteLogResponseAction(counting, alter, true, options, {pool="pool"}))
