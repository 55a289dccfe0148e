-- @ AllowResponseAction
addResponseAction(QNameSuffixRule('example.org'), AllowResponseAction())

-- @ ClearRecordTypesResponseAction
-- No AAAA for clients of a network without IPv6.
addResponseAction(NetmaskGroupRule('192.0.2.0/24'), ClearRecordTypesResponseAction(DNSQType.AAAA))

-- @ DelayResponseAction
addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), DelayResponseAction(50))

-- @ DropResponseAction
addResponseAction(RCodeRule(DNSRCode.FORMERR), DropResponseAction())

-- @ LimitTTLResponseAction
-- At least a minute, at most an hour; A and AAAA alone.
addResponseAction(AllRule(), LimitTTLResponseAction(60, 3600, {DNSQType.A, DNSQType.AAAA}))

-- @ LogResponseAction
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), LogResponseAction('/etc/breakwater/servfail.log', true))

-- @ SetEDNSOptionResponseAction
addResponseAction(AllRule(), SetEDNSOptionResponseAction(65001, 'breakwater'))

-- @ SetExtendedDNSErrorResponseAction
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), SetExtendedDNSErrorResponseAction(23, 'no answer'))

-- @ SetMaxReturnedTTLResponseAction
addCacheHitResponseAction(AllRule(), SetMaxReturnedTTLResponseAction(300))

-- @ SetMaxTTLResponseAction
addResponseAction(AllRule(), SetMaxTTLResponseAction(3600))

-- @ SetMinTTLResponseAction
addResponseAction(QNameSuffixRule('busy.example.org'), SetMinTTLResponseAction(30))

-- @ SetReducedTTLResponseAction
-- Half of what the server gave.
addResponseAction(AllRule(), SetReducedTTLResponseAction(50))

-- @ SetSkipCacheResponseAction
addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), SetSkipCacheResponseAction())

-- @ SetTagResponseAction, TagResponseAction, UnsetTagResponseAction
addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), SetTagResponseAction('found', 'no'))
-- The older name.
addResponseAction(RCodeRule(DNSRCode.NOERROR), TagResponseAction('found', 'yes'))
addResponseAction(QTypeRule('SOA'), UnsetTagResponseAction('found'))

-- @ TCResponseAction
addResponseAction(PayloadSizeRule('greater', 1232), TCResponseAction())
