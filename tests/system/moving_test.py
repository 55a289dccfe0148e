#!/usr/bin/python3
"""What examples/moving-from-dnsdist.md tells to do, done: the trial beside dnsdist 1.7.3, and the comparison."""

import json
import os
import re
import subprocess
import unittest

from client import run
from harness import (BINARY, CONSOLE, DNSDIST, ROOT, Proxy, SystemTest, accepts_tcp, breakwater_only, free_port,
                     temp_folder, write_file)
from nameservers import Nsd

FILE = CONSOLE + """setLocal("127.0.0.1:{port}")
newServer{address="127.0.0.1:%d", name="ns1"}
getPool(""):setCache(newPacketCache(1000))
setWebserverConfig({password="secret", apiKey="key", acl="127.0.0.0/8"})
webserver("127.0.0.1:%d")
addAction(QTypeRule("ANY"), TCAction())
setServerPolicyLua("first", function(servers, dq) return servers[1] end)
"""
NAMES = "example.org SOA\nweb.example.org A\nweb.example.org AAAA\nweb.example.org ANY\nnone.example.org A\n"


def blocks(kind):
    with open(os.path.join(ROOT, "examples/moving-from-dnsdist.md"), encoding="utf-8") as file:
        return re.findall(rf"^```{kind}\n(.*?)^```", file.read(), re.M | re.S)


class Moving(SystemTest):
    def side_by_side(self):
        with open(os.path.join(ROOT, "examples/zones/example.org.zone"), encoding="utf-8") as zone:
            nsd = self.started(Nsd({"example.org": zone.read()}))
        dnsdist = self.started(Proxy('setSecurityPollSuffix("")\n' + FILE % (nsd.port, free_port()), binary=DNSDIST))
        dnsdist.start()
        (trial,) = blocks("lua")
        self.web = free_port()
        for old, new in (("/etc/dnsdist/dnsdist.conf", dnsdist.config_path), (":5300", ":{port}"),
                         (":5200", ":{console}"), (":8084", f":{self.web}")):
            self.assertIn(old, trial)
            trial = trial.replace(old, new)
        return dnsdist, self.proxy(trial)

    def differences(self, dnsdist, proxy):
        folder = temp_folder()
        write_file(folder, "names.txt", NAMES)
        (script,) = blocks("bash")
        self.assertIn("say 53 ", script)
        script = script.replace("say 53 ", f"say {dnsdist.port} ").replace("say 5300 ", f"say {proxy.port} ")
        done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        return re.findall(r"^differs: (.*)$", done.stdout, re.M)

    @breakwater_only
    def test_the_trial_answers_as_dnsdist_does_and_the_comparison_finds_what_differs(self):
        dnsdist, proxy = self.side_by_side()
        self.assertEqual(self.differences(dnsdist, proxy), [])
        proxy.console('addAction(QNameRule("web.example.org"), SpoofAction("192.0.2.1"))')
        # dig asks again over TCP where the answer to ANY is truncated.
        self.assertIn("web.example.org A", self.differences(dnsdist, proxy))

    @breakwater_only
    def test_console_and_web_server_are_there(self):
        _, proxy = self.side_by_side()
        self.assertIn("qtype==ANY", proxy.console("showRules()", binary=DNSDIST))
        self.assertIn("ns1", proxy.console("showServers()", binary=BINARY))
        self.assertTrue(accepts_tcp(self.web))
        page = run("curl", "-s", "-H", "X-API-Key: key", f"http://127.0.0.1:{self.web}/api/v1/servers/localhost")
        self.assertEqual([server["name"] for server in json.loads(page.stdout)["servers"]], ["ns1"])
        page = run("curl", "-s", "-u", "user:secret", f"http://127.0.0.1:{self.web}/metrics")
        self.assertRegex(page.stdout, r"(?m)^dnsdist_queries \d+")

    @breakwater_only
    def test_the_check_tells_what_does_not_work(self):
        path = write_file(temp_folder(), "dnsdist.conf", 'setLocal("127.0.0.1")\naddAction(AllRule(), snmpAgent())\n')
        check = run(BINARY, "-C", path, "--check-config", "--strict")
        self.assertIn(f"{path}:2: snmpAgent is not available yet", check.stderr + check.stdout)
        self.assertEqual(check.returncode, 1)


if __name__ == "__main__":
    unittest.main()
