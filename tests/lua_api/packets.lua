-- Messages taken apart: www.example. AAAA, answered with a CNAME, an A and an AAAA; an OPT behind.
local header = "\x12\x34\x81\x80\0\1\0\2\0\0\0\2"
local question = "\3www\7example\0\0\28\0\1"
local cname = "\xc0\x0c\0\5\0\1\0\0\0\60\0\4\1a\xc0\x10"
local a = "\xc0\x10\0\1\0\1\0\0\0\61\0\4\192\0\2\1"
local aaaa = "\xc0\x10\0\28\0\1\0\0\0\62\0\16" .. string.rep("\0", 15) .. "\1"
local opt = "\0\0\41\4\208\0\0\0\0\0\0"
local packet = header .. question .. cname .. a .. aaaa .. opt

local overlay = newDNSPacketOverlay(packet)
assert(overlay.qname:toString() == "www.example.")
assert(overlay.qtype == DNSQType.AAAA and overlay.qclass == DNSClass.IN)
assert(overlay.dh:getID() == 0x1234 and overlay.dh:getRA())
assert(overlay:getRecordsCountInSection(0) == 0)
assert(overlay:getRecordsCountInSection(DNSSection.Answer) == 2)
assert(overlay:getRecordsCountInSection(DNSSection.Additional) == 2)

local first = overlay:getRecord(0)
assert(first.name:toString() == "www.example." and first.type == DNSQType.CNAME)
assert(first.class == DNSClass.IN and first.ttl == 60 and first.place == DNSSection.Answer)
assert(first.contentLength == 4 and first.contentOffset == #header + #question + 12)
assert(parseCNAMERecord(packet, first):toString() == "a.example.")
assert(parseARecord(packet, first) == nil)

assert(parseARecord(packet, overlay:getRecord(1)):toString() == "192.0.2.1")
assert(parseAddressRecord(packet, overlay:getRecord(1)):toString() == "192.0.2.1")
assert(parseAAAARecord(packet, overlay:getRecord(1)) == nil)
assert(parseAAAARecord(packet, overlay:getRecord(2)):toString() == "::1")
assert(parseAddressRecord(packet, overlay:getRecord(2)):toString() == "::1")
assert(overlay:getRecord(3).type == 41)

assert(not pcall(overlay.getRecord, overlay, 4))
assert(not pcall(newDNSPacketOverlay, "short"))
assert(not pcall(newDNSPacketOverlay, string.sub(packet, 1, -2)))
-- Another packet than the record's own: nil, never a read behind its end.
assert(parseARecord(header, overlay:getRecord(1)) == nil)
assert(parseCNAMERecord(header .. question, first) == nil)
