"""Starts and stops the program under test and finds free ports; no test sleeps, it waits for conditions.

BREAKWATER names the program under test. With dnsdist's own program in its place most tests must
pass too; those of what it lacks carry @breakwater_only.
"""

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
import known_failures  # noqa: E402

# A run in the background may have inherited that SIGINT is ignored, and a shell cannot trap what it
# inherited so. With a handler here, programs start with the default, as from a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.abspath(os.environ.get("BREAKWATER", os.path.join(ROOT, "build/release/breakwater")))
DNSDIST = "/usr/bin/dnsdist"
CONTROL = os.path.join(os.path.dirname(BINARY), "breakwaterctl")
IS_DNSDIST = os.path.basename(BINARY) == "dnsdist"
# "asan", "tsan" or "": a sanitized program is several times slower, so loads are smaller.
SANITIZED = os.environ.get("BREAKWATER_SANITIZED", "")
FIRST_PORT, LAST_PORT = (int(p) for p in os.environ.get("TEST_PORTS", "24000-25999").split("-"))
KEY = "MXNeLFWHUe4363BBKrY06cAsH8NWNb+Se2eXU5+Bb74="

breakwater_only = unittest.skipIf(IS_DNSDIST, "dnsdist 1.7.3 does not have this")
full_speed_only = unittest.skipIf(SANITIZED, "measures or loads: not with a sanitizer")

_given_ports = {}  # and the claim on each


def free_port():
    """A port that is free for UDP and TCP, on IPv4 and IPv6, and was not given out lately, here or in another run."""
    if len(_given_ports) > (LAST_PORT - FIRST_PORT) // 2:
        while _given_ports:
            _given_ports.popitem()[1].close()
    while True:
        port = random.randint(FIRST_PORT, LAST_PORT)
        claim = None if port in _given_ports else _claim(port)
        if claim is None:
            continue
        if _is_free(port):
            _given_ports[port] = claim
            return port
        claim.close()


def _claim(port):
    """A socket whose name says that the port is ours until this process ends; None where it is somebody else's."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0breakwater-test-port-{port}")
        return claim
    except OSError:
        claim.close()
        return None


def _is_free(port):
    for family, host in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError:
                    return False
    return True


def wait_until(condition, what, timeout_s=20):
    """Polls until condition() is true; its last value is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(0.01)


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Process:
    """A child of this test with its output in a file; ends with the test at the latest."""

    def __init__(self, arguments, log_path, **options):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.child = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                          start_new_session=True, **options)
        self.pid = self.child.pid
        atexit.register(self.kill)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        return self.child.poll() is None

    def resources(self):
        """Resident kB, and how many descriptors are open."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        return resident, len(os.listdir(f"/proc/{self.pid}/fd"))

    def signal(self, number):
        self.child.send_signal(number)

    def pause(self):
        """Every thread of it stands until SIGCONT: the signal alone takes its time to reach them all."""
        self.signal(signal.SIGSTOP)
        tasks = f"/proc/{self.pid}/task"

        def state(task):
            with open(f"{tasks}/{task}/stat", encoding="utf-8") as stat:
                return stat.read().rpartition(")")[2].split()[0]

        wait_until(lambda: all(state(task) == "T" for task in os.listdir(tasks)), f"{self.pid} to stand")

    def wait(self, timeout_s=20):
        return self.child.wait(timeout_s)

    def kill(self):
        if self.running():
            self.child.kill()
            self.child.wait()

    def stop(self, timeout_s=20):
        """SIGTERM, then the exit status; a process that does not end is an error."""
        if self.running():
            self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.pid} did not end on SIGTERM:\n{self.log()[-3000:]}") from None

    def await_ready(self, condition, what):
        def ready():
            if not self.running():
                raise AssertionError(f"{what}: ended early with {self.child.returncode}:\n{self.log()[-3000:]}")
            return condition()
        wait_until(ready, what, timeout_s=60)


def accepts_tcp(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=2).close()
        return True
    except OSError:
        return False


class Proxy(Process):
    """The program under test (or another of its kind) with a configuration text.

    {port} in the text becomes the listening port, {console} the console's. A setLocal line for
    127.0.0.1:{port} is added where the text has no addLocal or setLocal.
    """

    def __init__(self, config, folder=None, binary=BINARY, arguments=(), **options):
        self.folder = folder or temp_folder()
        self.port, self.console_port = free_port(), free_port()
        self.binary = binary
        if "Local(" not in config:
            config = 'setLocal("127.0.0.1:{port}")\n' + config
        config = config.replace("{port}", str(self.port)).replace("{console}", str(self.console_port))
        config = config.replace("{dir}", self.folder)
        self.config_path = write_file(self.folder, f"proxy-{self.port}.conf", config)
        log_path = os.path.join(self.folder, f"proxy-{self.port}.log")
        command = [binary, "-C", self.config_path, "--supervised", "--disable-syslog", *arguments]
        options.setdefault("env", child_environment())
        super().__init__(command, log_path, **options)
        self.ready_host = "127.0.0.1"

    def start(self):
        self.await_ready(lambda: accepts_tcp(self.port, self.ready_host), f"{self.binary} to listen")
        return self

    def console(self, command, binary=None):
        """What -e prints; needs CONSOLE in the configuration."""
        run = subprocess.run([binary or self.binary, "-C", self.config_path, "-e", command], check=False,
                             capture_output=True, text=True, timeout=30, env=child_environment())
        return run.stdout

    def stat(self, name):
        """A counter of dumpStats()."""
        words = self.console("dumpStats()").split()
        return int(float(words[words.index(name) + 1]))


CONSOLE = f'controlSocket("127.0.0.1:{{console}}")\nsetKey("{KEY}")\n'


def child_environment():
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    # A finding must fail the test: the exit status tells, and SIGTERM must still exit with 0.
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1")
    environment.setdefault("TSAN_OPTIONS", "halt_on_error=1:exitcode=66")
    return environment


def temp_folder():
    folder = tempfile.mkdtemp(prefix="breakwater-test-")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def write_file(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class SystemTest(unittest.TestCase):
    """Stops every proxy it started, and fails when one does not exit cleanly."""

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        if not IS_DNSDIST:
            known_failures.mark(cls)

    def proxy(self, config, **options):
        proxy = Proxy(config, **options)
        self.addCleanup(self.stop_cleanly, proxy)
        return proxy.start()

    def stop_cleanly(self, proxy):
        if proxy.running() or not getattr(proxy, "expected_end", False):
            status = proxy.stop()
            if proxy.binary != DNSDIST:  # 1.7.3 has no handler and dies of the signal
                self.assertEqual(status, 0, f"exit status {status}:\n{proxy.log()[-6000:]}")

    def refused(self, config, why):
        """A configuration that the strict check must not let pass; gives what it said, which holds `why`."""
        path = write_file(temp_folder(), "check.conf", config + "\n")
        check = subprocess.run([BINARY, "-C", path, "--check-config", "--strict"], capture_output=True, text=True,
                               timeout=60, check=False)
        said = check.stdout + check.stderr
        self.assertNotEqual(check.returncode, 0, config)
        self.assertIn(why, said, config)
        return said

    def started(self, server):
        """A nameserver that ends with the test."""
        self.addCleanup(server.kill)
        return server
