-- A list of names that are not served, one a line, of any length: a million names take some 50 MB and a
-- second to read. Names below a listed one are blocked too. `reload_blocklist()` on the console reads it
-- again; a file that cannot be read leaves the old list in place.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="ns1"}
getPool(""):setCache(newPacketCache(100000))

local path = "/var/lib/breakwater/blocked.txt"

local function read_names()
  local names = newSuffixMatchNode()
  local count = 0
  for line in io.lines(path) do
    local name = line:match("^%s*([^#%s]+)")
    if name then
      names:add(name)
      count = count + 1
    end
  end
  return names, count
end

-- The rule is replaced as a whole: queries meet the old list or the new one.
local function put_in_place(names)
  rmRule("blocklist-answer")
  addAction(SuffixMatchNodeRule(names, true), ERCodeAction(DNSRCode.NXDOMAIN), {name="blocklist-answer"})
  rmRule("blocklist-reason")
  addAction(SuffixMatchNodeRule(names, true), SetExtendedDNSErrorAction(15, "on the blocklist"), {name="blocklist-reason"})
  mvRuleToTop()
end

function reload_blocklist()
  local ok, names, count = pcall(read_names)
  if not ok then
    errlog("the blocklist stays as it is: "..names)
    return names
  end
  put_in_place(names)
  return count.." names are blocked"
end

infolog(reload_blocklist())
