#!/usr/bin/python3
"""Measures Breakwater beside dnsdist 1.7.3, a bare responder and a bare relay, in one go.

  run.py [--seconds N] [--rounds N] [--only hit,pass,memory,idle,flush,list,tcp,dot,doh,
         handshake,connections,crowd,lua] [--program PATH]

The program under test has the first core, the load (and the backend) the second. Rounds of all
programs take turns; medians are printed. See bench/README.md for the method.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lua_rules  # noqa: E402
import streams  # noqa: E402
from subjects import LOAD_CORE, NAMES, RELEASE, proxy, relay, responder, write_names  # noqa: E402

DNSDIST = "/usr/bin/dnsdist"


def dnsperf(port, queries, *arguments):
    run = subprocess.run(["taskset", "-c", LOAD_CORE, "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", queries,
                          "-c", "4", "-t", "1", *arguments], capture_output=True, text=True, check=False)
    numbers = {}
    for label in ("Queries sent", "Queries completed", "Queries lost", "Queries per second"):
        found = re.search(label + r":\s+([\d.]+)", run.stdout)
        if not found:
            raise RuntimeError(run.stdout + run.stderr)
        numbers[label.split()[1]] = float(found.group(1))
    return {"completed": numbers["completed"], "lost": numbers["lost"], "qps": numbers["per"]}


def udp_load(subject, queries, seconds, _):
    return dnsperf(subject.port, queries, "-l", str(seconds), "-q", "100")


def stream_load(subject, queries, seconds, mode):
    return dnsperf(subject.ports[mode], queries, "-l", str(seconds), "-q", "100", "-m", mode, "-c",
                   str(streams.CLIENTS))


def measure(subject, queries, seconds, idle_backend=None, mode="udp"):
    """Microseconds of user and system time a query, and the rate, over one run at full speed."""
    dnsperf(subject.port, queries, "-n", "1", "-q", "20")  # each name once: fills a cache, warms the rest
    load_for = {"udp": udp_load, "doh": streams.h2load}.get(mode, stream_load)
    if mode in ("tcp", "dot"):
        dnsperf(subject.ports[mode], queries, "-n", "1", "-q", "20", "-m", mode)
    elif mode == "doh":
        load_for(subject, queries, 1, mode)
    user, system = subject.cpu()
    backend_before = sum(idle_backend.cpu()) if idle_backend else 0
    load = load_for(subject, queries, seconds, mode)
    user_after, system_after = subject.cpu()
    own_needs = 0.02 if mode == "udp" else 0.1  # of a core; dnsdist has some itself
    if idle_backend and sum(idle_backend.cpu()) - backend_before > own_needs * seconds:
        raise RuntimeError("the backend was asked: these were no cache hits")
    scale = 1e6 / load["completed"]
    return {"user": (user_after - user) * scale, "system": (system_after - system) * scale,
            "total": (user_after - user + system_after - system) * scale, "qps": load["qps"], "lost": load["lost"]}


def compare(title, makers, references, options, idle_backend=None, mode="udp"):
    """Rounds of every program in turn, then the medians and the ratios to the references."""
    queries = write_names(NAMES)
    results = {name: [] for name in makers}
    for _ in range(options.rounds):
        for name, make in makers.items():
            subject = make()
            try:
                results[name].append(measure(subject, queries, options.seconds, idle_backend, mode))
            finally:
                subject.stop()
    medians = {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
               for name, runs in results.items()}
    print(f"\n{title}: {NAMES} names, {options.rounds} rounds of {options.seconds} s, medians")
    print(f"{'':14}{'user µs':>9}{'system µs':>11}{'total µs':>10}{'queries/s':>11}{'lost':>6}"
          + "".join(f"{'/ ' + name:>14}" for name in references))
    for name, row in medians.items():
        ratios = "".join(f"{row['total'] / medians[reference]['total']:>14.2f}" for reference in references)
        print(f"{name:14}{row['user']:9.2f}{row['system']:11.2f}{row['total']:10.2f}{row['qps']:11.0f}"
              f"{row['lost']:6.0f}{ratios}")
    return medians


def goal(text, value, limit):
    print(f"  {text}: {value:.2f}, goal {limit:.2f}: {'reached' if value <= limit else 'MISSED'}")


def run_hit(options):
    backend = responder(LOAD_CORE)
    cache = "20000"
    try:
        rows = compare("UDP, cache hits", {
            "breakwater": lambda: proxy(options.program, backend.port, cache),
            "dnsdist": lambda: proxy(DNSDIST, backend.port, cache),
            "responder": responder}, ("dnsdist", "responder"), options, idle_backend=backend)
    finally:
        backend.stop()
    goal("total / dnsdist", rows["breakwater"]["total"] / rows["dnsdist"]["total"], 0.70)
    goal("total / bare responder", rows["breakwater"]["total"] / rows["responder"]["total"], 1.20)
    goal("user / dnsdist's user", rows["breakwater"]["user"] / rows["dnsdist"]["user"], 0.35)


def run_lua(options):
    backend = responder(LOAD_CORE)
    try:
        for kind in lua_rules.KINDS:
            rows = compare(f"UDP, cache hits, {kind} on every query", {
                "breakwater": lambda kind=kind: lua_rules.subject(options.program, backend.port, kind),
                "dnsdist": lambda kind=kind: lua_rules.subject(DNSDIST, backend.port, kind)},
                ("dnsdist",), options, idle_backend=backend)
            goal("total / dnsdist", rows["breakwater"]["total"] / rows["dnsdist"]["total"], 0.70)
    finally:
        backend.stop()


def run_pass(options):
    backend = responder(LOAD_CORE)
    try:
        rows = compare("UDP, passed through", {
            "breakwater": lambda: proxy(options.program, backend.port),
            "dnsdist": lambda: proxy(DNSDIST, backend.port),
            "relay": lambda: relay(backend.port)}, ("dnsdist", "relay"), options)
    finally:
        backend.stop()
    goal("total / dnsdist", rows["breakwater"]["total"] / rows["dnsdist"]["total"], 0.85)
    goal("total / bare relay", rows["breakwater"]["total"] / rows["relay"]["total"], 1.25)


def run_memory(options):
    count = 1_000_000
    queries, backend = write_names(count), responder(LOAD_CORE)
    print(f"\nResident memory of {count} cached A answers")
    try:
        for name, program in (("breakwater", options.program), ("dnsdist", DNSDIST)):
            subject = proxy(program, backend.port, f"{count + 100_000}, {{numberOfShards=20}}")
            before = subject.resident_bytes()
            load = dnsperf(subject.port, queries, "-n", "1", "-q", "50")
            each = (subject.resident_bytes() - before) / load["completed"]
            print(f"{name:14}{each:8.1f} bytes an entry, {load['completed']:.0f} answers, {load['lost']:.0f} lost")
            if name == "breakwater":
                goal("bytes an entry", each, 160)
            subject.stop()
    finally:
        backend.stop()


def run_idle(options):
    backend = responder(LOAD_CORE)
    subject = proxy(options.program, backend.port, "20000")
    try:
        before, begin = sum(subject.cpu()), time.monotonic()
        time.sleep(20)
        share = 100 * (sum(subject.cpu()) - before) / (time.monotonic() - begin)
    finally:
        subject.stop()
        backend.stop()
    print("\nIdle")
    goal("percent of a core", share, 0.5)


class Flusher:
    """Suffix flushes over one connection to the control socket, `rate` a second, between other work."""

    def __init__(self, path, rate):
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.connect(path)
        self.interval, self.due = 1 / rate, time.monotonic()
        self.sent, self.unread = 0, b""

    def work(self):
        """Sends one that is due, and reads the replies that have come; waits for nothing."""
        if time.monotonic() < self.due:
            return
        self.due += self.interval
        request = {"command": "flush", "name": f"sub{self.sent}.flushed.example", "suffix": True}
        self.control.sendall(json.dumps(request).encode() + b"\n")
        self.sent += 1
        try:
            self.unread += self.control.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        *replies, self.unread = self.unread.split(b"\n")
        if not all(json.loads(reply)["ok"] for reply in replies):
            raise RuntimeError("a flush was refused")


def percentile_99(port, seconds, between=lambda: None):
    """Latency of single hits in microseconds, asked one after another."""
    query = bytearray(bytes.fromhex("000001000001000000000000") + b"\x02n1\x07example\x00\x00\x01\x00\x01")
    taken = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(("127.0.0.1", port))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            between()
            begin = time.perf_counter_ns()
            client.send(query)
            client.recv(4096)
            taken.append((time.perf_counter_ns() - begin) / 1000)
    return statistics.quantiles(taken, n=100)[98]


def run_flush(options):
    backend = responder(LOAD_CORE)
    path, cores = os.path.join(tempfile.mkdtemp(), "control.sock"), os.sched_getaffinity(0)
    subject = proxy(options.program, backend.port, "1100000", f'controlUnixSocket("{path}")\n')
    try:
        dnsperf(subject.port, write_names(1_000_000), "-n", "1", "-q", "50")
        os.sched_setaffinity(0, {int(LOAD_CORE)})
        quiet, disturbed, flusher = [], [], Flusher(path, 1000)
        for _ in range(options.rounds):
            quiet.append(percentile_99(subject.port, options.seconds))
            flusher.due = time.monotonic()
            disturbed.append(percentile_99(subject.port, options.seconds, flusher.work))
    finally:
        os.sched_setaffinity(0, cores)
        subject.stop()
        backend.stop()
    rate = flusher.sent / (options.rounds * options.seconds)
    print(f"\nSuffix flushes with a million entries held: {rate:.0f} a second; p99 of hits "
          f"{statistics.median(quiet):.0f} µs quiet, {statistics.median(disturbed):.0f} µs meanwhile")
    goal("p99 during / quiet", statistics.median(disturbed) / statistics.median(quiet), 1.2)


def run_list(options):
    """40,000 suffix flushes at once, and hits while they are held beside hits of a server that holds none."""
    backend, path, names = responder(LOAD_CORE), os.path.join(tempfile.mkdtemp(), "control.sock"), write_names(NAMES)
    more = f'controlUnixSocket("{path}")\n'
    flushed, quiet = (proxy(options.program, backend.port, "1100000", text) for text in (more, ""))
    took, cost = [], {"flushed": [], "quiet": []}
    try:
        for subject in (flushed, quiet):
            dnsperf(subject.port, write_names(1_000_000), "-n", "1", "-q", "50")
        for number in range(options.rounds):
            with tempfile.NamedTemporaryFile("w", suffix=".zones") as zones:
                zones.writelines(f"zone{zone}.list{number}.example\n" for zone in range(40_000))
                zones.flush()
                begin = time.monotonic()
                subprocess.run([f"{RELEASE}/breakwaterctl", "--socket", path, "flush", "--list", zones.name, "--suffix",
                                "--strict"], check=True, stdout=subprocess.DEVNULL)
                took.append(time.monotonic() - begin)
            cost["flushed"].append(measure(flushed, names, options.seconds, backend)["total"])
            cost["quiet"].append(measure(quiet, names, options.seconds, backend)["total"])
    finally:
        for subject in (flushed, quiet, backend):
            subject.stop()
    print("\nA list of 40,000 suffixes with a million entries held, by breakwaterctl")
    goal("seconds", statistics.median(took), 1.0)
    medians = {name: statistics.median(values) for name, values in cost.items()}
    print(f"  a hit: {medians['flushed']:.2f} µs with the flushes held, {medians['quiet']:.2f} without")
    goal("total / without", medians["flushed"] / medians["quiet"], 1.03)


def run_stream(mode, title, limit):
    def run(options):
        backend = streams.spoofer()
        pair = streams.certificate()
        try:
            rows = compare(f"{title}, cache hits, {streams.CLIENTS} clients", {
                "breakwater": lambda: streams.encrypted(options.program, backend.port, pair),
                "dnsdist": lambda: streams.encrypted(DNSDIST, backend.port, pair)},
                ("dnsdist",), options, idle_backend=backend, mode=mode)
        finally:
            backend.stop()
        goal("total / dnsdist", rows["breakwater"]["total"] / rows["dnsdist"]["total"], limit)
    return run


def run_handshake(options):
    backend = responder(LOAD_CORE)
    pair = streams.certificate()
    rates = {}
    try:
        for what, how in (("full", ("-new",)), ("resumed, TLS 1.2", ("-reuse", "-tls1_2"))):
            for name, make in (("s_server", lambda: streams.TlsServer(pair)),
                               ("breakwater", lambda: streams.encrypted(options.program, backend.port, pair))):
                subject = make()
                port = subject.port if name == "s_server" else subject.ports["dot"]
                rates[name] = statistics.median(streams.handshakes(subject, port, options.seconds, *how)
                                                for _ in range(options.rounds))
                subject.stop()
            print(f"\nHandshakes a CPU second, {what}: breakwater {rates['breakwater']:.0f}, openssl s_server "
                  f"{rates['s_server']:.0f}")
            goal("s_server / breakwater", rates["s_server"] / rates["breakwater"], 1 / 0.95)
    finally:
        backend.stop()


def run_connections(options):
    backend = responder(LOAD_CORE)
    pair = streams.certificate()
    taken = {}
    try:
        for mode, alpn in (("dot", "dot"), ("doh", "h2")):
            # A program of its own each: freed memory would be used again.
            subject = streams.encrypted(options.program, backend.port, pair, more="setTCPRecvTimeout(300)\n")
            try:
                taken[mode] = streams.idle_bytes(subject, subject.ports[mode], alpn) / 1000
            finally:
                subject.stop()
    finally:
        backend.stop()
    print(f"\nResident kB of an idle connection, {streams.CONNECTIONS} of them")
    goal("DoT", taken["dot"], 19)
    goal("DoH over DoT, which is little more than its TLS session", taken["doh"] - taken["dot"], 15)


def run_crowd(options):
    """Latency of UDP hits while many connections over HTTPS are open, against the quiet time."""
    backend = responder(LOAD_CORE)
    subject = streams.encrypted(options.program, backend.port, streams.certificate(), more="setTCPRecvTimeout(300)\n")
    try:
        quiet = statistics.median(percentile_99(subject.port, options.seconds) for _ in range(options.rounds))
        kept = streams.open_connections(subject.ports["doh"], "h2", 2000)
        crowded = statistics.median(percentile_99(subject.port, options.seconds) for _ in range(options.rounds))
        for connection in kept:
            connection.close()
    finally:
        subject.stop()
        backend.stop()
    print(f"\np99 of single UDP hits: {quiet:.0f} µs, with 2,000 connections over HTTPS {crowded:.0f} µs")
    goal("p99 / quiet", crowded / quiet, 1.20)


RUNS = {"hit": run_hit, "pass": run_pass, "memory": run_memory, "idle": run_idle, "flush": run_flush,
        "list": run_list,
        "tcp": run_stream("tcp", "TCP", 0.60), "dot": run_stream("dot", "DoT", 0.70),
        "doh": run_stream("doh", "DoH", 0.50), "handshake": run_handshake, "connections": run_connections,
        "crowd": run_crowd, "lua": run_lua}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="hit,pass", help="of " + ",".join(RUNS) + ", or all")
    parser.add_argument("--program", default=f"{RELEASE}/breakwater")
    options = parser.parse_args()
    subprocess.run([os.path.join(os.path.dirname(RELEASE), "../tests/support/packages.sh"), "test"], check=True)
    with open("/proc/cpuinfo", encoding="ascii") as file:
        print(re.search(r"model name\s*: (.*)", file.read()).group(1), "-", os.uname().release)
    for name in (RUNS if options.only == "all" else options.only.split(",")):
        RUNS[name](options)


if __name__ == "__main__":
    main()
