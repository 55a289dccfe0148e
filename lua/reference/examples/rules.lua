-- @ addAction
addAction('192.0.2.0/24', PoolAction('north'))
addAction(QNameRule('www.example.org'), SpoofAction('192.0.2.80'), {name='www'})

-- @ addCacheMissAction
-- Only what the cache does not answer counts.
addCacheMissAction(MaxQPSIPRule(100), DropAction())

-- @ addResponseAction
addResponseAction(QNameSuffixRule('example.org'), SetMaxTTLResponseAction(300))

-- @ addCacheHitResponseAction
addCacheHitResponseAction(AllRule(), SetMaxReturnedTTLResponseAction(60))

-- @ addCacheInsertedResponseAction
addCacheInsertedResponseAction(RCodeRule(DNSRCode.NXDOMAIN), LogResponseAction())

-- @ addSelfAnsweredResponseAction
addSelfAnsweredResponseAction(RCodeRule(DNSRCode.REFUSED), LogResponseAction())

-- @ addXFRResponseAction
addXFRResponseAction(QNameRule('example.org'), LogResponseAction())

-- @ addTimeoutResponseAction
addTimeoutResponseAction(AllRule(), LuaResponseAction(function(dr)
  warnlog('no answer for ' .. dr.qname:toString())
  return DNSResponseAction.None
end))

-- @ newRuleAction, setRules, setCacheMissRules, makeRule
-- All rules at once.
setRules({
  newRuleAction(makeRule('192.0.2.0/24'), PoolAction('north'), {name='north'}),
  newRuleAction(makeRule('example.org'), PoolAction('examples')),
})
setCacheMissRules({newRuleAction(QTypeRule('ANY'), TCAction())})

-- @ getAction, getCacheMissAction
addAction(AllRule(), NoneAction())
addCacheMissAction(AllRule(), NoneAction())
assert(getAction(0) and getCacheMissAction(0))

-- @ showRules, getRule, mvRule, mvRuleToTop, rmRule, clearRules, getTopRules, topRule, topRules (console)
clearRules()
addAction(QTypeRule('A'), NoneAction(), {name='first'})
addAction(AllRule(), NoneAction(), {name='second'})
showRules({showUUIDs=true})
print(getRule('first').name)
mvRule(1, 0)
mvRuleToTop()
topRule()
topRules(5)
print(#getTopRules(5))
rmRule('first')
clearRules()

-- @ showCacheMissRules, getCacheMissRule, mvCacheMissRule, mvCacheMissRuleToTop, rmCacheMissRule, clearCacheMissRules, getTopCacheMissRules, topCacheMissRule, topCacheMissRules (console)
clearCacheMissRules()
addCacheMissAction(QTypeRule('A'), NoneAction(), {name='first'})
addCacheMissAction(AllRule(), NoneAction(), {name='second'})
showCacheMissRules({showUUIDs=true})
print(getCacheMissRule('first').name)
mvCacheMissRule(1, 0)
mvCacheMissRuleToTop()
topCacheMissRule()
topCacheMissRules(5)
print(#getTopCacheMissRules(5))
rmCacheMissRule('first')
clearCacheMissRules()

-- @ showResponseRules, getResponseRule, mvResponseRule, mvResponseRuleToTop, rmResponseRule, clearResponseRules, getTopResponseRules, topResponseRule, topResponseRules (console)
clearResponseRules()
addResponseAction(QTypeRule('A'), AllowResponseAction(), {name='first'})
addResponseAction(AllRule(), AllowResponseAction(), {name='second'})
showResponseRules({showUUIDs=true})
print(getResponseRule('first').name)
mvResponseRule(1, 0)
mvResponseRuleToTop()
topResponseRule()
topResponseRules(5)
print(#getTopResponseRules(5))
rmResponseRule('first')
clearResponseRules()

-- @ showCacheHitResponseRules, getCacheHitResponseRule, mvCacheHitResponseRule, mvCacheHitResponseRuleToTop, rmCacheHitResponseRule, clearCacheHitResponseRules, getTopCacheHitResponseRules, topCacheHitResponseRule, topCacheHitResponseRules, getTopCacheHitResponseRule, topCacheHitRules (console)
clearCacheHitResponseRules()
addCacheHitResponseAction(QTypeRule('A'), AllowResponseAction(), {name='first'})
addCacheHitResponseAction(AllRule(), AllowResponseAction(), {name='second'})
showCacheHitResponseRules({showUUIDs=true})
print(getCacheHitResponseRule('first').name)
mvCacheHitResponseRule(1, 0)
mvCacheHitResponseRuleToTop()
topCacheHitResponseRule()
topCacheHitResponseRules(5)
print(#getTopCacheHitResponseRules(5))
getTopCacheHitResponseRule(5)
topCacheHitRules(5)
rmCacheHitResponseRule('first')
clearCacheHitResponseRules()

-- @ showCacheInsertedResponseRules, getCacheInsertedResponseRule, mvCacheInsertedResponseRule, mvCacheInsertedResponseRuleToTop, rmCacheInsertedResponseRule, clearCacheInsertedResponseRules, getTopCacheInsertedResponseRules, topCacheInsertedResponseRule, topCacheInsertedResponseRules (console)
clearCacheInsertedResponseRules()
addCacheInsertedResponseAction(QTypeRule('A'), AllowResponseAction(), {name='first'})
addCacheInsertedResponseAction(AllRule(), AllowResponseAction(), {name='second'})
showCacheInsertedResponseRules({showUUIDs=true})
print(getCacheInsertedResponseRule('first').name)
mvCacheInsertedResponseRule(1, 0)
mvCacheInsertedResponseRuleToTop()
topCacheInsertedResponseRule()
topCacheInsertedResponseRules(5)
print(#getTopCacheInsertedResponseRules(5))
rmCacheInsertedResponseRule('first')
clearCacheInsertedResponseRules()

-- @ showSelfAnsweredResponseRules, getSelfAnsweredResponseRule, mvSelfAnsweredResponseRule, mvSelfAnsweredResponseRuleToTop, rmSelfAnsweredResponseRule, clearSelfAnsweredResponseRules, getTopSelfAnsweredResponseRules, topSelfAnsweredResponseRule, topSelfAnsweredResponseRules, getTopSelfAnsweredRules (console)
clearSelfAnsweredResponseRules()
addSelfAnsweredResponseAction(QTypeRule('A'), AllowResponseAction(), {name='first'})
addSelfAnsweredResponseAction(AllRule(), AllowResponseAction(), {name='second'})
showSelfAnsweredResponseRules({showUUIDs=true})
print(getSelfAnsweredResponseRule('first').name)
mvSelfAnsweredResponseRule(1, 0)
mvSelfAnsweredResponseRuleToTop()
topSelfAnsweredResponseRule()
topSelfAnsweredResponseRules(5)
print(#getTopSelfAnsweredResponseRules(5))
getTopSelfAnsweredRules(5)
rmSelfAnsweredResponseRule('first')
clearSelfAnsweredResponseRules()

-- @ showXFRResponseRules, getXFRResponseRule, mvXFRResponseRule, mvXFRResponseRuleToTop, rmXFRResponseRule, clearXFRResponseRules, getTopXFRResponseRules, topXFRResponseRule, topXFRResponseRules (console)
clearXFRResponseRules()
addXFRResponseAction(QTypeRule('A'), AllowResponseAction(), {name='first'})
addXFRResponseAction(AllRule(), AllowResponseAction(), {name='second'})
showXFRResponseRules({showUUIDs=true})
print(getXFRResponseRule('first').name)
mvXFRResponseRule(1, 0)
mvXFRResponseRuleToTop()
topXFRResponseRule()
topXFRResponseRules(5)
print(#getTopXFRResponseRules(5))
rmXFRResponseRule('first')
clearXFRResponseRules()

-- @ showTimeoutResponseRules, getTimeoutResponseRule, mvTimeoutResponseRule, mvTimeoutResponseRuleToTop, rmTimeoutResponseRule, clearTimeoutResponseRules, getTopTimeoutResponseRules, topTimeoutResponseRule, topTimeoutResponseRules, getTopTimeoutResponseRule (console)
clearTimeoutResponseRules()
addTimeoutResponseAction(QTypeRule('A'), AllowResponseAction(), {name='first'})
addTimeoutResponseAction(AllRule(), AllowResponseAction(), {name='second'})
showTimeoutResponseRules({showUUIDs=true})
print(getTimeoutResponseRule('first').name)
mvTimeoutResponseRule(1, 0)
mvTimeoutResponseRuleToTop()
topTimeoutResponseRule()
topTimeoutResponseRules(5)
print(#getTopTimeoutResponseRules(5))
getTopTimeoutResponseRule(5)
rmTimeoutResponseRule('first')
clearTimeoutResponseRules()

-- @ DNSRule
local selector = QTypeRule('A')
addAction(selector, NoneAction())
print(selector:toString(), selector:getMatches())

-- @ DNSAction
local action = QPSAction(100)
addAction(AllRule(), action)
for name, value in pairs(action:getStats() or {}) do print(name, value) end

-- @ DNSDistRuleAction
addAction(AllRule(), NoneAction(), {name='all'})
local rule = getRule('all')
print(rule:getSelector():toString(), rule:getAction(), rule.name)

-- @ DNSDistResponseRuleAction
addResponseAction(AllRule(), AllowResponseAction(), {name='all'})
local rule = getResponseRule('all')
print(rule:getSelector():toString(), rule:getAction(), rule.name)

-- @ getCacheHitResponseRules (console)
print(#getCacheHitResponseRules(5))

-- @ newQPSLimiter, QPSLimiter
-- A hundred ANY queries a second in all, and twenty at once; what is more is to ask over TCP.
local limiter = newQPSLimiter(100, 20)
addAction(QTypeRule(DNSQType.ANY), LuaAction(function(dq)
  return limiter:check() and DNSAction.None or DNSAction.Truncate
end))

-- @ DNSAction, DNSResponseAction (console)
-- The log was moved away: its file is made anew. SIGHUP does that for all of them.
addAction(AllRule(), LogAction('/dev/null', false))
addResponseAction(AllRule(), LogResponseAction('/dev/null'))
getRule(0):getAction():reload()
getRule(0):getAction():printStats()
getResponseRule(0):getAction():reload()
