-- What keeps answering when the nameservers go wrong: two servers with the same zones, the last good
-- answers of both, and behind them the zone files that are written anyway.
--
-- A server that refuses a zone is asked no more for that zone, and the other one is. Where both
-- refuse it, lie or say nothing, clients get the last good answer, marked as stale (RFC 8914); where
-- there is none, or the zone was flushed because it changed, the files answer. A server that comes
-- back with older zones than it, or another, had before (their SOA serials tell) is bad for them until
-- it has caught up. As soon as a server has a good answer again, it counts. tests/outage replays an
-- outage against this file.
setStrictConfig(true)
useProfile("authoritative")               -- what suits a front of authoritative servers
setLocal("192.0.2.53:53")
setACL({"0.0.0.0/0", "::/0"})             -- authoritative data is for everybody

newServer{address="192.0.2.10:53", name="ns-a", checkName="check.example.", mustResolve=true,
          checkInterval=1, maxCheckFailures=2, rise=2}
newServer{address="192.0.2.11:53", name="ns-b", checkName="check.example.", mustResolve=true,
          checkInterval=1, maxCheckFailures=2, rise=2}
setServerPolicy(leastOutstanding)
setUDPTimeout(1)

-- Written by whoever changes a zone: NAME.zone, moved to its place whole, before its flush.
newZoneServer{name="standby", path="/var/lib/breakwater/zones", tier=2, interval=30}

-- Also that identical misses are one question, that what is asked for often is asked anew before its
-- end, and that queries avoid a server on which their zone is bad, comes with the profile.
getPool(""):setCache(newPacketCache(1000000, {
  maxBytes = 512 * 1024 * 1024,
  lastGood = {maxAge = 86400, ttl = 30, clientTimeout = 0.4, recheck = 5},
}))

-- Serials: on with the profile. Secondaries may stay behind for `lag` seconds; where all servers agree
-- on an older serial for acceptOlderAfter seconds it is taken as meant; at once after a flush of
-- everything, and after a flush with --hard of the zone.
setZoneHealth({serials=true, lag=300, serialInterval=60, acceptOlderAfter=3600})

-- Who is told that a zone has gone bad on a server, or is good again; the log is in any case.
addZoneStateChangeCallback(function(zone, server, bad, reason, serial)
  if bad then
    errlog("ALERT zone " .. zone .. " is bad on " .. server .. ": " .. reason .. " " .. serial)
  end
end)

-- A program instead of a log line:  setAlertCommand("/usr/local/bin/alert")
-- A restart in the middle of it:     setCacheSnapshot("/var/lib/breakwater/cache.snapshot")
-- Whether the files would do:        breakwaterctl drill standby, or addDrill (zone-standby.conf)

-- After a change:  breakwaterctl flush example.com --suffix
-- After a repair:  breakwaterctl flush . --suffix
-- A zone taken off the servers for good:  breakwaterctl flush example.com --suffix --hard
-- What is wrong now:  breakwaterctl zones --bad
controlUnixSocket("/run/breakwater/control.sock", {mode="0660"})
