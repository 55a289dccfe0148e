"""The programs that are measured, each pinned to the first core, and what is read from /proc."""

import os
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = os.path.join(ROOT, "build/release")
TICKS = os.sysconf("SC_CLK_TCK")
PROGRAM_CORE, LOAD_CORE = "0", "1"
NAMES = 10_000


def free_port():
    """A port below the range the kernel gives to clients, free for UDP and TCP."""
    for port in range(24100 + os.getpid() % 800, 25900):
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
            if port not in free_port.given:
                free_port.given.add(port)
                return port
        except OSError:
            continue
    raise RuntimeError("no free port")


free_port.given = set()


class Subject:
    """A running program; cpu() is (user, system) seconds of all its threads."""

    def __init__(self, command, port, core=PROGRAM_CORE):
        self.port = port
        self.log = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen(["taskset", "-c", core, *command], stdout=self.log, stderr=self.log,
                                      stdin=subprocess.DEVNULL)
        self.pid = self.child.pid
        deadline = time.monotonic() + 20
        while not self.ready():
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                raise RuntimeError(f"{command[0]} does not answer:\n{self.log.read()[-2000:]}")

    def ready(self):
        return answers(self.port)

    def cpu(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def answers(port):
    query = bytes.fromhex("000101000001000000000000") + b"\x02n1\x07example\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.1)
        try:
            client.connect(("127.0.0.1", port))
            client.send(query)
            return client.recv(4096)[:2] == query[:2]
        except OSError:
            return False


def responder(core=PROGRAM_CORE):
    port = free_port()
    return Subject([f"{RELEASE}/bench/bare_responder", str(port)], port, core)


def relay(backend):
    port = free_port()
    return Subject([f"{RELEASE}/bench/bare_relay", str(port), str(backend)], port)


def proxy(program, backend, cache="", more="", listeners=1):
    """Breakwater or dnsdist with one and the same configuration; one backend, a cache if wanted."""
    port = free_port()
    shared = ", {reusePort=true}" if listeners > 1 else ""
    text = (f'setLocal("127.0.0.1:{port}"{shared})\n' + f'addLocal("127.0.0.1:{port}"{shared})\n' * (listeners - 1) +
            f'setACL("127.0.0.0/8")\n'
            f'newServer{{address="127.0.0.1:{backend}", checkInterval=60}}\n{more}')
    if cache:
        text += f'pc = newPacketCache({cache})\ngetPool(""):setCache(pc)\n'
    if os.path.basename(program) == "dnsdist":
        text += 'setSecurityPollSuffix("")\n'
    path = os.path.join(tempfile.mkdtemp(prefix="breakwater-bench-"), "proxy.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return Subject([program, "-C", path, "--supervised", "--disable-syslog"], port)


def write_names(count):
    file = tempfile.NamedTemporaryFile("w", suffix=".queries", delete=False)
    file.writelines(f"n{number}.example A\n" for number in range(count))
    file.close()
    return file.name
