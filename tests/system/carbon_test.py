#!/usr/bin/python3
"""carbonServer with real listeners: the names of dnsdist, servers that are dead or do not read, and custom metrics."""

import select
import socket
import threading
import time
import unittest
import urllib.request

from client import ask, receive_all
from harness import BINARY, CONSOLE, DNSDIST, SystemTest, Proxy, breakwater_only, free_port, wait_until

REST = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'
# What 1.7.3 sends and is not there: nothing of TLS is counted for plain frontends.
LEFT_OUT = ("tls10-queries", "tls11-queries", "tls12-queries", "tls13-queries", "tls-unknown-queries",
            "tlsnewsessions", "tlsresumptions", "tlsunknownticketkeys", "tlsinactiveticketkeys", "special-memory-usage")


class Collector:
    """Keeps what each connection sent; with reads=False it accepts and never reads."""

    def __init__(self, port=None, reads=True):
        self.port, self.exports, self.reads, self.held = port or free_port(), [], reads, []
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen()
        self.stop, self.stopped = socket.socketpair()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.stopped not in (ready := select.select([self.socket, self.stopped], [], [])[0]):
            assert self.socket in ready
            connection = self.socket.accept()[0]
            if not self.reads:
                self.held.append(connection)
                continue
            with connection:
                self.exports.append(receive_all(connection).decode())

    def close(self):
        if self.thread.is_alive():
            self.stop.close()
            self.thread.join()
        for each in (self.socket, self.stopped, *self.held):
            each.close()

    def names(self):
        return {line.split(" ")[0] for line in self.exports[-1].split("\r\n") if line}

    def value(self, name):
        return next((float(line.split(" ")[1]) for line in self.exports[-1].split("\r\n") if line.startswith(name + " ")), None)


class Carbon(SystemTest):
    def collector(self, **options):
        collector = Collector(**options)
        self.addCleanup(collector.close)
        return collector

    @breakwater_only
    def test_the_names_are_those_of_dnsdist(self):
        names = []
        server = free_port()
        for binary in (DNSDIST, BINARY):
            collector = self.collector()
            text = ('setLocal("127.0.0.1:{port}")\n' + CONSOLE
                    + f'newServer{{address="127.0.0.1:{server}", name="a.b", healthCheckMode="up"}}\n'
                    'getPool("p.x"):setCache(newPacketCache(100))\n'
                    f'carbonServer("127.0.0.1:{collector.port}", "the.host", 1, "space", "it")\n')
            proxy = Proxy(text, binary=binary)
            self.addCleanup(proxy.kill)
            proxy.start()
            wait_until(lambda c=collector: c.exports, "an export")
            names.append({n.replace(str(proxy.port), "PORT") for n in collector.names()})
            self.assertEqual([line for line in collector.exports[0].split("\r\n")[:-1] if len(line.split(" ")) != 3], [])
            self.assertTrue(collector.exports[0].endswith("\r\n"))
        old, new = names
        missing = {name for name in old - new if name.rsplit(".", 1)[1] not in LEFT_OUT}
        self.assertEqual(missing, set())
        self.assertTrue(all(name.startswith("space.the.host.it.") for name in new))
        self.assertIn("space.the.host.it.servers.a_b.healthcheckfailures", new)

    def test_what_is_sent_is_what_was_counted(self):
        collector = self.collector()
        front = self.proxy(CONSOLE + REST + f'carbonServer("127.0.0.1:{collector.port}", "h", 1)\n')
        for _ in range(3):
            ask("a.example", port=front.port)
        wait_until(lambda: collector.exports and collector.value("dnsdist.h.main.queries") == 3, "three queries")
        seconds = int(collector.exports[-1].split("\r\n")[0].split(" ")[2])
        self.assertLess(abs(seconds - time.time()), 60)

    @breakwater_only
    def test_custom_metrics_go_too_and_labels_stay_here(self):
        collector = self.collector()
        self.proxy(CONSOLE + REST + f'carbonServer("127.0.0.1:{collector.port}", "h", 1)\n'
                   'declareMetric("my-own", "counter", "mine")\nincMetric("my-own", 7)\n'
                   'declareMetric("labelled", "gauge", "mine", {withLabels=true})\n'
                   'setMetric("labelled", 5, {labels={a="b"}})\n')
        wait_until(lambda: collector.exports and collector.value("dnsdist.h.main.my-own") == 7, "the metric")
        self.assertNotIn("labelled", collector.exports[-1])

    @breakwater_only
    def test_a_dead_server_is_counted_told_once_and_tried_again(self):
        port = free_port()
        front = self.proxy(CONSOLE + REST + f'carbonServer("127.0.0.1:{port}", "h", 1)\n')
        wait_until(lambda: front.stat("carbon-export-failures") >= 2, "two failures")
        self.assertEqual(front.log().count(f"cannot send to 127.0.0.1:{port}"), 1)
        collector = self.collector(port=port)
        wait_until(lambda: collector.exports, "an export after all")
        wait_until(lambda: front.stat("carbon-exports") >= 1, "it to be counted")
        self.assertIn("takes metrics again", front.log())

    @breakwater_only
    def test_servers_that_do_not_read_delay_neither_queries_nor_other_servers_nor_the_end(self):
        stuck, good = self.collector(reads=False), self.collector()
        servers = "".join(f'newServer{{address="127.0.0.1:{free_port()}", healthCheckMode="up"}}\n' for _ in range(300))
        front = self.proxy(CONSOLE + REST + servers + f'carbonServer("127.0.0.1:{stuck.port}", "h", 1)\n'
                           f'carbonServer("127.0.0.1:{good.port}", "h", 1)\n')
        wait_until(lambda: stuck.held and len(good.exports) >= 2, "both to be connected to")
        slowest = 0
        for _ in range(100):
            begin = time.monotonic()
            ask("a.example", port=front.port)
            slowest = max(slowest, time.monotonic() - begin)
        self.assertLess(slowest, 1)
        begin = time.monotonic()
        self.stop_cleanly(front)
        self.assertLess(time.monotonic() - begin, 8)  # an export may take ten seconds


class CustomMetrics(SystemTest):
    @breakwater_only
    def test_they_are_shown_wherever_metrics_are(self):
        web = free_port()
        front = self.proxy(CONSOLE + f'webserver("127.0.0.1:{web}")\nsetWebserverConfig{{statsRequireAuthentication=false}}\n'
                           'declareMetric("seen-names", "counter", "Names\\nseen", "my_names_total")\n'
                           'declareMetric("by-type", "counter", "By type", {withLabels=true})\n'
                           'declareMetric("level", "gauge", "A level")\nsetMetric("level", 2.5)\n'
                           'addAction(LuaRule(function(dq) incMetric("seen-names") '
                           'incMetric("by-type", {labels={type=tostring(dq.qtype), odd=\'a"b\'}}) return true end), '
                           'RCodeAction(DNSRCode.REFUSED))\n')
        for qtype in ("A", "A", "TXT"):
            ask("a.example", qtype, port=front.port)
        page = self.get(web, "metrics")
        for line in ("# HELP my_names_total Names seen", "# TYPE my_names_total counter", "my_names_total 3",
                     'dnsdist_by_type{odd="a\\"b",type="1"} 2', 'dnsdist_by_type{odd="a\\"b",type="16"} 1',
                     "# TYPE dnsdist_level gauge", "dnsdist_level 2.5"):
            self.assertIn("\n" + line + "\n", page)
        self.assertNotIn("dnsdist_seen_names", page)
        self.assertEqual(front.stat("seen-names"), 3)
        statistics = self.get(web, "jsonstat?command=stats")
        self.assertIn('"seen-names":3', statistics.replace(" ", ""))
        self.assertNotIn("by-type", statistics)
        self.assertEqual(front.console('print(incMetric("seen-names", 5), getMetric("level"))').split(), ["8", "2.5"])
        self.assertIn("there is no custom metric 'none'", front.console('print(incMetric("none"))'))

    def get(self, port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as reply:
            return reply.read().decode()


if __name__ == "__main__":
    unittest.main()
