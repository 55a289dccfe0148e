#!/usr/bin/python3
"""The examples of the reference that need a proxy that runs: console lines, and Lua in rules.

The others are run by tests/reference, as a configuration that is only checked.
"""

import glob
import os
import re
import unittest

from client import addresses, ask
from harness import CONSOLE, ROOT, SystemTest, breakwater_only
from nameservers import Nsd

ZONE = """$ORIGIN example.org.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.80
other A 192.0.2.81
"""
IN_RULES = ("question", "packets", "policies")
CHAINS = ("", "CacheMiss", "Response", "CacheHitResponse", "CacheInsertedResponse", "SelfAnsweredResponse",
          "XFRResponse", "TimeoutResponse")
CLEAR = "".join(f"clear{chain}Rules() " for chain in CHAINS) + "getPool(''):getCache():expunge(0)"


def examples():
    """(page, line, names, is for the console, text) of each."""
    for path in sorted(glob.glob(os.path.join(ROOT, "lua/reference/examples/*.lua"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for match in re.finditer(r"^-- @ (.*?)( \(console\))?\n(.*?)(?=^-- @ |\Z)", text, re.M | re.S):
            line = text.count("\n", 0, match.start()) + 1
            page = os.path.basename(path)[:-len(".lua")]
            yield page, line, match.group(1).split(", "), bool(match.group(2)), match.group(3)


class Reference(SystemTest):
    def running(self):
        nsd = self.started(Nsd({"example.org": ZONE}))
        pools = '"", "north", "south", "second", "examples"'
        proxy = self.proxy(CONSOLE + f'newServer{{address="127.0.0.1:{nsd.port}", name="nsd", pool={{{pools}}}}}\n'
                           f'newServer{{address="127.0.0.1:{nsd.port}", name="again"}}\n'
                           'getPool(""):setCache(newPacketCache(1000))\n'
                           # On a busy machine a call is late, and no error of the example.
                           'setLuaLockTimeout(2000)\nsetLuaBudget({time=2000})\n')
        self.assertEqual(addresses(ask("www.example.org", port=proxy.port)), ["192.0.2.80"])
        return proxy

    @breakwater_only
    def test_every_example_for_the_console_works_there(self):
        proxy, seen = self.running(), 0
        for page, line, names, console, text in examples():
            if not console:
                continue
            seen += 1
            with self.subTest(f"{page}.lua:{line}", names=names):
                output = proxy.console(text.replace("/etc/breakwater", proxy.folder))
                self.assertNotRegex(output, r"(?m)^Error")
                self.assertNotIn("cannot be used at runtime", output)
        self.assertGreater(seen, 15)

    @breakwater_only
    def test_every_example_of_lua_in_rules_handles_real_queries(self):
        proxy, seen = self.running(), 0
        for page, line, names, console, text in examples():
            if console or page not in IN_RULES:
                continue
            seen += 1
            with self.subTest(f"{page}.lua:{line}", names=names):
                self.assertEqual(proxy.console(CLEAR + " setServerPolicy(leastOutstanding)").strip(), "")
                before = proxy.stat("lua-errors"), proxy.stat("lua-lock-timeouts")
                # Servers that are not there would be asked.
                output = proxy.console(re.sub(r"^newServer.*$", "", text, flags=re.M))
                self.assertNotRegex(output, r"(?m)^Error")
                matched = "local n = 0 for _, r in ipairs(getTopRules()) do n = n + r:getSelector():getMatches() end " \
                    "for _, r in ipairs(getTopResponseRules()) do n = n + r:getSelector():getMatches() end return n"
                for name in ("www.example.org", "other.example.org", "none.example.org"):
                    for tcp in (False, True):
                        self.assertTrue(ask(name, port=proxy.port, tcp=tcp, want_dnssec=True).id)
                self.assertEqual((proxy.stat("lua-errors"), proxy.stat("lua-lock-timeouts")), before,
                                 proxy.log()[-2000:])
                if re.search(r"^add\w*Action\(AllRule", text, re.M):
                    self.assertGreater(int(proxy.console(matched)), 0)
        self.assertGreater(seen, 15)


if __name__ == "__main__":
    unittest.main()
