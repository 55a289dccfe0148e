#!/usr/bin/python3
"""CPU time of a cache hit over DNSCrypt (UDP, XSalsa20), Breakwater beside dnsdist 1.7.3.

  dnscrypt.py [--seconds N] [--rounds N] [--keys N] [--program PATH]

The queries are sealed beforehand by so many client keys and sent again and again, a hundred at a time. Not
every answer is opened: the system tests do that.
"""

import argparse
import os
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/system"))
import dns.message  # noqa: E402
from dnscrypt_client import Provider, Session  # noqa: E402

from subjects import LOAD_CORE, RELEASE, free_port, proxy, responder  # noqa: E402

DNSDIST = "/usr/bin/dnsdist"
PACKETS = 2000
WINDOW = 100
NAMES = 500


def sealed(certificate, keys):
    sessions = [Session(certificate) for _ in range(keys)]
    messages = [dns.message.make_query(f"n{number}.example", "A").to_wire() for number in range(NAMES)]
    return [sessions[i % keys].seal(messages[i % NAMES])[0] for i in range(PACKETS)]


def load(port, packets, seconds):
    """How many answers came."""
    done, at, end = 0, 0, time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", port))
        while time.monotonic() < end:
            for _ in range(WINDOW):
                sock.send(packets[at % len(packets)])
                at += 1
            for _ in range(WINDOW):
                try:
                    sock.recv(4096)
                except TimeoutError:
                    break
                done += 1
    return done


def measure(program, rows, packets, seconds):
    certificate, key = rows
    backend = responder(LOAD_CORE)
    port = free_port()
    subject = proxy(program, backend.port, "20000",
                    f'addDNSCryptBind("127.0.0.1:{port}", "2.example", "{certificate}", "{key}")\n')
    try:
        load(port, packets, 0.5)
        before = sum(subject.cpu())
        done = load(port, packets, seconds)
        return 1e6 * (sum(subject.cpu()) - before) / done, done / seconds
    finally:
        subject.stop()
        backend.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=50)
    parser.add_argument("--program", default=os.path.join(RELEASE, "breakwater"))
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    certificate, *rows = Provider().make(1)
    packets = sealed(certificate, options.keys)
    figures = {options.program: [], DNSDIST: []}
    for _ in range(options.rounds):
        for program, results in figures.items():
            results.append(measure(program, rows, packets, options.seconds))
    for program, results in figures.items():
        micros, rate = (statistics.median(column) for column in zip(*results))
        print(f"{os.path.basename(program)}: {micros:.1f} us of CPU time a query, {rate:,.0f} queries/s")


if __name__ == "__main__":
    main()
