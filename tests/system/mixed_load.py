#!/usr/bin/python3
"""A mixed load for a given time: UDP and TCP queries, flushes, servers and rules that come and go.

  mixed_load.py SECONDS

BREAKWATER names the program, as for the tests; use it with those of the asan and tsan presets.
Fails if an answer is lost or wrong, if the program does not end with status 0, or if memory or
descriptors grow while servers, rules and caches are added and removed.
"""

import os
import socket
import sys
import threading
import time

from client import Dnsperf, framed, question, read_framed, tcp_connection
from harness import BINARY, CONSOLE, SANITIZED, Proxy, temp_folder, write_file
from nameservers import Nsd

ZONE = ("$TTL 5\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
        "*.w IN A 192.0.2.1\n")
CONFIG = CONSOLE + """
setLocal("127.0.0.1:{port}")
newServer{address="127.0.0.1:%(one)d", name="one", checkName="example.org."}
newServer{address="127.0.0.1:%(two)d", name="two", checkName="example.org."}
pc = newPacketCache(5000, {maxTTL=3})
getPool(""):setCache(pc)
addAction(QNameRule("drop.example.org."), DropAction())
addAction(LuaRule(function(dq) return dq.qname:countLabels() == 7 end), RCodeAction(DNSRCode.REFUSED))
addAction(QNameSuffixRule("late.example.org."), DelayAction(5))
"""
# One round of changes; each leaves things as they were.
CHURN = (
    's = newServer{address="127.0.0.1:%(two)d", name="extra"} rmServer(s)',
    'addAction(QTypeRule("MX"), RCodeAction(DNSRCode.REFUSED), {name="extra"}) rmRule("extra")',
    'getPool("other"):setCache(newPacketCache(1000)) getPool("other"):unsetCache()',
    'pc:flush(newDNSName("w.example.org."), {suffix=true})',
    'pc:expungeByName(newDNSName("n1.w.example.org."))',
    'getServer(1):setDown() getServer(1):setAuto(true)',
    'addResponseAction(AllRule(), AllowResponseAction(), {name="r"}) rmResponseRule("r")',
    'addACL("192.0.2.0/24") setACL({"127.0.0.0/8"})',
    'showServers() showRules() pc:printStats() dumpStats()',
)


def write_queries():
    lines = [f"n{n}.w.example.org A\n" for n in range(3000)]
    lines += [f"n{n}.late.example.org A\n" for n in range(50)]
    lines += ["a.b.c.d.e.example.org A\nexample.org SOA\nexample.org NS\nnone.example.org AAAA\n"] * 50
    return write_file(temp_folder(), "queries", "".join(lines))


class Clients:
    """TCP connections that come, ask a few pipelined questions, and go; and garbage in between."""

    def __init__(self, port):
        self.port, self.stop, self.problems, self.answered = port, threading.Event(), [], 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        queries = [framed(question(f"n{n}.w.example.org").to_wire()) for n in range(20)]
        while not self.stop.is_set():
            try:
                with tcp_connection(self.port, timeout_s=20) as connection:
                    connection.sendall(b"".join(queries))
                    for _ in queries:
                        if read_framed(connection) is None:
                            raise OSError("closed before all was answered")
                        self.answered += 1
                with tcp_connection(self.port) as connection:
                    connection.sendall(os.urandom(100))
            except OSError as error:
                self.problems.append(str(error))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                for _ in range(20):
                    client.sendto(os.urandom(60), ("127.0.0.1", self.port))


def main():
    seconds = int(sys.argv[1])
    backends = {"one": Nsd({"example.org": ZONE}), "two": Nsd({"example.org": ZONE})}
    ports = {name: nsd.port for name, nsd in backends.items()}
    proxy = Proxy((CONFIG % ports)).start()
    rate = 300 if SANITIZED else 3000
    loads = [Dnsperf(proxy.port, write_queries(), seconds, qps=rate, tcp=tcp, timeout_s=10) for tcp in (False, True)]
    clients, rounds, levels = Clients(proxy.port), 0, []
    deadline = time.monotonic() + seconds
    problems = []
    while time.monotonic() < deadline:
        for command in CHURN:
            output = proxy.console(command % ports if "%(" in command else command)
            if output.lstrip().startswith("Error"):
                problems.append(f"{command}: {output}")
        rounds += 1
        levels.append(proxy.resources())
    clients.stop.set()
    clients.thread.join()
    reports = [load.report() for load in loads]
    status = proxy.stop(timeout_s=60)
    for nsd in backends.values():
        nsd.kill()
    early, late = levels[len(levels) // 4], levels[-1]
    for report in reports:
        print(f"sent {report['sent']} lost {report['lost']} {report['rcodes']}")
        if report["lost"] or "SERVFAIL" in report["rcodes"]:
            problems.append(report["text"])
    problems += clients.problems[:5]
    if status != 0:
        problems.append(f"exit status {status}\n{proxy.log()[-5000:]}")
    if late[0] > early[0] * 1.2 + 20000 or late[1] > early[1] + 20:
        problems.append(f"resident kB and descriptors grew from {early} to {late}")
    print(f"{BINARY}: {seconds} s, {rounds} rounds of changes, {clients.answered} answers on short connections, "
          f"resident kB and descriptors {early} -> {late}")
    for problem in problems:
        print("PROBLEM:", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
