#!/usr/bin/python3
"""What concerns the host: capabilities that are kept, the file of verbose lines, its interfaces and neighbours."""

import os
import unittest

import dns.exception

from client import ask
from harness import CONSOLE, SystemTest, breakwater_only, temp_folder, wait_until

REST = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'
NET_BIND_SERVICE, NET_RAW, SYS_ADMIN = 10, 13, 21


class Host(SystemTest):
    def capabilities(self, front):
        with open(f"/proc/{front.pid}/status", encoding="ascii") as file:
            held = int(next(line.split()[1] for line in file if line.startswith("CapEff:")), 16)
        return {number for number in range(64) if held >> number & 1}

    @unittest.skipIf(os.geteuid() != 0, "gives root up")
    @breakwater_only
    def test_named_capabilities_are_kept_when_root_is_given_up(self):
        for lines, kept in (("", {NET_BIND_SERVICE}),
                            ('addCapabilitiesToRetain({"CAP_NET_RAW"})\naddCapabilitiesToRetain("CAP_SYS_ADMIN")\n',
                             {NET_BIND_SERVICE, NET_RAW, SYS_ADMIN})):
            before = self.capabilities_of_self()
            front = self.proxy(lines + REST, arguments=["-u", "nobody"])
            ask("a.example", port=front.port)
            self.assertEqual(self.capabilities(front), kept & before)

    def capabilities_of_self(self):
        class Self:
            pid = "self"
        return self.capabilities(Self)

    @breakwater_only
    def test_verbose_lines_go_to_a_file_of_their_own(self):
        path = os.path.join(temp_folder(), "verbose.log")
        front = self.proxy(CONSOLE + f'setVerbose(true)\nsetVerboseLogDestination("{path}")\n' + REST)
        front.console('vinfolog("a word of mine")\ninfolog("another word")')

        def content():
            with open(path, encoding="utf-8") as file:
                return file.read()
        wait_until(lambda: "a word of mine" in content(), "the line")
        self.assertNotIn("another word", content())
        self.assertNotIn("a word of mine", front.log())
        self.assertIn("another word", front.log())
        self.assertIn("cannot open", front.console('setVerboseLogDestination("/none/there")'))
        front.console('setVerboseLogDestination("")')
        front.console('vinfolog("a later word")')
        self.assertIn("a later word", front.log())

    @breakwater_only
    def test_verbose_mode_tells_of_each_query(self):
        behind = self.proxy(REST)
        front = self.proxy(CONSOLE + f"""
newServer{{address="127.0.0.1:{behind.port}", name="one", healthCheckMode="up"}}
getPool(""):setCache(newPacketCache(10))
setACL("127.0.0.1/32")
addAction("none.example.", PoolAction("none"))
""", arguments=["-v"])
        ask("a.example", port=front.port)
        ask("a.example", port=front.port)
        ask("b.example", port=front.port, tcp=True)
        for source, name in (("127.0.0.1", "none.example"), ("127.0.0.2", "a.example")):
            with self.assertRaises(dns.exception.Timeout):
                ask(name, port=front.port, source=source, timeout_s=0.3)
        for line in ("Got query for a.example.|A from 127.0.0.1:", "relayed to one", "Got answer from one",
                     "Packet cache hit for query for a.example.|A", "Got TCP connection from 127.0.0.1:",
                     "Dropped query for none.example.|A from 127.0.0.1:", "no policy applied",
                     "Query from 127.0.0.2:"):
            self.assertIn(line, front.log())
        front.console("setVerbose(false)")
        before = front.log().count("Got query for")
        ask("c.example", port=front.port)
        self.assertEqual(front.log().count("Got query for"), before)

    @breakwater_only
    def test_the_interfaces_are_those_that_ip_shows(self):
        front = self.proxy(CONSOLE + REST)
        names = sorted(os.listdir("/sys/class/net"))
        shown = front.console('for _, n in ipairs(getListOfNetworkInterfaces()) do print(n) end').split()
        self.assertEqual(sorted(set(shown) & set(names)), sorted(shown))
        self.assertIn("lo", shown)
        with open("/proc/net/arp", encoding="ascii") as file:
            neighbours = [line.split() for line in file.read().splitlines()[1:]]
        for address, mac in ((row[0], row[3]) for row in neighbours if row[2] == "0x2"):
            told = front.console(f'print((getMACAddress("{address}"):gsub(".", function(c) '
                                 'return string.format("%02x:", c:byte()) end)))').strip()
            self.assertEqual(told, mac + ":")


if __name__ == "__main__":
    unittest.main()
