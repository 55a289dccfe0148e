#!/usr/bin/python3
"""CPU time of the proxy under a flood from one blocked address: blocked by the proxy, and in the kernel.

  kernel_filter.py [--count N] [--rounds N] [--program PATH]      as root

The proxy has the first core, the flood the second. Rounds take turns; medians are printed, in CPU
seconds for a million datagrams. What the proxy's sockets lose is told: it costs the proxy nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from subjects import LOAD_CORE, RELEASE, proxy, responder  # noqa: E402

SOURCE = "127.0.0.5"
FILTER = "bpf = newBPFFilter{ipv4MaxItems=10000, ipv6MaxItems=10000, qnamesMaxItems=%d}\nsetDefaultBPFFilter(bpf)\n"
KINDS = {
    "dynamic block, no filter": (SOURCE, f'addDynamicBlock("{SOURCE}", "flood", DNSAction.Drop, 3600)\n'),
    "dynamic block in the kernel": (SOURCE, FILTER % 0 + f'addDynamicBlock("{SOURCE}", "flood", DNSAction.Drop, 3600)\n'),
    "question dropped in the kernel": (SOURCE, FILTER % 10000 + 'bpf:blockQName("f1.example")\n'),
}


def drops(port):
    """What the sockets of the port lost, for want of room or by the filter."""
    with open("/proc/net/udp", encoding="ascii") as table:
        return sum(int(line.split()[-1]) for line in table if line.split()[1].endswith(f":{port:04X}"))


def measure(program, backend, count, kind):
    source, more = KINDS[kind]
    subject = proxy(program, backend, more=more)
    try:
        before, lost = sum(subject.cpu()), drops(subject.port)
        sender = subprocess.run(["taskset", "-c", LOAD_CORE, f"{RELEASE}/bench/flood", source, str(subject.port), str(count)],
                                capture_output=True, text=True, check=True)
        return ((sum(subject.cpu()) - before) * 1e6 / count, float(sender.stdout),
                100.0 * (drops(subject.port) - lost) / count)
    finally:
        subject.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default=f"{RELEASE}/breakwater")
    options = parser.parse_args()
    backend = responder(LOAD_CORE)
    results = {kind: [] for kind in KINDS}
    try:
        for _ in range(options.rounds):
            for kind, rows in results.items():
                rows.append(measure(options.program, backend.port, options.count, kind))
    finally:
        backend.stop()
    print("| CPU s a million datagrams | proxy | sender | dropped by the sockets |\n|---|---|---|---|")
    for kind, rows in results.items():
        proxied, sender, dropped = (statistics.median(column) for column in zip(*rows))
        print(f"| {kind} | {proxied:.3f} | {sender:.3f} | {dropped:.1f} % |")


if __name__ == "__main__":
    main()
