#!/usr/bin/python3
"""The statistics on the web server, fetched with curl as a collector does."""

import contextlib
import json
import os
import re
import socket
import unittest

import dns.exception

from certificates import Certificates
from client import ask, question, run
from harness import CONSOLE, SANITIZED, SystemTest, free_port, wait_until
from nameservers import Nsd

ZONE = "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics_of_dnsdist.txt"), encoding="ascii") as file:
    METRICS = file.read().splitlines()[1:]
PASSWORD, KEY = "a password", "a key"


class Web(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.nsd = Nsd({"example.org": ZONE})

    @classmethod
    def tearDownClass(cls):
        cls.nsd.kill()

    def setUp(self):
        self.web = free_port()
        self.running = self.proxy(
            f'webserver("127.0.0.1:{self.web}")\n'
            'setAPIWritable(true, "{dir}")\n'
            f'setWebserverConfig({{password="{PASSWORD}", apiKey="{KEY}", acl="127.0.0.1/32"}})\n'
            f'newServer{{address="127.0.0.1:{self.nsd.port}", name="first", checkName="example.org"}}\n'
            'getPool(""):setCache(newPacketCache(1000))\n')

    def fetch(self, path, *arguments):
        """(status, body)"""
        result = run("curl", "-s", "-m", "10", "-w", "\n%{http_code}", *arguments, f"http://127.0.0.1:{self.web}{path}")
        body, _, status = result.stdout.rpartition("\n")
        return int(status), body

    def with_key(self, path):
        return self.fetch(path, "-H", f"X-API-Key: {KEY}")

    def test_without_credentials_nothing_is_told(self):
        for path in ("/metrics", "/jsonstat?command=stats"):
            self.assertEqual(self.fetch(path)[0], 401, path)
            self.assertEqual(self.fetch(path, "-u", "user:wrong")[0], 401, path)
            self.assertEqual(self.fetch(path, "-H", "X-API-Key: wrong")[0], 401, path)

    def test_key_and_password_both_open_the_statistics(self):
        for path in ("/metrics", "/jsonstat?command=stats"):
            self.assertEqual(self.with_key(path)[0], 200, path)
            self.assertEqual(self.fetch(path, "-u", f"anybody:{PASSWORD}")[0], 200, path)

    def test_metrics_have_every_name_type_and_label_of_dnsdist(self):
        certificates = Certificates()
        files = '"%s", "%s"' % certificates.make("dns.example")
        web, ports = free_port(), [free_port(), free_port()]
        proxy = self.proxy(CONSOLE + f"""
            webserver("127.0.0.1:{web}")
            setWebserverConfig({{password="{PASSWORD}", acl="127.0.0.1/32"}})
            setLocal("127.0.0.1:{{port}}")
            addTLSLocal("127.0.0.1:{ports[0]}", {files})
            addDOHLocal("127.0.0.1:{ports[1]}", {files}, "/dns-query")
            newServer{{address="127.0.0.1:{self.nsd.port}", checkName="example.org"}}
            getPool(""):setCache(newPacketCache(1000))
            addAction("rule.example.", DropAction())
            addDynamicBlock("127.0.0.7", "asks too much", DNSAction.Drop, 100)
            addDynBlockSMT({{"blocked.example."}}, "asked for too much", 100, DNSAction.Drop)
            """)

        def missing():
            # Offenders are named while they ask.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind(("127.0.0.7", 0))
                client.sendto(question("a.example").to_wire(), ("127.0.0.1", proxy.port))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(question("a.blocked.example").to_wire(), ("127.0.0.1", proxy.port))
            text = run("curl", "-s", "-u", f"x:{PASSWORD}", f"http://127.0.0.1:{web}/metrics").stdout
            types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
            samples = {(name, ",".join(re.findall(r'(\w+)="', labels)))
                       for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.M)}
            wrong = []
            for line in METRICS:
                name, kind, labels = (line.split() + [""])[:3]
                sample = name + "_bucket" if kind == "histogram" else name
                if types.get(name) != kind or (sample, labels) not in samples:
                    wrong.append(line)
            return wrong
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not missing(), "all that is listed")
        self.assertEqual(missing(), [])

    def test_metrics_are_well_formed_and_count(self):
        for _ in range(3):
            ask("ns1.example.org", port=self.running.port)
        status, body = self.with_key("/metrics")
        self.assertEqual(status, 200)
        values = {}
        for line in body.splitlines():
            if line.startswith("#"):
                self.assertRegex(line, r"^# (HELP|TYPE) dnsdist_\w+ ")
                continue
            found = re.fullmatch(r"(dnsdist_\w+)(\{[^}]*\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?|NaN|\+Inf)( \d+)?", line)
            self.assertTrue(found, line)
            values[found.group(1) + (found.group(2) or "")] = found.group(3)
        self.assertEqual(values["dnsdist_queries"], "3")
        self.assertEqual(values["dnsdist_cache_hits"], "2")
        self.assertTrue([v for v in values if v.startswith("dnsdist_server_status{") and 'server="first' in v])

    def test_pages_in_lua(self):
        web = free_port()
        self.proxy('setLuaBudget{time=200}\n'
                   f'webserver("127.0.0.1:{web}")\n'
                   f'setWebserverConfig({{password="{PASSWORD}", acl="127.0.0.1/32"}})\n'
                   f'newServer{{address="127.0.0.1:{self.nsd.port}", checkName="example.org"}}\n'
                   'registerWebHandler("/own", function(req, resp)\n'
                   '  resp.status = 202\n'
                   '  resp.headers = {["X-Own"]="yes"}\n'
                   '  resp.body = req.getvars.name .. " " .. req.headers["user-agent"] .. " " .. (req.postvars.p or "")\n'
                   'end)\n'
                   'registerWebHandler("/loop", function() while true do end end)\n'
                   'registerWebHandler("/error", function() error("nobody is told") end)\n')
        self.web = web
        login = ("-u", f"x:{PASSWORD}")
        self.assertEqual(self.fetch("/own?name=a")[0], 401)
        self.assertEqual(self.fetch("/own?name=a%20b", *login, "-A", "agent"), (202, "a b agent "))
        self.assertEqual(self.fetch("/own?name=a", *login, "-A", "x", "-X", "GET", "-d", "p=%25"), (202, "a x %"))
        self.assertEqual(self.fetch("/own", *login, "-d", "p=1")[0], 405)
        self.assertIn("x-own: yes", self.fetch("/own?name=a", *login, "-i")[1].lower())
        # TSan holds back the signal that stops Lua.
        for path in ("/error",) if SANITIZED == "tsan" else ("/loop", "/error"):
            self.assertEqual(self.fetch(path, *login), (500, "Internal Server Error\n"))
        self.assertIn("dnsdist_lua_errors", self.fetch("/metrics", *login)[1])

    def test_statistics_come_as_json(self):
        ask("ns1.example.org", port=self.running.port)
        status, body = self.with_key("/jsonstat?command=stats")
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body)["queries"], 1)

    def test_the_rings_come_as_json(self):
        path = "/api/v1/servers/localhost/rings"
        self.assertEqual(self.fetch(path)[0], 401)
        for more in ({}, {}, {"tcp": True}):
            ask("ns1.example.org", port=self.running.port, **more)
        ask("none.example.org", "AAAA", port=self.running.port)
        status, body = self.with_key(path)
        told = json.loads(body)
        self.assertEqual(status, 200)
        queries, answers = told["queries"], told["responses"]
        self.assertEqual([(one["name"], one["qtype"], one["protocol"], one["mac"]) for one in queries],
                         [("ns1.example.org.", 1, "DoUDP", "")] * 2 + [("ns1.example.org.", 1, "DoTCP", ""),
                                                                       ("none.example.org.", 28, "DoUDP", "")])
        server = f"127.0.0.1:{self.nsd.port}"
        self.assertEqual([(one["name"], one["rcode"], one["backend"]) for one in answers],
                         [("ns1.example.org.", 0, server)] + [("ns1.example.org.", 0, "Cache")] * 2
                         + [("none.example.org.", 3, server)])
        self.assertTrue(all(0 <= one["age"] < 60 and one["requestor"].startswith("127.0.0.1:") for one in queries + answers))
        self.assertTrue(all(one["latency"] > 0 for one in answers if one["backend"] == server))
        told = json.loads(self.with_key(path + "?maxQueries=1&maxResponses=none")[1])
        self.assertEqual((len(told["queries"]), len(told["responses"])), (1, 4))
        self.assertEqual(told["queries"][0]["name"], "none.example.org.")

    def test_the_settings_come_as_json(self):
        status, body = self.with_key("/api/v1/servers/localhost/config")
        self.assertEqual(status, 200)
        settings = {setting["name"]: setting["value"] for setting in json.loads(body)}
        self.assertEqual(settings["ecs-source-prefix-v6"], 56)
        self.assertEqual(settings["server-policy"], "leastOutstanding")
        self.assertIn("127.0.0.0/8", settings["acl"])

    def put(self, networks):
        return self.fetch("/api/v1/servers/localhost/config/allow-from", "-H", f"X-API-Key: {KEY}",
                          "-X", "PUT", "-d", json.dumps({"value": networks}))

    def test_the_access_list_is_replaced_and_kept_in_a_file(self):
        ask("ns1.example.org", port=self.running.port)
        status, body = self.put(["192.0.2.0/24"])
        self.assertEqual((status, json.loads(body)["value"]), (200, ["192.0.2.0/24"]))
        with self.assertRaises(dns.exception.Timeout):
            ask("ns1.example.org", port=self.running.port, timeout_s=0.5)
        with open(os.path.join(self.running.folder, "acl.conf"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertTrue(lines[0].startswith("--"))
        self.assertEqual(lines[1:], ['setACL({"192.0.2.0/24"})'])
        self.assertEqual(self.put(["no network"])[0], 400)
        self.assertEqual(self.put(["127.0.0.0/8"])[0], 200)
        ask("ns1.example.org", port=self.running.port)

    def test_rubbish_does_not_disturb_the_server(self):
        for path in ("/", "/nowhere", "/jsonstat", "/jsonstat?command=no", "/metrics?" + "x" * 5000, "/%00", "/../../etc/passwd"):
            self.fetch(path)
            self.with_key(path)
        self.assertEqual(self.fetch("/metrics", "-X", "DELETE", "-u", f"anybody:{PASSWORD}")[0], 405)
        self.assertEqual(self.with_key("/metrics")[0], 200)


if __name__ == "__main__":
    unittest.main()
