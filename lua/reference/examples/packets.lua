-- @ newDNSPacketOverlay, parseARecord, parseAAAARecord, parseAddressRecord, parseCNAMERecord, DNSPacketOverlay, DNSRecord
-- The records of each answer.
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  local packet = dr:getContent()
  local overlay = newDNSPacketOverlay(packet)
  vinfolog(overlay.qname:toString() .. ' ' .. overlay.qtype .. ' ' .. overlay.qclass .. ' ' ..
           tostring(overlay.dh:getAA()))
  for i = 0, overlay:getRecordsCountInSection(DNSSection.Answer) - 1 do
    local record = overlay:getRecord(i)
    vinfolog(record.name:toString() .. ' ' .. record.type .. ' ' .. record.class .. ' ' .. record.ttl ..
             ' in section ' .. record.place .. ': ' .. record.contentLength .. ' bytes at ' ..
             record.contentOffset)
    if record.type == DNSQType.A then
      vinfolog(parseARecord(packet, record):toString())
    elseif record.type == DNSQType.AAAA then
      vinfolog(parseAAAARecord(packet, record):toString())
    elseif record.type == DNSQType.CNAME then
      vinfolog(parseCNAMERecord(packet, record):toString())
    end
    -- Of either kind; nil for all else.
    local address = parseAddressRecord(packet, record)
    if address then vinfolog(address:toString()) end
  end
  return DNSResponseAction.None
end))
