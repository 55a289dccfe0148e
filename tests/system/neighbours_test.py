#!/usr/bin/python3
"""What other clients feel of an attack: answers over UDP and TLS come as fast as on a quiet server.

One worker serves all, so that the attacker cannot be on another one. The attackers are in attacks.py.
"""

import contextlib
import os
import socket
import ssl
import sys
import time
import unittest

from attacks import ATTACKS, LARGE, SMALL, WHERE
from certificates import Certificates
from client import framed, question, read_framed, run
from harness import (CONSOLE, SANITIZED, Process, SystemTest, accepts_tcp, breakwater_only, free_port, temp_folder,
                     wait_until)
from proxy_headers import certificate

SECONDS = 0.8
FLOOR_MS = 5  # what a busy machine adds by itself
MOST_KB = 40_000 if not SANITIZED else 500_000  # ASan keeps freed memory

SHOW = os.environ.get("NEIGHBOURS_SHOW")  # prints what was measured
# The metric by which each attack shows, at /metrics.
COUNTED = {
    "rapid_reset": "doh_bad_requests", "empty_frames": "doh_bad_requests", "continuations": "doh_bad_requests",
    "empty_continuations": "doh_bad_requests", "pings": "doh_bad_requests", "settings": "doh_bad_requests",
    "header_bombs": "doh_bad_requests", "megabyte_queries": "doh_bad_requests", "slow_bodies": "tcpclienttimeouts",
    "closed_windows": "tcpclienttimeouts", "connects": "tcpdiedreadingquery",
    "many_requests": "doh_http_version_queries", "half_open": "tcpclienttimeouts", "half_hello": "tcpclienttimeouts",
    "cut_handshakes": "tcpdiedreadingquery", "key_updates": "tlsmessagefloods",
    "renegotiations": "tlsmessagefloods", "slow_readers": "tcpclienttimeouts", "byte_by_byte": "tlsnewsessions",
}


def prefer(pid):
    """So that what else the machine does is not measured; where we may, and the kernel weighs sessions."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write("-10")


class Neighbour:
    """A client that asks over UDP and over one TLS connection, one question after the other."""

    def __init__(self, port, tls_port):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", port))
        self.udp.settimeout(5)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.tls = context.wrap_socket(socket.create_connection(("127.0.0.1", tls_port), timeout=5))
        self.query = question(SMALL).to_wire()

    def close(self):
        self.udp.close()
        self.tls.close()

    def ask_udp(self):
        self.udp.send(self.query)
        self.udp.recv(4096)

    def ask_tls(self):
        self.tls.sendall(framed(self.query))
        if read_framed(self.tls) is None:
            raise AssertionError("the neighbour's connection was closed")

    def p99_ms(self, seconds=SECONDS):
        """Of UDP and of TLS, in milliseconds."""
        times = {self.ask_udp: [], self.ask_tls: []}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for ask, taken in times.items():
                before = time.monotonic()
                ask()
                taken.append((time.monotonic() - before) * 1000)
        return [sorted(taken)[len(taken) * 99 // 100] for taken in times.values()]


@breakwater_only
class Neighbours(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.pair = Certificates().make("dns.example")
        cls.old_pair = certificate()  # of RSA, which the old cipher needs

    def setUp(self):
        self.ports = {name: free_port() for name in ("tls", "http", "old", "web")}
        files, old_files = ('"{}", "{}"'.format(*pair) for pair in (self.pair, self.old_pair))
        records = ", ".join(f'"\\200{"x" * 197}{number:03}"' for number in range(60))
        self.front = self.proxy(CONSOLE + f'''setLocal("127.0.0.1:{{port}}")
setWorkers(1)
addTLSLocal("127.0.0.1:{self.ports["tls"]}", {files})
addTLSLocal("127.0.0.1:{self.ports["old"]}", {old_files}, {{ciphers="NULL-SHA256:@SECLEVEL=0", minTLSVersion="tls1.2"}})
addDOHLocal("127.0.0.1:{self.ports["http"]}", nil, nil, "/dns-query")
webserver("127.0.0.1:{self.ports["web"]}")
setWebserverConfig({{password="secret", statsRequireAuthentication=false}})
addAction("{SMALL}.", SpoofAction("192.0.2.1"))
addAction("{LARGE}.", SpoofRawAction({{{records}}}))
newServer{{address="127.0.0.1:9", tcpOnly=true, healthCheckMode="down"}}
''')
        wait_until(lambda: all(accepts_tcp(port) for port in self.ports.values()), "the ports")
        prefer(self.front.pid)
        prefer("self")
        self.neighbour = Neighbour(self.front.port, self.ports["tls"])
        self.addCleanup(self.neighbour.close)
        self.neighbour.p99_ms(0.3)

    def attack(self, name):
        log = os.path.join(temp_folder(), name)
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attacks.py")
        attacker = Process([sys.executable, program, name, str(self.ports[WHERE[ATTACKS[name]]])], log)
        self.addCleanup(attacker.kill)
        return attacker

    def disturbed(self, name):
        """What is wrong with the answers while the attack goes on; None where nothing is."""
        quiet = self.neighbour.p99_ms()
        before_kb, before = self.front.resources()[0], self.counters()
        attacker = self.attack(name)
        self.neighbour.p99_ms(0.5)  # it has begun
        attacked = self.neighbour.p99_ms()
        kilobytes = self.front.resources()[0] - before_kb
        wait_until(lambda: self.grew(COUNTED[name], before), f"{COUNTED[name]} of {name} to be counted")
        self.assertTrue(attacker.running(), attacker.log())
        attacker.kill()
        self.assertLess(kilobytes, MOST_KB)
        if SHOW:
            print(f"\n{name}: p99 {quiet} -> {attacked} ms, {kilobytes} kB")
        if SANITIZED or all(now <= max(2 * then, then + FLOOR_MS) for now, then in zip(attacked, quiet)):
            return None
        return f"p99 in ms of UDP and TLS: quiet {quiet}, during {name} {attacked}"

    def grew(self, what, before):
        """Whether the counter has grown at any listener but the neighbour's own."""
        return any(float(value) > float(before.get(line, 0)) for line, value in self.counters().items()
                   if line.startswith("dnsdist_frontend_" + what))

    def counters(self):
        """What /metrics says, by the name of the line."""
        text = run("curl", "-s", f"http://127.0.0.1:{self.ports['web']}/metrics").stdout
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")


def add_test(name):
    def test(self):
        said = ""
        for _ in range(4):  # others use the machine too
            said = self.disturbed(name)
            if said is None:
                return
        self.fail(said)
    setattr(Neighbours, f"test_{name}", test)


for _name in ATTACKS:
    add_test(_name)

if __name__ == "__main__":
    unittest.main()
