#!/usr/bin/python3
"""The members of the web server's JSON: all that dashboards read of dnsdist 1.7.3 is there."""

import json
import unittest

from pair import Pair  # first: it sets the path
from certificates import Certificates
from client import ask, run
from harness import BINARY, DNSDIST, free_port, wait_until

PASSWORD, KEY = "a password", "a key"
PAGE = "/api/v1/servers/localhost"
CONFIG = """
webserver("127.0.0.1:%(web)d")
setWebserverConfig({password="a password", apiKey="a key", acl="127.0.0.1/32"})
addTLSLocal("127.0.0.1:{tls}", %(files)s)
addDOHLocal("127.0.0.1:{https}", %(files)s, "/dns-query")
newServer({address="127.0.0.1:9", name="one", pool="p"})
getPool("p"):setCache(newPacketCache(100))
addAction("a.example.", SpoofAction("192.0.2.1"))
addResponseAction("b.example.", DropResponseAction())
addCacheHitResponseAction("c.example.", DropResponseAction())
addSelfAnsweredResponseAction("d.example.", AllowResponseAction())
addDynBlocks({[newCA("192.0.2.7")]=1}, "asks too much", 100)
"""


class Api(Pair):
    def members(self, binary):
        web = free_port()
        files = '"%s", "%s"' % Certificates().make("dns.example")

        def fetch(path):
            return run("curl", "-s", "-m", "10", "-u", f"x:{PASSWORD}", "-H", f"X-API-Key: {KEY}",
                       f"http://127.0.0.1:{web}{path}").stdout

        def look(proxy):
            ask("a.example", port=proxy.port)
            wait_until(lambda: fetch(PAGE).startswith("{"), "the page")
            page, pool = json.loads(fetch(PAGE)), json.loads(fetch(PAGE + "/pool?name=p"))
            seen = {"page": set(page), "pool": set(pool)}
            for name, value in list(page.items()) + [(f"pool {name}", value) for name, value in pool.items()]:
                rows = value if isinstance(value, list) else [value]
                for place, row in enumerate(rows):
                    if isinstance(row, dict):
                        # Frontends one by one: those with TLS, HTTPS and neither must not differ.
                        seen[f"{name} {place}" if name == "frontends" else name] = set(row)
            for path in ("/jsonstat?command=stats", "/jsonstat?command=dynblocklist"):
                seen[path] = set(json.loads(fetch(path)))
            seen["a block"] = set(json.loads(fetch("/jsonstat?command=dynblocklist"))["192.0.2.7/32"])
            seen["statistics"] = {one["name"] for one in json.loads(fetch(PAGE + "/statistics"))}
            seen["settings"] = {one["name"] for one in json.loads(fetch(PAGE + "/config"))}
            return seen
        return self.outcome(binary, CONFIG % {"web": web, "files": files}, look)

    def test_every_member_of_dnsdist_is_there(self):
        old, new = self.members(DNSDIST), self.members(BINARY)
        self.assertGreater(len(old["frontends 0"]), 20)
        missing = {where: sorted(names - new.get(where, set())) for where, names in old.items()}
        self.assertEqual({where: names for where, names in missing.items() if names}, {})


if __name__ == "__main__":
    unittest.main()
