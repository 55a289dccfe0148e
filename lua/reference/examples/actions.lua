-- @ AllowAction
-- This network passes all rules behind this one.
addAction('192.0.2.0/24', AllowAction())

-- @ ContinueAction
addAction(QNameSuffixRule('example.org'), ContinueAction(PoolAction('examples')))

-- @ DelayAction
addAction(MaxQPSIPRule(20), DelayAction(100))

-- @ DropAction
addAction(QNameRule('drop.example.org'), DropAction())

-- @ ERCodeAction
addAction(EDNSVersionRule(0), ERCodeAction(DNSRCode.BADVERS))

-- @ HTTPStatusAction
addAction(HTTPPathRule('/'), HTTPStatusAction(404, 'Nothing here\n', 'text/plain'))

-- @ LogAction
-- To the log; and to a file of readable lines.
addAction(QNameSuffixRule('example.org'), LogAction())
addAction(QTypeRule('TXT'), LogAction('/etc/breakwater/queries.log', false, true, true))

-- @ NegativeAndSOAAction, SetNegativeAndSOAAction
addAction(QNameRule('gone.example.org'), NegativeAndSOAAction(true, 'example.org', 60,
  'ns1.example.org', 'hostmaster.example.org', 1, 3600, 600, 86400, 60))
-- The older name.
addAction(QNameRule('empty.example.org'), SetNegativeAndSOAAction(false, 'example.org', 60,
  'ns1.example.org', 'hostmaster.example.org', 1, 3600, 600, 86400, 60))

-- @ NoneAction
-- Counts what the selector matches, and changes nothing.
addAction(QTypeRule('ANY'), NoneAction())

-- @ PoolAction
newServer{address='192.0.2.53', pool='north'}
addAction(NetmaskGroupRule('198.51.100.0/24'), PoolAction('north'))

-- @ QPSAction
addAction(QNameSuffixRule('busy.example.org'), QPSAction(500))

-- @ QPSPoolAction
newServer{address='192.0.2.53', pool='slow'}
addAction(QNameSuffixRule('busy.example.org'), QPSPoolAction(500, 'slow'))

-- @ RCodeAction
addAction(QNameRule('refused.example.org'), RCodeAction(DNSRCode.REFUSED))
addAction(QNameRule('none.example.org'), RCodeAction(DNSRCode.NXDOMAIN, {aa=true}))

-- @ SetAdditionalProxyProtocolValueAction, SetProxyProtocolValuesAction
newServer{address='192.0.2.53', useProxyProtocol=true}
addAction(AllRule(), SetProxyProtocolValuesAction({[0xE0]='north'}))
addAction(TCPRule(true), SetAdditionalProxyProtocolValueAction(0xE1, 'stream'))

-- @ SetDisableECSAction, DisableECSAction
addAction(QNameSuffixRule('private.example.org'), SetDisableECSAction())
-- The older name.
addAction(QNameSuffixRule('inner.example.org'), DisableECSAction())

-- @ SetDisableValidationAction, DisableValidationAction
addAction(QNameSuffixRule('unsigned.example.org'), SetDisableValidationAction())
-- The older name.
addAction(QNameSuffixRule('broken.example.org'), DisableValidationAction())

-- @ SetECSAction
newServer{address='192.0.2.53', useClientSubnet=true}
addAction(QNameSuffixRule('geo.example.org'), SetECSAction('198.51.100.0/24', '2001:db8::/48'))

-- @ SetECSOverrideAction, ECSOverrideAction
newServer{address='192.0.2.53', useClientSubnet=true}
addAction(AllRule(), SetECSOverrideAction(true))
-- The older name.
addAction(TCPRule(true), ECSOverrideAction(false))

-- @ SetECSPrefixLengthAction, ECSPrefixLengthAction
newServer{address='192.0.2.53', useClientSubnet=true}
addAction(QNameSuffixRule('geo.example.org'), SetECSPrefixLengthAction(20, 48))
-- The older name.
addAction(QNameSuffixRule('near.example.org'), ECSPrefixLengthAction(24, 56))

-- @ SetEDNSOptionAction
addAction(AllRule(), SetEDNSOptionAction(65001, 'breakwater'))

-- @ SetExtendedDNSErrorAction
addAction(QNameSuffixRule('ads.example'), SetExtendedDNSErrorAction(15, 'blocked by policy'))
addAction(QNameSuffixRule('ads.example'), RCodeAction(DNSRCode.NXDOMAIN))

-- @ SetMaxReturnedTTLAction
addAction(QNameSuffixRule('moving.example.org'), SetMaxReturnedTTLAction(30))

-- @ SetNoRecurseAction, NoRecurseAction
addAction(AllRule(), SetNoRecurseAction())
-- The older name.
addAction(TCPRule(true), NoRecurseAction())

-- @ SetSkipCacheAction, SkipCacheAction
addAction(QNameSuffixRule('live.example.org'), SetSkipCacheAction())
-- The older name.
addAction(QTypeRule('SOA'), SkipCacheAction())

-- @ SetTagAction, TagAction, UnsetTagAction
addAction(NetmaskGroupRule('192.0.2.0/24'), SetTagAction('site', 'north'))
-- The older name.
addAction(NetmaskGroupRule('198.51.100.0/24'), TagAction('site', 'south'))
addAction(QTypeRule('ANY'), UnsetTagAction('site'))

-- @ SetTempFailureCacheTTLAction, TempFailureCacheTTLAction
addAction(QNameSuffixRule('example.org'), SetTempFailureCacheTTLAction(5))
-- The older name.
addAction(QNameSuffixRule('example.net'), TempFailureCacheTTLAction(10))

-- @ SpoofAction
addAction(QNameRule('www.example.org'), SpoofAction({'192.0.2.80', '2001:db8::80'}, {ttl=300}))

-- @ SpoofCNAMEAction
addAction(QNameRule('old.example.org'), SpoofCNAMEAction('www.example.org', {ttl=300, aa=true}))

-- @ SpoofPacketAction
-- A whole answer but for ID and question: REFUSED.
local packet = '\0\0\x81\x05\0\1\0\0\0\0\0\0' .. '\3www\7example\3org\0' .. '\0\1\0\1'
addAction(QNameRule('www.example.org'), SpoofPacketAction(packet, #packet))

-- @ SpoofRawAction
-- A TXT record: its content as it stands in a message, a length in front of each text.
addAction(AndRule{QNameRule('txt.example.org'), QTypeRule('TXT')},
  SpoofRawAction('\5hello', {ttl=300}))

-- @ TCAction
addAction(AndRule{QTypeRule('ANY'), TCPRule(false)}, TCAction())

-- @ SpoofSVCAction, newSVCRecordParameters, SVCRecordParameters
local record = newSVCRecordParameters(1, 'www.example.org', {
  mandatory={'port'}, alpn={'h2'}, port=443, ipv4hint={'192.0.2.80'}})
addAction(AndRule{QNameRule('example.org'), QTypeRule(65)}, SpoofSVCAction(record, {ttl=300}))

-- @ SetMacAddrAction, MacAddrAction
-- Clients on a network of this host are told apart by their cards, in an option for local use.
addAction('192.168.0.0/16', SetMacAddrAction(65001))
-- The older name.
addAction('10.0.0.0/8', MacAddrAction(65001))

-- @ TeeAction
-- A new server gets a copy of each query, tells the client's network apart, and answers nobody.
addAction(AllRule(), TeeAction('127.0.0.53:5353', true))
