-- Rules for DNS over HTTPS alone: a path for each profile, a token in a header for those who pay, and
-- nothing at all for scripts that scan. UDP and TCP go on as before.
setStrictConfig(true)
setLocal("192.0.2.10:53")
addDOHLocal("192.0.2.10:443", "/etc/breakwater/cert.pem", "/etc/breakwater/key.pem",
            {"/dns-query", "/family", "/members"}, {keepIncomingHeaders=true})
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="ns1"}
getPool(""):setCache(newPacketCache(100000))

addAction(HTTPHeaderRule("user-agent", "^(masscan|zgrab)"), DropAction(), {name="scanners"})

-- /members is for who sends the token.
addAction(AndRule({HTTPPathRule("/members"), NotRule(HTTPHeaderRule("x-member-token", "^s3cret-[0-9]+$"))}),
          HTTPStatusAction(403, "members only", "text/plain"), {name="members only"})

-- /family does not tell of some names.
addAction(AndRule({HTTPPathRule("/family"), QNameSuffixRule({"casino.example.", "mail.example.org."})}),
          RCodeAction(DNSRCode.NXDOMAIN), {name="family"})

-- Each profile may be counted apart.
addAction(HTTPPathRegexRule("^/(family|members)$"), SetTagAction("profile", "named"))

-- Zone transfers and NOTIFY have no place on HTTPS.
addAction(AndRule({HTTPPathRegexRule("^/"), OrRule({OpcodeRule(DNSOpcode.Notify), OpcodeRule(DNSOpcode.Update)})}),
          RCodeAction(DNSRCode.REFUSED), {name="not over HTTPS"})
