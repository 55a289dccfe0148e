#!/usr/bin/python3
"""Filters in the kernel: what is blocked never reaches the proxy, on any transport, by whatever way it got blocked."""

import json
import os
import re
import subprocess
import unittest
import urllib.request

from client import run
from harness import (BINARY, CONSOLE, DNSDIST, SystemTest, accepts_tcp, breakwater_only, free_port, temp_folder,
                     wait_until, write_file)
from certificates import self_signed

WHY_NOT = ("" if os.geteuid() == 0 else "filters in the kernel need root") or (
    "" if os.path.exists("/proc/sys/kernel/unprivileged_bpf_disabled") else "this kernel is built without bpf(2)")

ANSWERS = 'addAction(AllRule(), SpoofAction({"192.0.2.80", "2001:db8::80"}))\n'
OPEN = 'setACL({"127.0.0.0/8", "::1/128"})\n'
ROOM = "{ipv4MaxItems=100, ipv6MaxItems=100, cidr4MaxItems=100, cidr6MaxItems=100, qnamesMaxItems=100}"
DEFAULT = f"bpf = newBPFFilter{ROOM}\nsetDefaultBPFFilter(bpf)\n"


def dig(port, name="www.example.org", qtype="A", source="127.0.0.1", host="127.0.0.1", tcp=False):
    """Whether there is an answer."""
    asked = run("dig", "-b", source, "@" + host, "-p", str(port), "+tries=1", "+time=1", "+short",
                *(["+tcp"] if tcp else []), name, qtype)
    return "192.0.2.80" in asked.stdout or "2001:db8::80" in asked.stdout


@unittest.skipIf(WHY_NOT, WHY_NOT)
class KernelFilters(SystemTest):
    def start(self, more, **options):
        return self.proxy('setLocal("127.0.0.1:{port}")\naddLocal("[::1]:{port}")\n' + CONSOLE + OPEN + more + ANSWERS,
                          **options)

    def counted(self, front, entry):
        found = re.search(r"(?m)^" + re.escape(entry) + r": (\d+)$", front.console("return bpf:getStats()"))
        return int(found.group(1)) if found else None

    @breakwater_only
    def test_addresses_and_names_are_dropped_as_by_dnsdist(self):
        config = """bpf = newBPFFilter({maxItems=10}, {maxItems=10}, {maxItems=10})
setDefaultBPFFilter(bpf)
bpf:block(newCA("127.0.0.2"))
bpf:block(newCA("2001:db8::1"))
bpf:blockQName(newDNSName("all.example.com"))
bpf:blockQName(newDNSName("One.example.com"), 28)
"""
        questions = [dict(source="127.0.0.2"), dict(source="127.0.0.3"), dict(source="::1", host="::1"),
                     dict(name="all.example.com"), dict(name="ALL.example.COM", qtype="AAAA"),
                     dict(name="one.example.com"), dict(name="one.example.com", qtype="AAAA"),
                     dict(name="www.one.example.com", qtype="AAAA"), dict(name="example.com", qtype="AAAA"),
                     dict(name="one.example.com", qtype="AAAA", tcp=True)]
        seen = {}
        for binary in (BINARY, DNSDIST):
            front = self.start(config, binary=binary)
            answered = [dig(front.port, **question) for question in questions]
            stats = front.console("bpf:getStats()" if binary == DNSDIST else "return bpf:getStats()")
            connected = dig(front.port, source="127.0.0.2", tcp=True)
            seen[binary] = answered, sorted(re.sub(r" (255|65535):", " any:", stats.strip()).split("\n")), connected
        self.assertEqual(seen[BINARY], seen[DNSDIST])
        self.assertEqual(seen[BINARY][0], [False, True, True, False, False, True, False, True, True, True])
        self.assertIn("127.0.0.2: 1", seen[BINARY][1])
        self.assertFalse(seen[BINARY][2])

    @breakwater_only
    def test_every_socket_of_every_bind_has_the_default_filter(self):
        other, third = free_port(), free_port()
        pair = '"{}", "{}"'.format(*self_signed(temp_folder()))
        ports = {"dot": free_port(), "doh": free_port()}
        front = self.start(
            DEFAULT + f'setWorkers(2)\naddLocal("127.0.0.1:{other}", {{additionalAddresses={{"127.0.0.1:{third}"}}}})\n'
            f'addTLSLocal("127.0.0.1:{ports["dot"]}", {pair})\naddDOHLocal("127.0.0.1:{ports["doh"]}", {pair})\n'
            'bpf:block("127.0.0.2")\n')
        for port in (front.port, other):
            self.assertTrue(dig(port, source="127.0.0.3"))
            # As the kernel spreads them over the workers at random.
            for _ in range(4):
                self.assertFalse(dig(port, source="127.0.0.2"))
        for port in (front.port, other, *ports.values()):
            self.assertTrue(self.connects("127.0.0.3", port))
            self.assertFalse(self.connects("127.0.0.2", port))
        self.assertGreaterEqual(self.counted(front, "127.0.0.2"), 12)
        self.assertEqual(front.console('bpf:unblock("127.0.0.2")').strip(), "")
        self.assertTrue(dig(front.port, source="127.0.0.2"))

    @breakwater_only
    def test_a_filter_may_have_names_alone(self):
        front = self.start("bpf = newBPFFilter{qnamesMaxItems=10}\nsetDefaultBPFFilter(bpf)\n"
                           'bpf:blockQName(newDNSName("bad.example.com"))\n')
        self.assertFalse(dig(front.port, name="bad.example.com"))
        self.assertTrue(dig(front.port))
        self.assertTrue(dig(front.port, name="bad.example.com", tcp=True))

    def connects(self, source, port):
        connected = run("curl", "-s", "--interface", source, "--connect-timeout", "1", "-m", "2", "-o", "/dev/null",
                        "-w", "%{time_connect}", f"http://127.0.0.1:{port}/")
        return float(connected.stdout) > 0

    @breakwater_only
    def test_it_is_attached_changed_and_replaced_while_running(self):
        front = self.start("")
        front.console(f"bpf = newBPFFilter{ROOM}")
        self.assertIn("setDefaultBPFFilter cannot be used at runtime!", front.console("setDefaultBPFFilter(bpf)"))
        self.assertIn("is blocked already", front.console('bpf:block("127.0.0.2") bpf:block("127.0.0.2")'))
        self.assertTrue(dig(front.port, source="127.0.0.2"), "not attached yet")
        self.assertEqual(front.console("bpf:attachToAllBinds()").strip(), "")
        self.assertFalse(dig(front.port, source="127.0.0.2"))
        self.assertTrue(dig(front.port, source="127.0.0.4"))
        front.console('bpf:addRangeRule("127.0.0.0/29", 1) bpf:addRangeRule("127.0.0.1/32", 0)')
        self.assertFalse(dig(front.port, source="127.0.0.4"))
        self.assertTrue(dig(front.port, source="127.0.0.9"))
        self.assertTrue(dig(front.port))
        self.assertRegex(front.console("return bpf:lsRangeRule()"), r"(?m)^127\.0\.0\.0/29\tDrop\t1$")
        self.assertIn("changes nothing", front.console('bpf:addRangeRule("127.0.0.6/32", 1)'))
        front.console('bpf:rmRangeRule("127.0.0.0/29")')
        self.assertTrue(dig(front.port, source="127.0.0.4"))
        front.console('bpf:block("::1")')
        self.assertFalse(dig(front.port, source="::1", host="::1"))
        self.assertEqual(self.counted(front, "[::1]"), 1)
        front.console('bpf:blockQName("Bad.example.org", DNSQType.A)')
        self.assertFalse(dig(front.port, "bAD.example.org", source="127.0.0.9"))
        self.assertTrue(dig(front.port, "bad.example.org", "AAAA", source="127.0.0.9"))
        self.assertTrue(dig(front.port, "bad.example.org", source="127.0.0.9", tcp=True))
        # A range that lets pass decides before names.
        self.assertTrue(dig(front.port, "bad.example.org"))
        # Nobody holds it any more: the sockets do.
        front.console("bpf = nil collectgarbage() collectgarbage()")
        self.assertFalse(dig(front.port, source="127.0.0.2"))
        front.console(f"bpf = newBPFFilter{ROOM} bpf:attachToAllBinds()")
        self.assertTrue(dig(front.port, source="127.0.0.2"))

    @breakwater_only
    def test_dynamic_blocks_of_a_flood_are_in_the_kernel_and_end(self):
        web = free_port()
        front = self.start(DEFAULT + f"""webserver("127.0.0.1:{web}")
setWebserverConfig({{acl="127.0.0.0/8", statsRequireAuthentication=false, dashboardRequiresAuthentication=false,
                    apiRequiresAuthentication=false}})
setRingBuffersSize(100000)
g = dynBlockRulesGroup()
g:setQueryRate(100, 2, "too many queries", 8, DNSAction.None)
function maintenance() g:apply() end
""", arguments=["--uid", "nobody", "--gid", "nogroup"])  # filters outlive the privileges
        names = write_file(front.folder, "names", "web.example.org A\n")
        load = subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-a", "127.0.0.5", "-p", str(front.port), "-d", names, "-l",
                                 "60", "-Q", "2000", "-t", "1", "-q", "500"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        row = wait_until(lambda: re.search(r"(?m)^127\.0\.0\.5/32 +\d+ +([1-9]\d*) false +Drop +\* +too many queries$",
                                           front.console("showDynBlocks()")), "the flood to be blocked in the kernel")
        listed = json.loads(self.get(web, "/jsonstat?command=dynblocklist"))["127.0.0.5/32"]
        self.assertEqual((listed["ebpf"], listed["action"]), (True, "Drop"))
        self.assertGreaterEqual(listed["blocks"], int(row.group(1)))
        self.assertEqual(front.console('return getDynamicBlocks()["127.0.0.5/32"].bpf').strip(), "true")
        self.assertFalse(dig(front.port, source="127.0.0.5"))
        self.assertTrue(dig(front.port, source="127.0.0.6"))
        # It gets nothing at all from the one who floods.
        def nothing_comes():
            before = front.stat("queries")
            return front.stat("queries") - before < 50
        wait_until(nothing_comes, "silence")  # a block may just have ended
        load.kill()
        wait_until(lambda: "127.0.0.5" not in front.console("return bpf:getStats()"), "the block to end")
        wait_until(lambda: dig(front.port, source="127.0.0.5"), "an answer")
        wait_until(lambda: front.stat("dyn-blocked") >= int(row.group(1)), "the kernel's hits in the metrics")

    def get(self, port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as page:
            return page.read().decode()

    @breakwater_only
    def test_blocks_with_a_time_end_and_the_web_server_lists_them(self):
        web = free_port()
        front = self.start(DEFAULT + f"""webserver("127.0.0.1:{web}")
setWebserverConfig({{acl="127.0.0.0/8", statsRequireAuthentication=false, dashboardRequiresAuthentication=false,
                    apiRequiresAuthentication=false}})
timed = newDynBPFFilter(bpf)
timed:excludeRange("127.0.0.8/29")
registerDynBPFFilter(timed)
""")
        front.console('addBPFFilterDynBlocks({["127.0.0.2"]=9, ["127.0.0.9"]=9}, timed, 3, "by hand")')
        self.assertFalse(dig(front.port, source="127.0.0.2"))
        self.assertTrue(dig(front.port, source="127.0.0.9"))
        listed = json.loads(self.get(web, "/jsonstat?command=ebpfblocklist"))
        self.assertEqual(list(listed), ["127.0.0.2"])
        self.assertLessEqual(listed["127.0.0.2"]["seconds"], 3)
        self.assertEqual(listed["127.0.0.2"]["blocks"], 1)
        wait_until(lambda: dig(front.port, source="127.0.0.2"), "the block to end")
        self.assertEqual(json.loads(self.get(web, "/jsonstat?command=ebpfblocklist")), {})
        self.assertIn("Inserting eBPF dynamic block for 127.0.0.2 for 3 seconds: by hand", front.log())

    @breakwater_only
    def test_pinned_maps_outlive_the_proxy(self):
        folder = temp_folder()
        mount = run("mount", "-t", "bpf", "bpf", folder)
        if mount.returncode != 0:
            self.skipTest(f"no BPF file system can be mounted here: {mount.stderr}")
        self.addCleanup(run, "umount", folder)
        pinned = f'bpf = newBPFFilter{{ipv4MaxItems=10, ipv4PinnedPath="{folder}/v4"}}\nsetDefaultBPFFilter(bpf)\n'
        first = self.start(pinned + 'bpf:block("127.0.0.2")\naddDynamicBlock("127.0.0.4", "for a time", DNSAction.Drop, 600)\n'
                           'timed = newDynBPFFilter(bpf)\nregisterDynBPFFilter(timed)\n'
                           'addBPFFilterDynBlocks({["127.0.0.5"]=1}, timed, 600, "for a time")\n')
        for source in ("127.0.0.2", "127.0.0.4", "127.0.0.5"):
            self.assertFalse(dig(first.port, source=source))
        self.stop_cleanly(first)
        second = self.start(pinned)
        self.assertFalse(dig(second.port, source="127.0.0.2"))
        self.assertEqual(self.counted(second, "127.0.0.2"), 2)
        # What was there for a time has gone with who would have ended it.
        self.assertEqual(second.console("return bpf:getStats()").split(), ["127.0.0.2:", "2"])
        # One that is killed leaves its own there: the next takes it out, and may block it anew.
        self.assertEqual(second.console('addDynamicBlock("127.0.0.4", "for a time", DNSAction.Drop, 600)').strip(), "")
        self.assertFalse(dig(second.port, source="127.0.0.4"))
        second.kill()
        second.expected_end = True
        again = self.start(pinned + 'timed = newDynBPFFilter(bpf)\nregisterDynBPFFilter(timed)\n')
        self.assertEqual(self.counted(again, "127.0.0.4"), None)
        self.assertEqual(self.counted(again, "127.0.0.2"), 2)
        again.console('addBPFFilterDynBlocks({["127.0.0.4"]=1}, timed, 600, "for a time")')
        self.assertEqual(self.counted(again, "127.0.0.4"), 0)
        # With external=true the maps are for others: nothing is dropped here.
        third = self.start(pinned.replace("{ipv4", "{external=true, ipv4"))
        self.assertTrue(dig(third.port, source="127.0.0.2"))
        self.assertEqual(third.console('bpf:block("127.0.0.3", 2)').strip(), "")
        self.assertIn("127.0.0.3: 0", third.console("return bpf:getStats()"))

    @breakwater_only
    def test_without_the_privilege_it_says_what_is_missing(self):
        port = free_port()
        path = write_file(temp_folder(), "plain.conf", f'setLocal("127.0.0.1:{port}")\n{DEFAULT}{ANSWERS}')
        plain = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", BINARY, "-C", path]
        refused = run(*plain, "--supervised", "--disable-syslog")
        self.assertNotEqual(refused.returncode, 0)
        said = refused.stdout + refused.stderr
        self.assertRegex(said, r"plain\.conf:2: newBPFFilter: the kernel did not make a map of 100 entries: Operation not permitted")
        self.assertIn("this process needs CAP_BPF", said)
        # A check needs none, and leaves nothing behind.
        checked = run(*plain, "--check-config")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        # A file that can do without says so.
        fallback = self.start(f"made, bpf = pcall(newBPFFilter, {ROOM})\nif made then setDefaultBPFFilter(bpf) end\n")
        self.assertTrue(accepts_tcp(fallback.port))
        self.assertEqual(fallback.console("return made").strip(), "true")


if __name__ == "__main__":
    unittest.main()
