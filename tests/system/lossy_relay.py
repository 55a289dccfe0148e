"""A UDP path between proxy and nameserver that loses and delays answers, goes dark, and counts what comes."""

import collections
import heapq
import random
import select
import socket
import threading
import time

import dns.name

from harness import free_port


class LossyRelay(threading.Thread):
    """Listens on `port`, in front of the server at `server_port`; change `loss`, `delay_s` and `dark` at any time."""

    def __init__(self, server_port, loss=0.0, delay_s=0.0):
        super().__init__(daemon=True)
        self.server_port, self.loss, self.delay_s = server_port, loss, delay_s
        self.dark = False                     # nothing passes
        self.asked = collections.Counter()    # questions by name, also those that were lost
        self.random = random.Random(1)
        self.port = free_port()
        self.front = self.datagram_socket()
        self.front.bind(("127.0.0.1", self.port))
        self.back = self.datagram_socket()
        self.back.connect(("127.0.0.1", server_port))
        self.waiting = {}                     # our query ID -> (address, its ID)
        self.next_id = 0
        self.later = []                       # (when, address, answer)
        self.ended = threading.Event()
        self.start()

    @staticmethod
    def datagram_socket():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.setblocking(False)
        return made

    def stop(self):
        self.ended.set()
        self.join()
        self.front.close()
        self.back.close()

    def run(self):
        poller = select.poll()
        for one in (self.front, self.back):
            poller.register(one, select.POLLIN)
        while not self.ended.is_set():
            poller.poll(2 if self.later else 50)
            self.take(self.front, self.pass_question)
            self.take(self.back, self.hold_answer)
            while self.later and self.later[0][0] <= time.monotonic():
                _, address, answer = heapq.heappop(self.later)
                self.front.sendto(answer, address)

    @staticmethod
    def take(one, handle):
        while True:
            try:
                handle(*one.recvfrom(4096))
            except (BlockingIOError, ConnectionRefusedError):
                return

    def pass_question(self, wire, address):
        name = dns.name.from_wire(wire, 12)[0].to_text(omit_final_dot=True).lower()
        self.asked[name] += 1
        if self.dark:
            return
        self.next_id = (self.next_id + 1) & 0xFFFF
        self.waiting[self.next_id] = (address, wire[:2])
        self.back.send(self.next_id.to_bytes(2, "big") + wire[2:])

    def hold_answer(self, wire, _):
        address, query_id = self.waiting.pop(int.from_bytes(wire[:2], "big"), (None, None))
        if address and not self.dark and self.random.random() >= self.loss:
            heapq.heappush(self.later, (time.monotonic() + self.delay_s, address, query_id + wire[2:]))
