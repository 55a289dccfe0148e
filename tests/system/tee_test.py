#!/usr/bin/python3
"""TeeAction: copies for a second nameserver, what is counted of its answers, and what clients feel of it (nothing)."""

import contextlib
import os
import socket
import unittest

import dns.edns
import dns.message

from client import addresses, ask, run
from harness import (BINARY, CONSOLE, DNSDIST, Proxy, SystemTest, breakwater_only, free_port, temp_folder, wait_until,
                     write_file)
from nameservers import Nsd

ZONE = "$ORIGIN {name}.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww A {address}\n"


def counters(front, index=0):
    """What getAction(n):printStats() shows, by name."""
    lines = front.console(f"getAction({index}):printStats()").split("\n")
    return {name: float(value) for name, value in (line.split("\t") for line in lines if "\t" in line)}


class Receiver:
    """Gets the copies and answers none."""

    def __init__(self, port=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port or 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]

    def copy(self):
        return self.socket.recvfrom(65535)[0]


class Tee(SystemTest):
    def servers(self):
        first = self.started(Nsd({"example.org": ZONE.format(name="example.org", address="192.0.2.80")}))
        second = self.started(Nsd({"example.org": ZONE.format(name="example.org", address="192.0.2.81")}))
        return first, second

    def front(self, backend, tee, more="", **options):
        proxy = Proxy(CONSOLE + f'newServer{{address="127.0.0.1:{backend}"}}\ngetServer(0):setUp()\n'
                      f"addAction(AllRule(), TeeAction({tee}))\n" + more, **options)
        self.addCleanup(proxy.kill)
        return proxy.start()

    @breakwater_only
    def test_a_second_server_is_asked_the_same_and_its_answers_are_counted_as_1_7_3_does(self):
        first, second = self.servers()
        names = ["www.example.org"] * 3 + ["none.example.org", "elsewhere.example"]
        told = []
        for binary in (DNSDIST, BINARY):
            front = self.front(first.port, f'"127.0.0.1:{second.port}"', binary=binary)
            for name in names:
                answer = ask(name, port=front.port)
                self.assertEqual(addresses(answer), ["192.0.2.80"] if name.startswith("www") else [])
            ask("www.example.org", port=front.port, tcp=True)
            wait_until(lambda front=front: counters(front)["responses"] == len(names), "the answers to copies")
            told.append((counters(front), [line.split()[-4:] for line in front.console("showRules()").splitlines()[1:]]))
        self.assertEqual(told[0][0], told[1][0])
        self.assertEqual(told[0][1][0][:3], told[1][1][0][:3])  # "tee to ADDRESS"
        self.assertEqual(told[1][0], {"queries": 5, "responses": 5, "noerrors": 3, "nxdomains": 1, "refuseds": 1,
                                      "servfails": 0, "other-rcode": 0, "recv-errors": 0, "send-errors": 0,
                                      "tcp-drops": 1})
        names = ("tee-sent", "tee-responses", "tee-dropped")
        wait_until(lambda: [front.stat(name) for name in names] == [5, 5, 1], "the metrics")

    def test_the_copy_is_the_query_and_may_tell_the_clients_network(self):
        backend, receiver = Receiver(), Receiver()
        for tee, option in ((f'"127.0.0.1:{receiver.port}"', None),
                            (f'"127.0.0.1:{receiver.port}", true', dns.edns.ECSOption("127.0.0.0", 24, 0))):
            front = self.front(backend.port, tee)
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(client.close)
            query = dns.message.make_query("www.example.org", "AAAA", id=4711).to_wire()
            client.sendto(query, ("127.0.0.1", front.port))
            copy = dns.message.from_wire(receiver.copy())
            forwarded = dns.message.from_wire(backend.copy())
            self.assertEqual((copy.id, copy.question), (4711, dns.message.from_wire(query).question))
            self.assertEqual(list(copy.options), [option] if option else [])
            self.assertEqual((forwarded.edns, list(forwarded.options)), (-1, []))
            front.kill()

    @breakwater_only
    def test_the_copy_is_sent_from_where_it_should_and_names_the_client(self):
        nsd, _ = self.servers()
        receiver = Receiver()
        front = self.front(nsd.port, f'"127.0.0.1:{receiver.port}", true, "127.0.0.7", true')
        ask("www.example.org", port=front.port, use_edns=0)
        copy, sender = receiver.socket.recvfrom(65535)
        self.assertEqual(sender[0], "127.0.0.7")
        self.assertEqual(copy[:16], b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c")
        self.assertEqual(copy[16:24], bytes([127, 0, 0, 1, 127, 0, 0, 1]))
        self.assertEqual(int.from_bytes(copy[26:28], "big"), front.port)
        message = dns.message.from_wire(copy[28:])
        self.assertEqual(list(message.options), [dns.edns.ECSOption("127.0.0.0", 24, 0)])

    @breakwater_only
    def test_setecs_settings_count_for_the_copy_too(self):
        nsd, _ = self.servers()
        receiver = Receiver()
        front = self.front(nsd.port, f'"127.0.0.1:{receiver.port}", true', "setECSSourcePrefixV4(16)\nsetECSOverride(true)\n")
        ask("www.example.org", port=front.port, use_edns=0, options=[dns.edns.ECSOption("198.51.100.0", 24, 0)])
        message = dns.message.from_wire(receiver.copy())
        self.assertEqual(list(message.options), [dns.edns.ECSOption("127.0.0.0", 16, 0)])

    @breakwater_only
    def test_a_dead_server_costs_clients_nothing_and_a_new_one_is_found(self):
        nsd, _ = self.servers()
        port = free_port()
        front = self.front(nsd.port, f'"127.0.0.1:{port}"')
        for _ in range(20):
            self.assertEqual(addresses(ask("www.example.org", port=front.port, timeout_s=1)), ["192.0.2.80"])
        counts = counters(front)
        self.assertEqual((counts["queries"], counts["responses"]), (20, 0))
        self.assertGreater(counts["recv-errors"] + counts["send-errors"], 0)
        receiver = Receiver(port)
        ask("www.example.org", port=front.port)
        self.assertEqual(dns.message.from_wire(receiver.copy()).question[0].name.to_text(), "www.example.org.")
        self.stop_cleanly(front)

    @breakwater_only
    def test_what_answers_too_much_or_no_dns_is_counted_and_harms_nobody(self):
        nsd, _ = self.servers()
        receiver = Receiver()
        front = self.front(nsd.port, f'"127.0.0.1:{receiver.port}"')
        ask("www.example.org", port=front.port)
        copy, sender = receiver.socket.recvfrom(65535)
        answer = bytearray(copy)
        answer[2] |= 0x80
        for datagram in (b"", b"x", copy, bytes(answer) + bytes(30000), bytes(answer[:12]), bytes(answer)):
            receiver.socket.sendto(datagram, sender)
        wait_until(lambda: counters(front)["responses"] == 3, "the answers")
        wait_until(lambda: counters(front)["recv-errors"] == 3, "what is none")
        self.assertEqual(addresses(ask("www.example.org", port=front.port)), ["192.0.2.80"])

    @breakwater_only
    def test_an_action_that_is_gone_leaves_no_thread_and_no_socket(self):
        nsd, second = self.servers()
        front = self.front(nsd.port, f'"127.0.0.1:{second.port}"')

        def threads():
            tasks = f"/proc/{front.pid}/task"
            names = []
            for task in os.listdir(tasks):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended just now
                    with open(f"{tasks}/{task}/comm", encoding="ascii") as file:
                        names.append(file.read().strip())
            return names.count("bw/tee")
        wait_until(lambda: threads() == 1, "a thread that reads answers")
        for _ in range(10):
            front.console(f'addAction(AllRule(), TeeAction("127.0.0.1:{second.port}"))')
        self.assertEqual(addresses(ask("www.example.org", port=front.port)), ["192.0.2.80"])
        wait_until(lambda: threads() == 11, "a thread for each")
        front.console("clearRules()")
        self.assertEqual(addresses(ask("www.example.org", port=front.port)), ["192.0.2.80"])
        front.console("collectgarbage() collectgarbage()")
        wait_until(lambda: threads() == 0, "no thread left")
        self.stop_cleanly(front)

    @breakwater_only
    def test_an_address_that_cannot_be_sent_from_is_an_error_with_its_line(self):
        path = write_file(temp_folder(), "a.conf", '\naddAction(AllRule(), TeeAction("127.0.0.1:53", false, "192.0.2.99"))\n')
        result = run(BINARY, "-C", path, "--supervised")
        self.assertIn(f"{path}:2: TeeAction: cannot send from 192.0.2.99: ", result.stdout + result.stderr)
        self.assertEqual(result.returncode, 1)
        self.refused('addAction(AllRule(), TeeAction("127.0.0.1:53", false, "::1"))\n', "different families")


if __name__ == "__main__":
    unittest.main()
