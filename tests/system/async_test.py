#!/usr/bin/python3
"""Queries and answers that are suspended until another program has looked them up, over every transport; threads."""

import os
import socket
import struct
import threading
import time
import unittest

import dns.message
import dns.rcode

from client import Dnsperf, addresses, framed
from every_transport import PROTOCOLS, Closed, EveryTransport
from harness import CONSOLE, SANITIZED, accepts_tcp, breakwater_only, free_port, temp_folder, wait_until, write_file
from nameservers import Nsd

ZONE = ("$TTL 300\n@ IN SOA ns.example.org. host.example.org. 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
        + "".join(f"{name} IN A 192.0.2.80\n" for name in ("good", "evil", "silent", "lost"))
        + "good.answer IN A 192.0.2.81\nevil.answer IN A 192.0.2.82\n")
# What the program that is asked says of a name's first label; nothing of "silent".
VERDICTS = {"good": "resume", "evil": "refuse", "lost": "drop"}
# The names go out with each look of the thread, which writes them into a file for the program; the verdicts come back
# through a FIFO.
SCRIPT = """
asked, waiting = 0, {}
local function hold(d)
  asked = (asked + 1) % 65536
  local name = d.qname:toString()
  if d:suspend(1, asked, 1000) then waiting[#waiting + 1] = asked .. ' ' .. name end
  return DNSAction.None
end
addAction(NotRule(QNameSuffixRule('answer.example.org')), LuaAction(hold))
addResponseAction(QNameSuffixRule('answer.example.org'), LuaResponseAction(hold))
function threadmessage(cmd, data)
  if cmd == 'more' then
    local out = io.open(data.file, 'w')
    for _, line in ipairs(waiting) do out:write(line, '\\n') end
    out:close()
    waiting = {}
    return
  end
  local there, held = pcall(getAsynchronousObject, 1, tonumber(data.number))
  if not there then return end
  if cmd == 'drop' then
    held:drop()
  elseif cmd == 'refuse' then
    held:setRCode(DNSRCode.REFUSED, true)
    held:resume()
  else
    held:resume()
  end
end
newThread([[
  while true do
    submitToMainThread('more', {file='{folder}/names'})
    for line in io.open('{folder}/names'):lines() do
      local program = io.open('{folder}/questions', 'w')   -- a FIFO, as the other
      program:write(line, '\\n')
      program:close()
      local answers = io.open('{folder}/verdicts')
      local number, verdict = answers:read('l'):match('(%d+) (%a+)')
      answers:close()
      if verdict ~= 'silence' then submitToMainThread(verdict, {number=number}) end
    end
    os.execute('sleep 0.02')
  end
]])
"""


class LookUps:
    """The program that a Lua thread asks."""

    def __init__(self, test, folder):
        self.paths = [os.path.join(folder, name) for name in ("questions", "verdicts")]
        for path in self.paths:
            os.mkfifo(path)
        self.asked = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        test.addCleanup(self.stop)

    def serve(self):
        while True:
            with open(self.paths[0], encoding="ascii") as questions:
                line = questions.read()
            if line == "stop\n":
                return
            number, name = line.split()
            self.asked.append(name)
            with open(self.paths[1], "w", encoding="ascii") as verdicts:
                verdicts.write(f"{number} {VERDICTS.get(name.split('.')[0].lower(), 'silence')}\n")

    def stop(self):
        with open(self.paths[0], "w", encoding="ascii") as questions:
            questions.write("stop\n")
        self.thread.join(10)


@breakwater_only
class Asynchronous(EveryTransport):
    def program(self, script, more=""):
        nsd = self.started(Nsd({"example.org": ZONE}))
        ports = {"dot": free_port(), "doh": free_port(), "dnscrypt_udp": free_port()}
        ports["dnscrypt_tcp"] = ports["dnscrypt_udp"]
        files = '"{}", "{}"'.format(*self.pair)
        proxy = self.proxy(CONSOLE + 'setLocal("127.0.0.1:{port}")\n'
                           f'addTLSLocal("127.0.0.1:{ports["dot"]}", {files})\n'
                           f'addDOHLocal("127.0.0.1:{ports["doh"]}", {files}, "/dns-query")\n'
                           + self.dnscrypt_bind(ports["dnscrypt_udp"]) +
                           f'newServer{{address="127.0.0.1:{nsd.port}", checkName="example.org."}}\n'
                           + more + script)
        self.ports = {"udp": proxy.port, "tcp": proxy.port, **ports}
        wait_until(lambda: all(accepts_tcp(port) for port in ports.values()), "the ports")
        wait_until(lambda: " up " in proxy.console("showServers()"), "the server to be up")
        return proxy

    def answers(self, proxy):
        """What is suspended comes back as the look-up says, on each transport."""
        for transport in self.for_each():
            for suffix in ("", ".answer"):
                good = self.send(transport, dns.message.make_query(f"good{suffix}.example.org", "A"))
                self.assertEqual(addresses(good), ["192.0.2.81" if suffix else "192.0.2.80"])
                evil = self.send(transport, dns.message.make_query(f"evil{suffix}.example.org", "A"))
                self.assertEqual((evil.rcode(), addresses(evil)), (dns.rcode.REFUSED, []))
            with self.assertRaises(Closed):
                self.send(transport, dns.message.make_query("lost.example.org", "A"))
        self.assertEqual(proxy.stat("suspended"), 5 * len(PROTOCOLS))
        self.assertEqual(proxy.stat("suspended-timeouts"), 0)
        self.assertEqual(proxy.stat("rule-drop"), len(PROTOCOLS))

    def test_a_thread_resumes_what_it_has_looked_up(self):
        folder = temp_folder()
        looked_up = LookUps(self, folder)
        proxy = self.program(SCRIPT.replace("{folder}", folder))
        self.answers(proxy)
        self.assertEqual(len(looked_up.asked), 5 * len(PROTOCOLS))
        for transport in ("tcp", "dot"):  # UDP clients of this test are less patient than the proxy
            self.assertEqual(addresses(self.send(transport, dns.message.make_query("silent.example.org", "A"))),
                             ["192.0.2.80"])
        self.assertEqual(proxy.stat("suspended-timeouts"), 2)
        self.assertEqual(proxy.stat("lua-errors"), 0, proxy.log())
        self.stop_cleanly(proxy)

    def test_a_verdict_about_one_client_is_not_cached_for_others(self):
        proxy = self.program("n = 0 getPool(''):setCache(newPacketCache(100))\n"
                             "addResponseAction(AllRule(), LuaResponseAction(function(dr) n = n + 1 "
                             "dr:suspend(1, n, 10000) return DNSResponseAction.None end))\n")
        for number, verdict in enumerate(("held:setRCode(5, true)", "held:setRCode(3, false)", "", ""), 1):
            answers = []
            client = threading.Thread(target=lambda into=answers: into.append(
                self.send("tcp", dns.message.make_query("good.example.org", "A"))))
            client.start()
            if number < 4:
                wait_until(lambda most=number: proxy.stat("suspended") == most, "the answer to be held")
                proxy.console(f"held = getAsynchronousObject(1, {number}) {verdict} return held:resume()")
            client.join(10)
            self.assertEqual(answers[0].rcode(), [dns.rcode.REFUSED, dns.rcode.NXDOMAIN, 0, 0][number - 1])
        self.assertEqual((proxy.stat("suspended"), proxy.stat("cache-hits")), (3, 1))
        self.stop_cleanly(proxy)

    def test_clients_that_leave_and_a_stop_leave_nothing_behind(self):
        port = free_port()  # which reads on while a query waits, and so notices that a client has gone
        proxy = self.program("n = 0 addAction(AllRule(), LuaAction(function(dq) n = n + 1 dq:suspend(1, n, 60000) "
                             "return DNSAction.None end))\n",
                             more=f'addLocal("127.0.0.1:{port}", {{maxInFlight=10}})\n')
        wire = dns.message.make_query("good.example.org", "A").to_wire()
        for number in range(20):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(framed(wire))
                if number < 10:  # a reset; the others have closed one half, and may read yet
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if number == 9:
                    wait_until(lambda: proxy.stat("suspended") == 10, "the first queries")
        wait_until(lambda: proxy.stat("suspended") == 20, "the queries")
        self.assertEqual(proxy.console("for i = 1, 10 do getAsynchronousObject(1, i):resume() end").strip(), "")
        # They are gone: no server is asked for them.
        self.assertEqual(proxy.stat("responses"), 0)
        self.assertEqual(proxy.console("for i = 11, 15 do getAsynchronousObject(1, i):drop() end").strip(), "")
        began = time.monotonic()
        self.stop_cleanly(proxy)
        # Nobody would resume the last five: it does not wait two seconds for them, as it does for servers.
        self.assertLess(time.monotonic() - began, 8 if SANITIZED else 1.9)

    def test_under_load_each_query_is_answered_once(self):
        proxy = self.program(
            "n = 0\naddAction(AllRule(), LuaFFIPerThreadAction([[\n"
            "local C = require('ffi').C local n = 0\n"
            "return function(dq) n = (n + 1) % 30000\n"
            "  C.dnsdist_ffi_dnsquestion_set_async(dq, n % 2, n, 2000) return DNSAction.None end]]))\n"
            "for i = 0, 1 do newThread(([[\n"
            "  local C = require('ffi').C\n"
            "  while true do for n = 0, 29999 do C.dnsdist_ffi_resume_from_async(%d, n, nil, 0, nil, 0, true) end\n"
            "  os.execute('sleep 0.005') end\n"
            "]]):format(i)) end\n", more="setWorkers(1)\n")
        names = write_file(proxy.folder, "names", "good.example.org A\nevil.example.org A\nnone.example.org A\n")
        load = Dnsperf(proxy.port, names, 4, qps=300 if SANITIZED else 1000, timeout_s=5)
        report = load.report()
        self.assertEqual(report["lost"], 0, report)
        self.assertGreater(proxy.stat("suspended"), 50 if SANITIZED else 500)
        self.assertEqual(proxy.stat("suspended-refused"), 0)
        if SANITIZED != "tsan":  # which holds back the signal that stops the threads
            self.stop_cleanly(proxy)

    @unittest.skipIf(SANITIZED == "tsan", "TSan holds back the signal that stops Lua")
    def test_a_stop_does_not_wait_for_threads(self):
        for code, left in (("while true do end", False), ("while true do pcall(function() while true do end end) end", False),
                           ("error('no')", False), ("os.execute('exec sleep 30')", True)):
            with self.subTest(code=code):
                exits = os.path.join(temp_folder(), "exits")
                proxy = self.program(f"newThread([[ infolog('begun') {code} ]])\n"
                                     f"addExitCallback(function() io.open('{exits}', 'w'):close() end)\n")
                wait_until(lambda: "begun" in proxy.log(), "the thread")
                began = time.monotonic()
                self.assertEqual(proxy.stop(), 0, proxy.log())
                self.assertLess(time.monotonic() - began, 8, proxy.log())
                self.assertTrue(os.path.exists(exits), "the exit callback")
                self.assertEqual("left behind" in proxy.log(), left, proxy.log())

    def test_a_name_is_looked_up_without_waiting(self):
        proxy = self.program("getAddressInfo('localhost', function(name, list) found = list end)\n")
        wait_until(lambda: "127.0.0.1" in proxy.console("for _, a in ipairs(found or {}) do print(a:toString()) end"),
                   "the address of localhost")
        self.stop_cleanly(proxy)


if __name__ == "__main__":
    unittest.main()
