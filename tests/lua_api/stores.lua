-- Key-value stores, metrics of one's own, the host: checks itself.
local function refused(f, text)
  local good, why = pcall(f)
  assert(not good and string.find(tostring(why), text, 1, true), tostring(why))
end

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))
local function pipe(text, command)
  local to = assert(io.popen(command, "w"))
  to:write(text)
  assert(to:close())
end
local function hex(text)
  return (text:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end
pipe("+8,6:somehost->listed\n+17,4:\3www\7example\3org\0->wire\n+15,4:www.example.org->text\n+4,4:\127\0\0\1->home\n\n",
     "cdb -c " .. folder .. "/a.cdb -")
pipe("VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n " .. hex("\192\0\2\255") .. "\n " .. hex("\192\0\2\0net")
     .. "\n " .. hex("example.org") .. "\n " .. hex("parent") .. "\nDATA=END\n", "mdb_load -n -s db " .. folder .. "/a.mdb")

local cdb = newCDBKVStore(folder .. "/a.cdb", 60)
assert(tostring(cdb) == 'CDB "' .. folder .. '/a.cdb"')
assert(cdb:lookup("somehost") == "listed" and cdb:lookup("other") == "")
assert(cdb:lookup(newDNSName("WWW.example.org")) == "wire")
assert(cdb:lookup(newDNSName("WWW.example.org"), false) == "text")
assert(cdb:lookup(newCA("127.0.0.1:53")) == "home")
assert(cdb:lookupSuffix(newDNSName("a.b.www.example.org")) == "wire")
assert(cdb:reload() == false)
local lmdb = newLMDBKVStore(folder .. "/a.mdb", "db")
assert(lmdb:lookupSuffix(newDNSName("x.example.org"), 2, false) == "parent")
assert(lmdb:lookupSuffix(newDNSName("x.example.org"), 3, false) == "")
assert(lmdb:reload() == false)
refused(function() newLMDBKVStore(folder .. "/a.mdb", "none") end, 'it has no database "none"')
refused(function() newCDBKVStore(folder .. "/none.cdb", 60) end, "none.cdb\": No such file")
refused(function() newMMDBKVStore(folder .. "/a.cdb", "country.iso_code") end, "a.cdb\": ")
refused(function() newMMDBKVStore(folder .. "/a.cdb", "") end, "names no value")
refused(function() KeyValueLookupKeySourceIP(33) end, "at most 32 or 128 bits")

assert(tostring(KeyValueLookupKeySuffix(2)) == "suffix in wire format with at least 2 label(s)")
for _, key in ipairs{KeyValueLookupKeyQName(false), KeyValueLookupKeySourceIP(24, 48, true), KeyValueLookupKeySuffix(),
                     KeyValueLookupKeyTag("t")} do
  addAction(KeyValueStoreLookupRule(cdb, key), KeyValueStoreLookupAction(cdb, key, "found"))
  addAction(KeyValueStoreRangeLookupRule(lmdb, key), KeyValueStoreRangeLookupAction(lmdb, key, "found"))
end
assert(os.execute("rm -r " .. folder))

assert(declareMetric("own-count", "counter", "Counts"))
assert(declareMetric("own-count", "counter", "Again"))
assert(declareMetric("own-level", "gauge", "A level", "level_of_mine"))
assert(declareMetric("own-labels", "counter", "By label", {name="labelled_total", withLabels=true}))
assert(not declareMetric("Own", "counter", "Upper case"))
assert(not declareMetric("own_count", "counter", "An underscore"))
assert(not declareMetric("own", "histogram", "No type of ours"))
assert(not declareMetric("own", "counter", "Taken", "level_of_mine"))
assert(not declareMetric("own", "counter", "No name", "1st"))
assert(not declareMetric("cache-hits", "counter", "The server's own"))
assert(incMetric("own-count") == 1 and incMetric("own-count", 5) == 6 and incMetric("own-count", {step=2}) == 8)
assert(decMetric("own-count", 3) == 5 and getMetric("own-count") == 5)
assert(setMetric("own-level", 2.5) == 2.5 and getMetric("own-level") == 2.5)
assert(incMetric("own-labels", {labels={a="x", b=1}}) == 1 and incMetric("own-labels", {labels={b="1", a="x"}, step=4}) == 5)
assert(getMetric("own-labels", {labels={a="x", b="1"}}) == 5 and getMetric("own-labels") == 0)
assert(incMetric("none") == 0 and incMetric("own-level") == 0 and setMetric("own-count", 1) == 0 and getMetric("none") == 0)
assert(incMetric("own-labels", {labels={["not a name"]="x"}}) == 0)

carbonServer("192.0.2.1", "host", 30, "space", "it")
carbonServer("[2001:db8::1]:2004")
refused(function() carbonServer("192.0.2.1", "host", 0) end, "at least 1 second")
refused(function() carbonServer("192.0.2.1", "a host") end, "without spaces")
refused(function() carbonServer("nowhere.example") end, "nowhere.example")

-- The vectors that ipcrypt and ipcipher were published with.
local key = "some 16-byte key"
for plain, hidden in pairs{["127.0.0.1"]="114.62.227.59", ["8.8.8.8"]="46.48.51.50", ["1.2.3.4"]="171.238.15.199"} do
  assert(newCA(plain):ipencrypt(key):toString() == hidden and newCA(hidden):ipdecrypt(key):toString() == plain)
end
assert(newCA("[2001:db8::1]:53"):ipencrypt(key):ipdecrypt(key):toStringWithPort() == "[2001:db8::1]:53")
assert(hex(makeIPCipherKey("3.141592653589793")) == "3705bd6c0e26a1a839898f1fa016a374")
refused(function() newCA("127.0.0.1"):ipencrypt("short") end, "16 octets")

local found = false
for _, name in ipairs(getListOfNetworkInterfaces()) do found = found or name == "lo" end
assert(found)
local function has(list, wanted)
  for _, text in ipairs(list) do if text == wanted then return true end end
end
assert(has(getListOfAddressesOfNetworkInterface("lo"), "127.0.0.1"))
assert(has(getListOfRangesOfNetworkInterface("lo"), "127.0.0.1/8") or has(getListOfRangesOfNetworkInterface("lo"), "127.0.0.0/8"))
assert(#getListOfAddressesOfNetworkInterface("none") == 0)
assert(getMACAddress("192.0.2.77") == "")

addCapabilitiesToRetain("CAP_SYS_ADMIN")
addCapabilitiesToRetain({"CAP_NET_RAW", "cap_net_admin"})
refused(function() addCapabilitiesToRetain("CAP_NONE") end, "no capability")
setSyslogFacility("local3")
setSyslogFacility("LOG_DAEMON")
setSyslogFacility(8)
refused(function() setSyslogFacility("local9") end, "no facility")
refused(function() setSyslogFacility(7) end, "no facility")
clearConsoleHistory()

