-- @ newDNSName, DNSName
local name = newDNSName('www.example.org')
assert(name:toString() == 'www.example.org.' and name:tostring() == 'www.example.org.')
assert(name:toStringNoDot() == 'www.example.org')
assert(name:countLabels() == 3 and name:wirelength() == 17)
assert(name:toDNSString() == '\3www\7example\3org\0')
assert(name:isPartOf(newDNSName('example.org')))
assert(name:makeRelative(newDNSName('example.org')):toString() == 'www.')
name:chopOff()
name:prepend(newDNSName('mail'))
assert(name == newDNSName('MAIL.example.ORG'))
local longer = newDNSName('a')
longer:append(newDNSName('example.net'))
assert(longer:toString() == 'a.example.net.')

-- @ newDNSNameSet, DNSNameSet
local names = newDNSNameSet()
assert(names:empty())
names:add(newDNSName('a.example.org'))
names:add(newDNSName('b.example.org'))
assert(names:size() == 2 and names:check(newDNSName('A.example.org')))
names:delete(newDNSName('a.example.org'))
assert(string.find(names:toString(), 'b.example.org'))
names:clear()

-- @ newSuffixMatchNode, SuffixMatchNode
local blocked = newSuffixMatchNode()
blocked:add({'ads.example', 'tracker.example'})
blocked:add(newDNSName('sub.ads.example'))
assert(blocked:check(newDNSName('www.ads.example')))
assert(blocked:getBestMatch(newDNSName('a.sub.ads.example')):toString() == 'sub.ads.example.')
blocked:remove('tracker.example')
assert(not blocked:check(newDNSName('tracker.example')))

-- @ newDNSNameFromRaw
assert(newDNSNameFromRaw('\3www\7example\3org\0') == newDNSName('www.example.org'))
