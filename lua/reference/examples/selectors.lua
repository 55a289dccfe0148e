-- @ AllRule
addAction(AllRule(), LogAction('', false))

-- @ AndRule
-- TXT below example.org, over UDP: ask again over TCP.
addAction(AndRule{QNameSuffixRule('example.org'), QTypeRule('TXT'), TCPRule(false)}, TCAction())

-- @ OrRule
addAction(OrRule{QNameRule('a.example.org'), QNameRule('b.example.org')}, PoolAction('ab'))

-- @ NotRule
addAction(NotRule(NetmaskGroupRule('192.0.2.0/24')), RCodeAction(DNSRCode.REFUSED))

-- @ DNSSECRule
addAction(DNSSECRule(), PoolAction('signed'))

-- @ DSTPortRule
addAction(DSTPortRule(5353), PoolAction('internal'))

-- @ EDNSOptionRule
-- Queries with a DNS cookie.
addAction(EDNSOptionRule(EDNSOptionCode.COOKIE), SetTagAction('cookie', 'yes'))

-- @ EDNSVersionRule
addAction(EDNSVersionRule(0), ERCodeAction(DNSRCode.BADVERS))

-- @ ERCodeRule
addResponseAction(ERCodeRule(DNSRCode.BADVERS), LogResponseAction())

-- @ HTTPHeaderRule
-- Headers are kept where the bind says so.
addDOHLocal('0.0.0.0:443', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem', '/dns-query',
  {keepIncomingHeaders=true})
addAction(HTTPHeaderRule('user-agent', '^badclient'), DropAction())

-- @ HTTPPathRule
addDOHLocal('0.0.0.0:443', '/etc/breakwater/cert.pem', '/etc/breakwater/key.pem',
  {'/dns-query', '/internal'})
addAction(HTTPPathRule('/internal'), PoolAction('internal'))

-- @ HTTPPathRegexRule
addAction(HTTPPathRegexRule('^/customer-[0-9]+$'), SetTagAction('customer', 'yes'))

-- @ IncomingProtocolRule
addAction(IncomingProtocolRule('DoTCP'), SetTagAction('stream', 'yes'))

-- @ MaxQPSIPRule
-- Clients above 50 queries a second, by /24 and /48, get TC; bursts of 100 pass.
addAction(MaxQPSIPRule(50, 24, 48, 100), TCAction())

-- @ MaxQPSRule
-- All clients together: 1000 queries a second pass, the rest is dropped.
addAction(NotRule(MaxQPSRule(1000, 2000)), DropAction())

-- @ NetmaskGroupRule
local offices = newNMG()
offices:addMasks({'192.0.2.0/24', '2001:db8::/32'})
addAction(NetmaskGroupRule(offices), PoolAction('internal'))

-- @ OpcodeRule
addAction(OpcodeRule(DNSOpcode.Update), RCodeAction(DNSRCode.NOTIMP))

-- @ PayloadSizeRule
addAction(PayloadSizeRule('greater', 512), DropAction())

-- @ PoolAvailableRule
-- The second site where the first has no server that is up.
addAction(NotRule(PoolAvailableRule('first')), PoolAction('second'))

-- @ PoolOutstandingRule
addAction(PoolOutstandingRule('first', 1000), PoolAction('second'))

-- @ ProbaRule
-- One query of a hundred, at random.
addAction(ProbaRule(0.01), SetTagAction('sample', 'yes'))

-- @ ProxyProtocolValueRule
addAction(ProxyProtocolValueRule(0xE0, 'customer-7'), PoolAction('customer-7'))

-- @ QClassRule
addAction(QClassRule(DNSClass.CHAOS), RCodeAction(DNSRCode.REFUSED))

-- @ QNameLabelsCountRule
-- Names of fewer than 1 or more than 8 labels.
addAction(QNameLabelsCountRule(1, 8), RCodeAction(DNSRCode.REFUSED))

-- @ QNameRule
addAction(QNameRule('www.example.org'), SpoofAction('192.0.2.80'))

-- @ QNameSetRule
local names = newDNSNameSet()
names:add('a.example.org')
names:add('b.example.org')
addAction(QNameSetRule(names), PoolAction('ab'))

-- @ QNameSuffixRule
addAction(QNameSuffixRule({'example.org', 'example.net'}), PoolAction('examples'))

-- @ QNameWireLengthRule
addAction(QNameWireLengthRule(1, 128), DropAction())

-- @ QTypeRule
addAction(QTypeRule(DNSQType.ANY), TCAction())
addAction(QTypeRule('AXFR'), RCodeAction(DNSRCode.REFUSED))

-- @ RCodeRule
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), LogResponseAction())

-- @ RDRule
addAction(RDRule(), SetNoRecurseAction())

-- @ RE2Rule
-- The whole name must match, in lower case, with its last dot.
addAction(RE2Rule('host-[0-9]+\\.example\\.org\\.?'), PoolAction('hosts'))

-- @ RegexRule
addAction(RegexRule('^host-[0-9]+\\.example\\.org'), PoolAction('hosts'))

-- @ RecordsCountRule
-- Queries with a record in their answer section are not well formed.
addAction(RecordsCountRule(DNSSection.Answer, 1, 65535), DropAction())

-- @ RecordsTypeCountRule
addAction(RecordsTypeCountRule(DNSSection.Additional, DNSQType.OPT, 2, 65535), DropAction())

-- @ SNIRule
addAction(SNIRule('dns.example.net'), PoolAction('tls'))

-- @ SuffixMatchNodeRule
local blocked = newSuffixMatchNode()
blocked:add({'ads.example', 'tracker.example'})
addAction(SuffixMatchNodeRule(blocked), RCodeAction(DNSRCode.NXDOMAIN))

-- @ TCPRule
addAction(TCPRule(true), SetTagAction('stream', 'yes'))

-- @ TagRule
addAction(NetmaskGroupRule('192.0.2.0/24'), SetTagAction('site', 'north'))
addAction(TagRule('site', 'north'), PoolAction('north'))

-- @ TrailingDataRule
addAction(TrailingDataRule(), DropAction())

-- @ TimedIPSetRule
-- Clients that a function puts on the list are dropped for a minute.
local listed = TimedIPSetRule()
addAction(listed:slice(), DropAction())
addAction(QNameSuffixRule('trap.example.org'), LuaAction(function(dq)
  listed:add(dq.remoteaddr, 60)
  return DNSAction.None
end))
addMaintenanceCallback(function() listed:cleanup() end)
addExitCallback(function() listed:clear() end)
