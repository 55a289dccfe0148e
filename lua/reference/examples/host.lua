-- @ getListOfNetworkInterfaces, getListOfAddressesOfNetworkInterface, getListOfRangesOfNetworkInterface
-- A listener on each address of an interface, for clients of its networks alone.
for _, name in ipairs(getListOfNetworkInterfaces()) do print(name) end
for _, address in ipairs(getListOfAddressesOfNetworkInterface('lo')) do addLocal(newCA(address):toString() .. ':5353') end
setACL(getListOfRangesOfNetworkInterface('lo'))

-- @ getMACAddress
-- A neighbour's, as the kernel knows it; empty for all others.
local mac = getMACAddress('192.0.2.1')
print(mac == '' and 'not known' or string.format('%02x:%02x:%02x:%02x:%02x:%02x', mac:byte(1, 6)))

-- @ makeIPCipherKey
-- Addresses that are told to others, but not in the clear.
local key = makeIPCipherKey('a secret')
local hidden = newCA('192.0.2.1'):ipencrypt(key)
assert(hidden:ipdecrypt(key):toString() == '192.0.2.1')

-- @ addCapabilitiesToRetain
-- For SO_BINDTODEVICE on sockets made later, as another user.
addCapabilitiesToRetain('CAP_NET_RAW')

-- @ setSyslogFacility
setSyslogFacility('local4')

-- @ setVerboseLogDestination
-- With setVerbose(true): the many lines do not go to the log of the service.
setVerboseLogDestination('/etc/breakwater/verbose.log')

-- @ clearConsoleHistory (console)
clearConsoleHistory()
