-- Changed records show at once: the nameserver says what has changed, and so do provisioning scripts.

setLocal("192.0.2.1:53")
newServer{address = "192.0.2.53:53", name = "primary"}

-- A NOTIFY from the nameserver flushes its zone, softly: the next client that asks gets the new
-- record, or the last good answer should the server have none. It goes on to the servers as before.
local cache = newPacketCache(1000000, {
  flushOnNotify = {"192.0.2.53", "127.0.0.1"},
  notifyKnownZones = true,  -- and it must be a zone that a server was seen to answer for
  lastGood = {maxAge = 86400},
})
getPool(""):setCache(cache)

-- A line NAME [TYPE] [suffix] [hard] appended to this file is a flush. Whoever may write it need not
-- be able to do anything else here. The file may be rotated, and may be missing at first. How far it
-- was read stands in the state file, so that lines that come while this program does not run count.
addFlushSource({file = "/run/breakwater/flush", state = "/run/breakwater/flush.state", interval = 0.2, suffix = true})

-- A program of the provisioning system that prints the zones changed since it was last run. There
-- is no shell; words with blanks in them go into a list: command = {"/usr/bin/changed", "two words"}.
addFlushSource({command = "/usr/local/bin/changed-zones --since-last", interval = 30, timeout = 20, suffix = true})

-- For people: breakwaterctl flush example.com --suffix
--             breakwaterctl flush --list zones.txt --rate 500 --stop-on 'refused>1%' --undo-on-stop
controlUnixSocket("/run/breakwater/control.sock")
