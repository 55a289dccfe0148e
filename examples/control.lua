-- Operating it with least privilege: who may do what on the control socket, and who is told when a
-- zone goes wrong. breakwaterctl speaks to the socket; /run/breakwater/control.sock is its default.
setStrictConfig(true)
setLocal("127.0.0.1:5300")
newServer({address = "127.0.0.1:5301", name = "ns1", order = 1})
newServer({address = "127.0.0.1:5302", name = "ns2", order = 2})
setServerPolicy(firstAvailable)
setZoneHealth({failover = "on"})
getPool(""):setCache(newPacketCache(100000))

-- root and Breakwater's own user are admin. The others: read < flush < operate < admin, each with
-- what stands before it. Whoever the file's mode lets in may read.
controlUnixSocket("/tmp/breakwater-control.sock", {
  mode = "0666",
  roles = {
    backup = "read",
    ["@adm"] = "operate",             -- members of a group
  },
  audit = "/tmp/breakwater-audit.log", -- one line for each request; else they are in the log
})

-- A provisioning system flushes the zones that are its own, and nothing else:
--   BREAKWATER_TOKEN=... breakwaterctl flush shop.example --suffix
-- Better than `token` is tokenFile = "/etc/breakwater/shop.token", a file of mode 0640.
addControlToken({
  name = "shop",
  token = "change-me-0123456789abcdef",
  role = "flush",
  zones = {"shop.example", "example.org"},
})

-- Reads {"event":"zones","bad":[{"zone":...,"server":...}],"good":[...]} as its input. At most one
-- run a minute; what changes meanwhile is in the next. This one writes it to the system's log.
setAlertCommand("/usr/bin/logger", {args = {"-t", "breakwater-zones"}, interval = 60})
