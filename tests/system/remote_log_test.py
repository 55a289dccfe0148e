#!/usr/bin/python3
"""Collectors of protobuf and dnstap: real ones, dead ones, ones that stall, and the same as dnsdist 1.7.3 tells."""

import os
import re
import time
import unittest

from client import ask, run
from collectors import FstrmCapture, RemoteLog
from harness import BINARY, CONSOLE, DNSDIST, ROOT, Proxy, SystemTest, breakwater_only, free_port, temp_folder, wait_until
from nameservers import Nsd

ZONES = {"example.org": "$ORIGIN example.org.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
                        "www CNAME web\nweb A 192.0.2.80\nweb AAAA 2001:db8::80\n"}
SPOOF = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'


def comparable(message):
    """Without what no two runs have in common; ports and times are checked to be there."""
    for field in ("message_id", "time_sec", "time_usec", "id", "from_port", "to_port"):
        assert message.HasField(field), field
        message.ClearField(field)
    assert message.response.query_time_sec > 0
    for field in ("query_time_sec", "query_time_usec"):
        message.response.ClearField(field)
    for record in message.response.records:  # of a hit, as old as it is
        assert 50 <= record.ttl <= 60, record.ttl
        record.ttl = 60
    for field in ("cache_hit", "outgoing_queries", "header_flags"):  # 1.7.3 does not tell these yet
        message.ClearField(field)
    return str(message)


class Protobuf(SystemTest):
    maxDiff = None

    def collector(self, **options):
        collector = RemoteLog(**options)
        self.addCleanup(collector.close)
        return collector

    @breakwater_only
    def test_what_is_told_is_what_1_7_3_tells(self):
        nsd = self.started(Nsd(ZONES))
        told = []
        for binary in (DNSDIST, BINARY):
            log = self.collector()
            proxy = Proxy('setLocal("127.0.0.1:{port}")\n' + CONSOLE
                          + f'newServer{{address="127.0.0.1:{nsd.port}"}}\ngetServer(0):setUp()\n'
                          'getPool(""):setCache(newPacketCache(100))\n'
                          f'rl = newRemoteLogger("127.0.0.1:{log.port}")\n'
                          'addAction(AllRule(), RemoteLogAction(rl, nil, {serverID="me"}))\n'
                          'addAction("refused.example.org.", RCodeAction(DNSRCode.REFUSED))\n'
                          'addResponseAction(AllRule(), RemoteLogResponseAction(rl, nil, true))\n'
                          'addCacheHitResponseAction(AllRule(), RemoteLogResponseAction(rl))\n'
                          'addSelfAnsweredResponseAction(AllRule(), RemoteLogResponseAction(rl, nil, false, '
                          '{serverID="me", ipEncryptKey="some 16-byte key"}))\n', binary=binary)
            self.addCleanup(proxy.kill)
            proxy.start()
            count = 0
            for name, qtype, tcp, more in (("www", "A", False, 2), ("WWW", "A", False, 2), ("www", "AAAA", True, 2),
                                           ("gone", "TXT", False, 2), ("refused", "A", False, 2)):
                ask(f"{name}.example.org", qtype, port=proxy.port, tcp=tcp)
                count += more
                log.messages(count)
            told.append([comparable(message) for message in log.messages(count)])
        self.assertEqual(told[0], told[1])

    @breakwater_only
    def test_a_query_and_its_answer_are_known_by_the_same_number(self):
        log = self.collector()
        front = self.proxy(f'rl = newRemoteLogger("127.0.0.1:{log.port}")\naddAction(AllRule(), RemoteLogAction(rl))\n'
                           + SPOOF + 'addSelfAnsweredResponseAction(AllRule(), RemoteLogResponseAction(rl, nil, false, {}, '
                           '{}, true))\n')
        ask("a.example", port=front.port)
        ask("b.example", port=front.port)
        ids = [message.message_id for message in log.messages(4)]
        self.assertEqual(len(set(ids)), 2)
        self.assertEqual({ids.count(each) for each in ids}, {2})

    @breakwater_only
    def test_metas_tags_and_an_alter_function_that_fails(self):
        log = self.collector()
        front = self.proxy(CONSOLE + f'rl = newRemoteLogger("127.0.0.1:{log.port}")\n'
                           'addAction(AllRule(), LuaAction(function(dq) dq:setTag("t", "v") dq:setMetaKey("own", {"x", 7}) '
                           'dq.deviceID = "phone" return DNSAction.None end))\n'
                           'addAction("bad.example.", RemoteLogAction(rl, function() error("no") end))\n'
                           'addAction(NotRule(QNameRule("bad.example.")), RemoteLogAction(rl, nil, {exportTags="*"}, '
                           '{where="pool", tag="tag:t"}))\n' + SPOOF)
        ask("bad.example", port=front.port)
        ask("good.example", port=front.port)
        message = log.messages(1)[0]
        self.assertEqual(message.question.name, "good.example.")
        self.assertEqual((list(message.response.tags), message.device_id), (["t:v"], b"phone"))
        metas = {meta.key: (list(meta.value.texts), list(meta.value.numbers)) for meta in message.metas}
        self.assertEqual(metas, {"own": (["x"], [7]), "where": ([""], []), "tag": (["v"], [])})
        self.assertIn("an alter function of a collector", front.log())

    @breakwater_only
    def test_an_alter_function_may_change_everything(self):
        log = self.collector()
        front = self.proxy(f'rl = newRemoteLogger("127.0.0.1:{log.port}")\n'
                           'addAction(AllRule(), RemoteLogAction(rl, function(dq, m) m:setTag("a") '
                           'm:setTagArray({"b", "c"}) m:setBytes(7) m:setEDNSSubnet("192.0.2.0/24") '
                           'm:setQuestion(newDNSName("other.example."), 16, 3) m:setServerIdentity("it") '
                           'm:setRequestor(newCA("192.0.2.7"), 53) m:setResponderFromString("192.0.2.8", 54) '
                           'm:setTime(5, 6) m:setQueryTime(3, 4) '
                           'm:addResponseRR("n.example.", 16, 1, 30, "\\0x") m:setResponseCode(3) end))\n' + SPOOF)
        ask("a.example", port=front.port)
        message = log.messages(1)[0]
        self.assertEqual(list(message.response.tags), ["a", "b", "c"])
        self.assertEqual((message.in_bytes, message.subnet, message.server_identity), (7, b"\xc0\0\2\0", b"it"))
        question = message.question
        self.assertEqual((question.name, question.type, question.class_number), ("other.example.", 16, 3))
        self.assertEqual((getattr(message, "from"), message.to), (b"\xc0\0\2\7", b"\xc0\0\2\x08"))
        self.assertEqual((message.from_port, message.to_port, message.time_sec, message.time_usec), (53, 54, 5, 6))
        response = message.response
        self.assertEqual((response.rcode, response.query_time_sec, response.query_time_usec), (3, 3, 4))
        record = response.records[0]
        self.assertEqual((record.name, record.type, record.ttl, record.data), ("n.example.", 16, 30, b"\0x"))

    @breakwater_only
    def test_dead_and_stalled_collectors_delay_nobody_and_what_they_miss_is_counted(self):
        stuck, port = self.collector(reads=False), free_port()
        front = self.proxy(CONSOLE + f'stuck = newRemoteLogger("127.0.0.1:{stuck.port}")\n'
                           f'dead = newRemoteLogger("127.0.0.1:{port}")\n'
                           'big = {content="tag:big"}\naddAction(AllRule(), SetTagAction("big", string.rep("x", 60000)))\n'
                           'addAction(AllRule(), RemoteLogAction(stuck, nil, {}, big))\n'
                           'addAction(AllRule(), RemoteLogAction(dead))\n' + SPOOF)
        wait_until(lambda: stuck.held, "the connection")
        slowest = 0
        for number in range(400):
            begin = time.monotonic()
            ask(f"n{number}.example", port=front.port)
            slowest = max(slowest, time.monotonic() - begin)
        self.assertLess(slowest, 1)
        # 300 of the dead one's, whose queue takes 100; the stalled one's are bounded in octets.
        wait_until(lambda: front.stat("collector-dropped") > 450, "drops of both")
        log = self.collector(port=port)
        self.assertEqual(len(log.messages(100)), 100)
        wait_until(lambda: "takes messages again" in front.log(), "it to be told")
        begin = time.monotonic()
        self.stop_cleanly(front)
        self.assertLess(time.monotonic() - begin, 8)

    @breakwater_only
    def test_errors_say_what_to_do(self):
        for text, expected in (
                ('newRemoteLogger("127.0.0.1")', "has no port"),
                ('newRemoteLogger("127.0.0.1:1", 2, 100, 1, 0)', "connectionCount is 0"),
                ('newFrameStreamUnixLogger("/x", {bufferHint=5})', "bufferHint is 5, but must be 1024 to 65536"),
                ('RemoteLogAction(newFrameStreamUnixLogger("/x"))', "DnstapLogAction takes this one"),
                ('DnstapLogAction("i", newRemoteLogger("127.0.0.1:1"))', "RemoteLogAction takes this one"),
                ('RemoteLogAction(newRemoteLogger("127.0.0.1:1"), nil, {serverID={}})', "'serverID'"),
                ('RemoteLogAction(newRemoteLogger("127.0.0.1:1"), nil, {ipEncryptKey="short"})', "16 octets"),
                ('RemoteLogAction(newRemoteLogger("127.0.0.1:1"), nil, {}, {a="none"})', "is no value of a query")):
            with self.subTest(text):
                path = os.path.join(temp_folder(), "c.conf")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text + "\n")
                checked = run(BINARY, "--check-config", "-C", path)
                self.assertNotEqual(checked.returncode, 0)
                self.assertIn(expected, checked.stdout + checked.stderr)


class Dnstap(SystemTest):
    def capture(self, **options):
        capture = self.started(FstrmCapture(temp_folder(), **options))
        return capture

    @breakwater_only
    def test_fstrm_capture_and_dnstap_ldns_read_what_is_told(self):
        capture = self.capture()
        wait_until(lambda: os.path.exists(capture.path), "the socket")
        front = self.proxy(f'tap = newFrameStreamUnixLogger("{capture.path}")\n'
                           'addAction(AllRule(), DnstapLogAction("me", tap, function(dq, m) m:setExtra("more") end))\n' + SPOOF
                           + 'addSelfAnsweredResponseAction(AllRule(), DnstapLogResponseAction("me", tap))\n')
        answers = [ask("a.example", port=front.port), ask("b.example", port=front.port, tcp=True)]
        self.stop_cleanly(front)  # sends what waits, and says farewell
        capture.stop()
        taps = capture.messages()
        self.assertEqual([tap.message.type for tap in taps], [5, 6, 5, 6])
        self.assertEqual([tap.message.socket_protocol for tap in taps], [1, 1, 2, 2])
        self.assertEqual({tap.identity for tap in taps}, {b"me"})
        self.assertEqual([tap.extra for tap in taps], [b"more", b"", b"more", b""])
        self.assertEqual(taps[1].message.response_message, answers[0].to_wire())
        lines = run("dnstap-ldns", "-r", capture.file).stdout.splitlines()
        self.assertEqual([re.search(r"C[QR] .*", line).group().split()[:3] for line in lines],
                         [[kind, "127.0.0.1", how] for how in ("UDP", "TCP") for kind in ("CQ", "CR")])

    @breakwater_only
    def test_a_collector_on_tcp_that_comes_later_gets_what_waited(self):
        port = free_port()
        front = self.proxy(CONSOLE + f'tap = newFrameStreamTcpLogger("127.0.0.1:{port}", {{reopenInterval=1}})\n'
                           'addAction(AllRule(), DnstapLogAction("me", tap))\n' + SPOOF)
        ask("a.example", port=front.port)
        wait_until(lambda: front.stat("collector-connect-failures") > 0, "a failure")
        capture = self.capture(port=port)
        wait_until(lambda: front.stat("collector-sent") == 1, "the message")
        self.stop_cleanly(front)
        capture.stop()
        self.assertEqual(len(capture.messages()), 1)


class Example(SystemTest):
    @breakwater_only
    def test_the_example_tells_both_collectors(self):
        nsd, log, capture = self.started(Nsd(ZONES)), RemoteLog(), self.started(FstrmCapture(temp_folder()))
        self.addCleanup(log.close)
        wait_until(lambda: os.path.exists(capture.path), "the socket")
        with open(os.path.join(ROOT, "examples/query-logging.lua"), encoding="utf-8") as file:
            text = file.read()
        text = (re.sub(r"setLocal\([^)]*\)\n", "", text).replace("/run/dnstap.sock", capture.path)
                .replace("192.0.2.20:53", f"127.0.0.1:{nsd.port}").replace("192.0.2.30:4242", f"127.0.0.1:{log.port}"))
        front = self.proxy(text + "getServer(0):setUp()\n")
        for name in ("www.example.org", "www.example.org", "gone.example.org"):
            ask(name, port=front.port)
        told = log.messages(3)
        self.assertEqual([list(message.response.tags) for message in told], [["good"], ["good"], ["failed"]])
        self.assertEqual([message.cache_hit for message in told], [False, True, False])
        self.assertNotIn(b"\x7f\0\0\1", [getattr(message, "from") for message in told])
        self.assertEqual({message.server_identity for message in told}, {b"front-1"})
        self.stop_cleanly(front)
        capture.stop()
        self.assertEqual([tap.message.type for tap in capture.messages()], [5, 6, 5, 6, 5, 6])


if __name__ == "__main__":
    unittest.main()
