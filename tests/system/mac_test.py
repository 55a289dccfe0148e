#!/usr/bin/python3
"""Hardware addresses of clients: a real one, over a pair of virtual cards, in the option that a server gets."""

import json
import os
import socket
import subprocess
import threading
import unittest

import dns.edns
import dns.message

from client import run
from harness import CONSOLE, SystemTest, breakwater_only, wait_until

HERE, CLIENT, OPTION = "198.18.77.1", "198.18.77.2", 65001


class Recorder:
    """Answers every query with what it was, and keeps it."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port, self.queries = self.socket.getsockname()[1], []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            wire, sender = self.socket.recvfrom(65535)
            query = dns.message.from_wire(wire)
            self.queries.append(query)
            self.socket.sendto(dns.message.make_response(query).to_wire(), sender)


class Pair:
    """A client's network of its own, joined to ours by a pair of virtual cards."""

    def __init__(self):
        # It stays until its input ends: with this process at the latest.
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.name = f"bw{os.getpid() % 100000}"
        far = self.name + "p"
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", far, "netns", str(self.holder.pid))
        run("ip", "addr", "add", f"{HERE}/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        self.inside("ip", "addr", "add", f"{CLIENT}/24", "dev", far)
        self.inside("ip", "link", "set", far, "up")
        card = json.loads(self.inside("ip", "-j", "link", "show", far).stdout)[0]
        self.mac = bytes.fromhex(card["address"].replace(":", ""))

    def inside(self, *command):
        return run("nsenter", "-t", str(self.holder.pid), "-n", *command)

    def dig(self, name, port, *more):
        return self.inside("dig", "+tries=1", "+time=2", f"@{HERE}", "-p", str(port), name, *more)

    def close(self):
        run("ip", "link", "del", self.name)
        self.holder.kill()
        self.holder.communicate()


def macs(query):
    return [option.data for option in query.options if option.otype == OPTION]


@unittest.skipIf(os.geteuid() != 0, "makes network cards")
class Mac(SystemTest):
    def setUp(self):
        super().setUp()
        self.pair = Pair()
        self.addCleanup(self.pair.close)
        self.recorder = Recorder()

    def front(self, more, name="SetMacAddrAction"):
        lines = (CONSOLE + 'setLocal("0.0.0.0:{port}")\nsetACL("0.0.0.0/0")\n'
                 f'newServer{{address="127.0.0.1:{self.recorder.port}"}}\ngetServer(0):setUp()\n')
        if name:
            lines += f"addAction(AllRule(), {name}({OPTION}))\n"
        return self.proxy(lines + more)

    def arrives(self, front, wanted):
        """Whether a query of the client has told the server its address."""
        def told():
            self.pair.dig("mac.example", front.port)
            return bool(self.recorder.queries) and macs(self.recorder.queries[-1]) == wanted
        wait_until(told, f"a query with {wanted}")

    def test_the_server_is_told_the_clients_hardware_address(self):
        for name in ("SetMacAddrAction", "MacAddrAction"):
            front = self.front("", name)
            self.arrives(front, [self.pair.mac])
            answer = self.pair.dig("mac.example", front.port, "+noedns").stdout
            self.assertIn("status: NOERROR", answer)
            self.assertNotIn("OPT PSEUDOSECTION", answer)
            self.assertEqual(macs(self.recorder.queries[-1]), [self.pair.mac])

    @breakwater_only
    def test_a_client_of_this_host_has_none(self):
        front = self.front("")
        self.arrives(front, [self.pair.mac])
        self.assertIn("NOERROR", run("dig", f"@{HERE}", "-p", str(front.port), "own.example").stdout)
        self.assertEqual(macs(self.recorder.queries[-1]), [])

    @breakwater_only
    def test_a_new_card_behind_the_same_address_is_seen(self):
        front = self.front("")
        self.arrives(front, [self.pair.mac])
        mac = "02:00:5e:00:53:01"
        self.pair.inside("ip", "link", "set", self.pair.name + "p", "address", mac)
        run("ip", "neigh", "flush", "dev", self.pair.name)
        self.arrives(front, [bytes.fromhex(mac.replace(":", ""))])

    @breakwater_only
    def test_all_who_tell_of_it_tell_the_same(self):
        front = self.front('local ffi = require("ffi")\naddAction(AllRule(), LuaFFIAction(function(dq)\n'
                           '  local mac = ffi.new("char[?]", 6)\n'
                           '  local size = ffi.C.dnsdist_ffi_dnsquestion_get_mac_addr(dq, mac, 6)\n'
                           '  ffi.C.dnsdist_ffi_dnsquestion_set_tag(dq, "size", tostring(size))\n'
                           '  ffi.C.dnsdist_ffi_dnsquestion_set_tag(dq, "mac", ffi.string(mac, size))\n'
                           '  return DNSAction.None end))\n'
                           'addAction(TagRule("size", "6"), LuaAction(function(dq) seen = dq:getTag("mac") '
                           'return DNSAction.None, "" end))\n')
        self.arrives(front, [self.pair.mac])
        self.pair.dig("mac.example", front.port)
        hexa = 'gsub(".", function(c) return string.format("%02x", c:byte()) end)'
        shown = self.pair.mac.hex()
        self.assertEqual(front.console(f"print((seen:{hexa}))").strip(), shown)
        self.assertEqual(front.console(f'print((getMACAddress("{CLIENT}"):{hexa}))').strip(), shown)
        self.assertEqual(front.console(f"print((getRingEntries()[1].macAddress:{hexa}))").strip(), shown)

    @breakwater_only
    def test_without_such_an_action_nothing_listens_to_the_kernel(self):
        front = self.front("", name=None)
        self.pair.dig("mac.example", front.port)
        names = []
        for task in os.listdir(f"/proc/{front.pid}/task"):
            with open(f"/proc/{front.pid}/task/{task}/comm", encoding="ascii") as file:
                names.append(file.read().strip())
        self.assertNotIn("bw/neighbours", names)
        front.console("return getRingEntries()[1].macAddress")
        wait_until(lambda: front.console("print(#getRingEntries()[1].macAddress)").strip() == "6", "the address")


if __name__ == "__main__":
    unittest.main()
