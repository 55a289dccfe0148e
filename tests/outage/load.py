"""Clients at a steady rate, Zipf over the zones; each answer is held against the truth.

One thread, plain sockets. What is counted is what resolvers would see: an answer, or silence for
two seconds.
"""

import bisect
import collections
import itertools
import random
import select
import socket
import struct
import threading
import time

from hoster import full_name
from truth import LABELS, OLD, OTHER, RIGHT

PATIENCE_S = 2
LABEL_WEIGHTS = (40, 25, 15, 10, 10)
SOCKETS = 8
STALE_CODES = (3, 19)  # RFC 8914: stale answer, stale NXDOMAIN
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"  # 1232 octets
RCODES = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}
SILENCE = "silence"


class Seen:
    """One answer, or none, as it was judged."""

    __slots__ = ("name", "sent", "received", "verdict", "stale", "known")

    # `known`: whether the name had been answered rightly within the last hour (scaled).
    def __init__(self, name, sent, received, verdict, stale, known):  # pylint: disable=too-many-arguments
        self.name, self.sent, self.received = name, sent, received
        self.verdict, self.stale, self.known = verdict, stale, known


def question(name, query_id):
    labels = full_name(name).encode().split(b".")
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", query_id, 0, 1, 0, 0, 1) + wire + b"\0\x01\0\x01" + OPT


def skip_name(wire, at):
    while wire[at]:
        if wire[at] >= 0xC0:
            return at + 2
        at += wire[at] + 1
    return at + 1


def read_answer(wire):
    """(rcode, last octet of the last address in the answer section or None, whether it is marked as stale)."""
    rcode = wire[3] & 15
    questions, answered, authority, additional = struct.unpack_from("!4H", wire, 4)
    at = 12
    for _ in range(questions):
        at = skip_name(wire, at) + 4
    value, stale = None, False
    for index in range(answered + authority + additional):
        at = skip_name(wire, at)
        rtype, _, _, length = struct.unpack_from("!HHIH", wire, at)
        at += 10
        if rtype == 1 and index < answered:
            value = wire[at + 3]
        elif rtype == 41:
            stale = stale or has_stale_code(wire[at:at + length])
        at += length
    return rcode, value, stale


def has_stale_code(options):
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from("!HH", options, at)
        if code == 15 and struct.unpack_from("!H", options, at + 4)[0] in STALE_CODES:
            return True
        at += 4 + length
    return False


def verdict_of(truth, name, wire, times):
    """(RIGHT, or what is wrong; whether it says it is stale)."""
    try:
        rcode, value, stale = read_answer(wire)
    except (IndexError, struct.error):
        return "malformed", False
    if rcode in RCODES:
        return RCODES[rcode], stale
    if rcode not in (0, 3) or (rcode == 0 and value is None):
        return OTHER, stale
    return truth.judge(name, None if rcode == 3 else value, *times), stale


class Popularity:
    """Which name is asked next: zones by Zipf's law, labels by fixed weights."""

    def __init__(self, zones, seed=2):
        self.random = random.Random(seed)
        self.order = list(range(zones))
        self.random.shuffle(self.order)
        self.cumulative = list(itertools.accumulate(1 / rank for rank in range(1, zones + 1)))

    def draw(self):
        at = bisect.bisect(self.cumulative, self.random.random() * self.cumulative[-1])
        label = self.random.choices(LABELS, LABEL_WEIGHTS)[0]
        return self.order[min(at, len(self.order) - 1)], label


class Load(threading.Thread):
    """Asks `rate` questions a second of the ports in turn until stop()."""

    def __init__(self, truth, ports, rate, hour_s):
        super().__init__(daemon=True)
        self.truth, self.ports, self.rate, self.hour_s = truth, ports, rate, hour_s
        self.popularity = Popularity(truth.zones)
        self.seen = []
        self.ended = threading.Event()
        self.open = collections.OrderedDict()  # (socket number, query ID) -> (name, sent)
        self.last_right = {}
        self.error = None

    def stop(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error

    def run(self):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
        try:
            self.loop(sockets)
        except Exception as error:  # pylint: disable=broad-except  # told in stop()
            self.error = error
            self.ended.set()
        finally:
            for one in sockets:
                one.close()

    def loop(self, sockets):
        poller = select.poll()
        by_descriptor = {one.fileno(): number for number, one in enumerate(sockets)}
        for one in sockets:
            one.setblocking(False)
            poller.register(one, select.POLLIN)
        began, sent = time.monotonic(), 0
        while not self.ended.is_set() or self.open:
            now = time.monotonic()
            while not self.ended.is_set() and sent < (now - began) * self.rate:
                self.send(sockets, sent)
                sent += 1
            for descriptor, _ in poller.poll(2):
                number = by_descriptor[descriptor]
                self.receive(sockets[number], number)
            self.give_up(time.monotonic() - PATIENCE_S)

    def send(self, sockets, count):
        number, name = count % SOCKETS, self.popularity.draw()
        query_id = (count // SOCKETS) & 0xFFFF
        port = self.ports[(count // SOCKETS) % len(self.ports)]
        self.open[number, query_id] = (name, time.monotonic())
        sockets[number].sendto(question(name, query_id), ("127.0.0.1", port))

    def receive(self, one, number):
        while True:
            try:
                wire = one.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return
            asked = self.open.pop((number, int.from_bytes(wire[:2], "big")), None)
            if asked:
                name, sent = asked
                received = time.monotonic()
                self.note(name, (sent, received), *verdict_of(self.truth, name, wire, (sent, received)))

    def give_up(self, before):
        while self.open:
            key, (name, sent) = next(iter(self.open.items()))
            if sent > before:
                return
            del self.open[key]
            self.note(name, (sent, time.monotonic()), SILENCE, False)

    def note(self, name, times, verdict, stale):
        known = times[0] - self.last_right.get(name, float("-inf")) < self.hour_s
        if verdict == RIGHT:
            self.last_right[name] = times[1]
        self.seen.append(Seen(name, *times, verdict, stale, known))


def shown_after(truth, name, port, since):
    """Asks at once and again until the answer is the right one: (seconds since, what was wrong before)."""
    wrong = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", port))
        for query_id in range(100):
            sent = time.monotonic()
            if sent - since > 3:
                return None, wrong
            verdict = ask_once(truth, name, one, query_id)
            if verdict == RIGHT:
                return time.monotonic() - since, wrong
            wrong.append((round(sent - since, 3), verdict))
            one.settimeout(0.02)
            try:
                one.recv(4096)  # an answer that was late; else a pause
            except OSError:
                pass
    return None, wrong


def ask_once(truth, name, one, query_id):
    one.settimeout(1)
    try:
        one.send(question(name, query_id))
        wire = one.recv(4096)
        while wire[:2] != query_id.to_bytes(2, "big"):  # late, to the question before
            wire = one.recv(4096)
    except OSError:
        return SILENCE
    # The last value alone is right here.
    rcode, value, _ = read_answer(wire)
    if rcode in RCODES:
        return RCODES[rcode]
    return RIGHT if (None if rcode == 3 else value) == truth.value(name) else OLD
