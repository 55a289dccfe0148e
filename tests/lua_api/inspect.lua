-- What the console shows of the process, and small tools.
local now = getCurrentTime()
assert(math.abs(now.tv_sec - os.time()) <= 2)
assert(now.tv_nsec >= 0 and now.tv_nsec < 1000000000)

local path = os.tmpname()
local file = io.open(path, "w")
file:write("# comment\nsearch example.com\nnameserver 192.0.2.1 # first\n",
           "nameserver 2001:db8::1 nonsense\n;nameserver 192.0.2.9\n")
file:close()
local resolvers = getResolvers(path)
os.remove(path)
assert(#resolvers == 2 and resolvers[1] == "192.0.2.1" and resolvers[2] == "2001:db8::1")
assert(#getResolvers(path) == 0, "a file that is not there has none")

local hashed = hashPassword("secret")
assert(string.sub(hashed, 1, 15) == "$scrypt$ln=10,p")
assert(hashPassword("secret") ~= hashed, "salted")
assert(string.find(hashPassword("secret", 4), "ln=2,", 1, true))
assert(not pcall(hashPassword, "secret", 5))

assert(not pcall(testCrypto), "no key")
setKey("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
testCrypto()

assert(not pcall(getRingEntries), "the server has not started")

newServer{address="192.0.2.1", name="first"}
showServers()
showServers({showUUIDs=true})
showTCPStats()

local set = TimedIPSetRule()
set:add(newCA("192.0.2.1"), 10)
set:add("192.0.2.2", 10)
assert(tostring(set) == "Src: 2 ips")
addAction(set:slice(), DropAction())
set:cleanup()
set:clear()
assert(tostring(getRule(0):getSelector()) == "Src: 0 ips")
clearRules()
