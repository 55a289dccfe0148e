#!/usr/bin/python3
"""DNS over HTTPS as clients see it."""

import http.server
import json
import os
import socket
import threading
import time
import unittest

import client
import dns.message
import dns.rcode
import harness
import nameservers
from certificates import self_signed
from h2_frames import encoded
from https_client import curl

RULES = 'addAction("spoof.test.", SpoofAction("192.0.2.1"))\naddAction("drop.test.", DropAction())\n'
ZONE = "$TTL 60\n@ SOA ns.example.org. root.example.org. 1 60 60 60 60\n@ NS ns\nns A 192.0.2.53\na A 192.0.2.80\n"
ALL = RULES + harness.CONSOLE


@harness.breakwater_only
class DohTest(harness.SystemTest):
    def secure(self, options="{}", more=""):
        folder = harness.temp_folder()
        cert, key = self_signed(folder)
        proxy = self.proxy(f'addDOHLocal("127.0.0.1:{{port}}", "{cert}", "{key}", {{"/dns-query"}}, {options})\n'
                           f'setACL("127.0.0.0/8")\n' + ALL + more)
        return proxy, f"https://127.0.0.1:{proxy.port}/dns-query"

    def plain(self, options="", more=""):
        arguments = f', nil, nil, {{"/dns-query"}}, {options}' if options else ""
        proxy = self.proxy(f'addDOHLocal("127.0.0.1:{{port}}"{arguments})\nsetACL("127.0.0.0/8")\n' + ALL + more)
        return proxy, f"http://127.0.0.1:{proxy.port}/dns-query"

    def test_get_and_post(self):
        proxy, url = self.secure()
        wire = client.question("spoof.test").to_wire()
        post = ["-H", "content-type: application/dns-message", url]
        for reply in (curl("--http2", f"{url}?dns={encoded('spoof.test')}"), curl("--http2", *post, body=wire)):
            self.assertEqual((reply.status, reply.version), (200, "HTTP/2"))
            self.assertEqual(reply.headers["content-type"], "application/dns-message")
            self.assertEqual(reply.headers["content-length"], str(len(reply.body)))
            self.assertEqual(reply.headers["cache-control"], "max-age=60")
            self.assertEqual(reply.addresses(), ["192.0.2.1"])
        table = proxy.console("showDOHFrontends()").splitlines()[1].split()
        self.assertEqual(table[2:-1], ["3", "0", "2", "1", "1", "0", "0", "0", "2", "1", "43200"])
        self.assertAlmostEqual(int(table[-1]), time.time() + 43200, delta=60)

    def test_over_tls_http2_must_be_agreed_on(self):
        proxy, url = self.secure()
        for arguments in (["--http1.1"], ["--http1.0"], ["--no-alpn", "--http1.1"], ["--no-alpn", "--http2-prior-knowledge"]):
            result = client.run("curl", "-sk", "-i", "--http0.9", "-m", "5", *arguments, f"{url}?dns={encoded('spoof.test')}")
            if "--http2-prior-knowledge" in arguments:  # what comes is no HTTP/2
                self.assertNotEqual(result.returncode, 0)
                continue
            head, _, body = result.stdout.replace("\r\n", "\n").partition("\n\n")
            self.assertTrue(head.startswith("HTTP/1.1 505 "), arguments)
            self.assertRegex(head, r"\nConnection: Close\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\n")
            self.assertIn("<html>", body)
        table = proxy.console("showDOHFrontends()").splitlines()[1].split()
        self.assertEqual(table[2:-1], ["5", "1", "0", "0", "0", "0", "4", "0", "0", "1", "43200"])  # --http1.0 offers that by name
        lines = proxy.console("showDOHResponseCodes()").splitlines()
        self.assertEqual([line for line in lines if line.startswith("-")], ["- HTTP/1:", "- HTTP/2:"])
        codes = [line.split()[2:] for line in lines if line.startswith("0")]
        self.assertEqual(codes, [["0", "0", "0", "0", "0", "4"], ["0", "0", "0", "0", "0", "0"]])

    def test_plaintext_http2_with_prior_knowledge_and_http1(self):
        _, url = self.plain()
        for version in ("--http2-prior-knowledge", "--http1.1"):
            self.assertEqual(curl(version, f"{url}?dns={encoded('spoof.test')}").addresses(), ["192.0.2.1"])

    def test_dig_and_kdig(self):
        proxy, _ = self.secure()
        port = str(proxy.port)
        for arguments in (["kdig", "+https"], ["kdig", "+https-get"], ["dig", "+https"], ["dig", "+https-get"]):
            answer = client.run(*arguments, "@127.0.0.1", "-p", port, "+short", "spoof.test")
            self.assertEqual(answer.stdout.strip(), "192.0.2.1", arguments)

    def test_status_of_what_gets_no_answer(self):
        proxy, url = self.plain(more='newServer({address="127.0.0.1:9", healthCheckMode="down"})\n')
        base = url.removesuffix("/dns-query")
        for version in ("--http2-prior-knowledge", "--http1.1"):
            def status(*arguments, **options):
                return curl(version, *arguments, **options).status
            self.assertEqual(status(f"{url}?dns={encoded('drop.test')}"), 403)
            self.assertEqual(status(f"{url}?dns={encoded('nobody.test')}"), 502)
            self.assertEqual(status(url), 400)
            self.assertEqual(status(f"{url}?dns=!!!!"), 400)
            for padding in ("=", "==", "%3D", "%3D%3D"):  # whether or not it fills a multiple of four
                self.assertEqual(status(f"{url}?dns={encoded('spoof.test').rstrip('=')}{padding}"), 200)
            self.assertEqual(status(f"{url}?dns=AAAA"), 400)
            self.assertEqual(status("-X", "PUT", f"{url}?dns={encoded('spoof.test')}"), 400)
            self.assertEqual(status(base + "/other"), 404)
            self.assertEqual(status(url + "/more"), 404)
            self.assertEqual(status(url, body=b"x" * 20), 415)
            self.assertEqual(status("-H", "content-type: application/dns-message", url, body=b"x" * 65536), 413)
        self.assertGreater(proxy.stat("noncompliant-queries"), 0)

    def test_zones_and_updates_are_not_carried(self):
        _, url = self.plain()
        post = ["-H", "content-type: application/dns-message", url]
        for opcode, qtype in ((0, "AXFR"), (0, "IXFR"), (4, "SOA"), (5, "SOA")):
            message = client.question("spoof.test", qtype)
            message.flags |= opcode << 11
            answer = dns.message.from_wire(curl(*post, body=message.to_wire()).body)
            self.assertEqual(answer.rcode(), dns.rcode.NOTIMP, (opcode, qtype))

    def test_headers_and_paths_of_the_line(self):
        _, url = self.plain('{customResponseHeaders={["X-Own"]="value"}, sendCacheControlHeaders=false, '
                            'exactPathMatching=false}')
        reply = curl(f"{url}/deeper?ct=x&dns={encoded('spoof.test')}")
        self.assertEqual((reply.status, reply.headers["x-own"]), (200, "value"))
        self.assertNotIn("cache-control", reply.headers)
        self.assertEqual(curl("--http2-prior-knowledge", url).headers["x-own"], "value")

    def test_responses_map(self):
        _, url = self.plain('{customResponseHeaders={["x-own"]="value"}}', '''
            map = {newDOHResponseMapEntry("^/dns-query$", 307, "https://doh.test/help", {Other="1"})}
            getDOHFrontend(0):setResponsesMap(map)''')
        for version in ("--http2-prior-knowledge", "--http1.1"):
            reply = curl(version, f"{url}?dns={encoded('spoof.test')}")
            self.assertEqual((reply.status, reply.headers["location"]), (307, "https://doh.test/help"))
            self.assertEqual(reply.headers["other"], "1")
            self.assertNotIn("x-own", reply.headers)

    def test_access_list_by_the_client_that_a_proxy_names(self):
        proxy, url = self.plain("{trustForwardedForHeader=true}", '''
            setACL("10.0.0.0/8")
            addAction(NotRule(NetmaskGroupRule("10.1.0.0/16")), RCodeAction(DNSRCode.REFUSED))''')
        question = f"{url}?dns={encoded('spoof.test')}"
        for version in ("--http2-prior-knowledge", "--http1.1"):
            def reply(value):
                return curl(version, "-H", f"x-forwarded-for: {value}", question)
            self.assertEqual(reply("192.0.2.1, 10.1.2.3").addresses(), ["192.0.2.1"])
            self.assertEqual(reply("10.1.2.3:4711").status, 200)
            self.assertEqual(reply("10.1.2.3, 192.0.2.1").status, 403)
            self.assertEqual(reply("10.1.2.3, nonsense").status, 403)
            self.assertEqual(curl(version, question).status, 403)
            refused = curl(version, "-H", "x-forwarded-for: 10.2.0.1", f"{url}?dns={encoded('other.test')}")
            self.assertEqual(dns.message.from_wire(refused.body).rcode(), dns.rcode.REFUSED)
        self.assertEqual(proxy.stat("acl-drops"), 6)

    def test_access_list_at_accept_or_at_the_request(self):
        proxy, url = self.plain(more='setACL("10.0.0.0/8")\n')
        with client.tcp_connection(proxy.port) as connection:
            self.assertEqual(client.receive_all(connection), b"")
        _, url = self.plain("{earlyACLDrop=false}", 'setACL("10.0.0.0/8")\n')
        self.assertEqual(curl(f"{url}?dns={encoded('spoof.test')}").status, 403)

    def test_pipelined_and_kept_connections_of_http1(self):
        proxy, _ = self.plain()
        request = f"GET /dns-query?dns={encoded('spoof.test')} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with client.tcp_connection(proxy.port) as connection:
            connection.sendall(request * 5)
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(client.receive_all(connection).count(b"HTTP/1.1 200 OK"), 5)

    def test_rules_see_the_request(self):
        folder = harness.temp_folder()
        cert, key = self_signed(folder)
        proxy = self.proxy(f'''
            addDOHLocal("127.0.0.1:{{port}}", "{cert}", "{key}", {{"/a", "/b", "/c"}}, {{keepIncomingHeaders=true}})
            setACL("127.0.0.0/8")
            addAction(HTTPHeaderRule("X-Kind", "^other"), HTTPStatusAction(403, "no others"))
            addAction(HTTPPathRule("/a"), HTTPStatusAction(200, "plain", "text/plain"))
            addAction(HTTPPathRegexRule("^/B$"), HTTPStatusAction(302, "https://doh.test/moved"))
            addAction(SNIRule("doh.test"), SpoofAction("192.0.2.7"))
            function request(dq)
              local text = dq:getHTTPScheme() .. " " .. dq:getHTTPHost() .. " " .. dq:getHTTPPath() .. " " ..
                           dq:getHTTPQueryString() .. " " .. dq:getHTTPHeaders()["x-kind"]
              dq:setHTTPResponse(200, text, "text/plain")
              dq.dh:setQR(true)
              return DNSAction.HeaderModify
            end
            addAction("lua.test.", LuaAction(request))
            addAction(AllRule(), SpoofAction("192.0.2.1"))''')
        base = f"https://127.0.0.1:{proxy.port}"
        dns = encoded("any.test")
        def reply(path, *arguments):
            return curl("--http2", *arguments, base + path)
        refused = reply(f"/c?dns={dns}", "-H", "x-kind: OTHER one")
        self.assertEqual((refused.status, refused.body), (403, b"no others"))
        self.assertEqual(refused.headers["content-type"], "text/plain; charset=utf-8")
        plain = reply(f"/a?dns={dns}")
        self.assertEqual((plain.status, plain.body, plain.headers["content-type"]), (200, b"plain", "text/plain"))
        moved = reply(f"/b?dns={dns}")
        self.assertEqual((moved.status, moved.headers["location"]), (302, "https://doh.test/moved"))
        self.assertEqual(reply(f"/c?dns={dns}").addresses(), ["192.0.2.1"])
        named = curl("--http2", "--resolve", f"doh.test:{proxy.port}:127.0.0.1",
                     f"https://doh.test:{proxy.port}/c?dns={dns}")
        self.assertEqual(named.addresses(), ["192.0.2.7"])
        lua = reply(f"/c?dns={encoded('lua.test')}", "-H", "X-Kind: mine")
        self.assertEqual(lua.body.decode(), f"https 127.0.0.1:{proxy.port} /c ?dns={encoded('lua.test')} mine")

    def test_monitoring(self):
        web = harness.free_port()
        proxy, url = self.secure(more=f'''
            webserver("127.0.0.1:{web}")
            setWebserverConfig({{password="secret", apiKey="key"}})''')
        for path in (f"?dns={encoded('spoof.test')}", f"?dns={encoded('drop.test')}", "?dns=!"):
            curl("--http2", url + path)
        curl("--http2", "-H", "content-type: application/dns-message", url, body=b"short")
        curl("--http1.1", url)
        text = client.run("curl", "-s", "-u", "x:secret", f"http://127.0.0.1:{web}/metrics").stdout
        self.assertIn(f"127.0.0.1:{proxy.port}", proxy.console("showTLSErrorCounters()").splitlines()[1])
        bind = f'frontend="127.0.0.1:{proxy.port}"'
        for line in (f'doh_http_method_queries{{{bind},thread="0",method="get"}} 3',
                     f'doh_http_version_queries{{{bind},thread="0",version="1"}} 1',
                     f'doh_bad_requests{{{bind},thread="0"}} 2',
                     f'doh_responses{{{bind},thread="0",type="error"}} 4',
                     f'doh_responses{{{bind},thread="0",type="valid"}} 1',
                     f'doh_version_status_responses{{{bind},thread="0",httpversion="2",status="403"}} 1',
                     f'doh_version_status_responses{{{bind},thread="0",httpversion="1",status="other"}} 1',
                     f'tlsnewsessions{{{bind},proto="TCP (DNS over HTTPS)",thread="0"}} 5',
                     f'tlsqueries{{{bind},proto="TCP (DNS over HTTPS)",thread="0",tls="tls13"}} 2'):
            self.assertIn("dnsdist_frontend_" + line, text.splitlines())
        api = client.run("curl", "-s", "-H", "X-API-Key: key",
                         f"http://127.0.0.1:{web}/api/v1/servers/localhost").stdout
        row = json.loads(api)["dohFrontends"][0]
        self.assertGreaterEqual(row["http-connects"], 5)  # and those that tried whether it listens
        self.assertEqual([row[name] for name in ("http1-queries", "http2-queries", "get-queries",
                                                 "post-queries", "bad-requests", "error-responses",
                                                 "valid-responses", "http2-403-responses", "http1-400-responses")],
                         [1, 4, 3, 1, 2, 4, 1, 1, 0])

    def test_nginx_in_front(self):
        proxy, _ = self.plain("{trustForwardedForHeader=true}", '''
            setACL("127.0.0.1/32")
            addAction(NotRule(NetmaskGroupRule("127.0.0.1/32")), RCodeAction(DNSRCode.REFUSED))''')
        folder, port = harness.temp_folder(), harness.free_port()
        cert, key = self_signed(folder)
        for version in ("", "proxy_http_version 1.1; proxy_set_header Connection \"\";"):
            config = harness.write_file(folder, "nginx.conf", f'''
                daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
                events {{}}
                http {{
                  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
                  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
                  upstream dns {{ server 127.0.0.1:{proxy.port}; keepalive 4; }}
                  server {{
                    listen 127.0.0.1:{port} ssl http2; ssl_certificate {cert}; ssl_certificate_key {key};
                    location / {{
                      proxy_pass http://dns; {version}
                      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    }}
                  }}
                }}''')
            nginx = harness.Process(["/usr/sbin/nginx", "-c", config], os.path.join(folder, "log"))
            nginx.await_ready(lambda: harness.accepts_tcp(port), "nginx to listen")
            for flag in ("+https", "+https-get"):
                for _ in range(3):
                    answer = client.run("kdig", flag, "@127.0.0.1", "-p", str(port), "+short", "spoof.test")
                    self.assertEqual(answer.stdout.strip(), "192.0.2.1", nginx.log())
            # What the client says stands to the left of what nginx saw.
            forged = curl("-H", "x-forwarded-for: 192.0.2.9", f"https://127.0.0.1:{port}/dns-query?"
                          f"dns={encoded('spoof.test')}")
            self.assertEqual(forged.addresses(), ["192.0.2.1"])
            self.assertEqual(nginx.stop(), 0, nginx.log())

    def haproxy(self, server):
        """haproxy in front of `server`, HTTP/2 over TLS to its clients; it and its port."""
        folder, port = harness.temp_folder(), harness.free_port()
        pem = harness.write_file(folder, "both.pem", "".join(
            open(path, encoding="ascii").read() for path in self_signed(folder)))
        config = harness.write_file(folder, "haproxy.cfg", f'''
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend doh
  bind 127.0.0.1:{port} ssl crt {pem} alpn h2
  default_backend dns
backend dns
  server one {server}
''')
        haproxy = harness.Process(["/usr/sbin/haproxy", "-db", "-f", config], os.path.join(folder, "log"))
        self.addCleanup(haproxy.kill)
        haproxy.await_ready(lambda: harness.accepts_tcp(port), "haproxy to listen")
        return haproxy, port

    def test_haproxy_in_front_speaks_http2_in_the_clear(self):
        proxy, _ = self.plain()
        haproxy, port = self.haproxy(f"127.0.0.1:{proxy.port} proto h2")
        run = client.run("h2load", "-n2000", "-c10", "-m10", f"https://127.0.0.1:{port}/dns-query?"
                         f"dns={encoded('spoof.test')}")
        self.assertIn("2000 succeeded, 0 failed", run.stdout, run.stdout + haproxy.log())
        self.assertIn("2000", proxy.console("showDOHFrontends()").splitlines()[1].split()[4])

    def test_haproxy_in_front_sends_bodies_in_chunks_over_http1(self):
        proxy, _ = self.plain()
        haproxy, port = self.haproxy(f"127.0.0.1:{proxy.port}")
        wire = client.question("spoof.test").to_wire()
        for _ in range(3):
            # Of a body from a pipe curl does not know the length.
            reply = curl("--http2", "-X", "POST", "-T", "-", "-H", "content-type: application/dns-message",
                         f"https://127.0.0.1:{port}/dns-query", body=wire)
            self.assertEqual((reply.status, reply.addresses()), (200, ["192.0.2.1"]), haproxy.log())
        self.assertEqual(proxy.console("showDOHFrontends()").splitlines()[1].split()[3], "3")

    def test_a_hundred_large_answers_at_a_time(self):
        """They fit no window of the client's at once; each connection gets all of them."""
        records = ", ".join(f'"\\200{"x" * 197}{number:03}"' for number in range(60))
        _, url = self.plain(more=f'addAction("large.test.", SpoofRawAction({{{records}}}))\n')
        run = client.run("h2load", "-n2000", "-c4", "-m100", f"{url}?dns={encoded('large.test', 'TXT')}")
        self.assertIn("2000 succeeded, 0 failed", run.stdout, run.stdout + run.stderr)
        self.assertGreater(len(curl(f"{url}?dns={encoded('large.test', 'TXT')}").body), 12000)

    def test_a_proxy_header_names_the_client(self):
        proxy, _ = self.plain(more='''
            setProxyProtocolACL("127.0.0.0/8")
            addAction(NetmaskGroupRule("192.0.2.9/32"), SpoofAction("192.0.2.2"))''')
        header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 9, 127, 0, 0, 1, 1, 2, 3, 4])
        request = f"GET /dns-query?dns={encoded('any.test')} HTTP/1.0\r\n\r\n".encode()
        for pieces in ([header + request], [header[:5], header[5:], request]):
            with client.tcp_connection(proxy.port) as connection:
                for piece in pieces:
                    connection.sendall(piece)
                self.assertIn(bytes([192, 0, 2, 2]), client.receive_all(connection))
        with client.tcp_connection(proxy.port) as connection:
            connection.sendall(request)
            self.assertEqual(client.receive_all(connection), b"")

    def test_what_is_asked_before_the_end_is_answered(self):
        nsd = self.started(nameservers.Nsd({"example.org": ZONE}))
        proxy, url = self.plain(more=f'''newServer("127.0.0.1:{nsd.port}")
            addResponseAction(AllRule(), DelayResponseAction(0))''')
        with client.tcp_connection(proxy.port) as idle:
            idle.sendall(f"GET /dns-query?dns={encoded('a.example.org')} HTTP/1.1\r\n\r\n".encode())
            self.assertIn(b"200 OK", idle.recv(4096))
            self.assertEqual(curl("--http2-prior-knowledge", f"{url}?dns={encoded('a.example.org')}").addresses(),
                             ["192.0.2.80"])
            self.assertEqual(proxy.stop(), 0)
            self.assertEqual(client.receive_all(idle), b"")

    def test_a_restricted_connection_has_one_request(self):
        """Above 90 percent of the bind's connections each new one is."""
        proxy, url = self.plain("{maxConcurrentTCPConnections=1}")
        question = f"GET /dns-query?dns={encoded('spoof.test')} HTTP/1.1\r\n\r\n".encode()
        harness.wait_until(lambda: self.answered_once(proxy.port, question), "the first connection to be gone")
        curl = ("curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", "-o", "/dev/null", "-w",
                "%{http_code} %{num_connects} ", f"{url}?dns={encoded('spoof.test')}",
                f"{url}?dns={encoded('spoof.test')}")
        # curl may open the second before we have seen the first one close: then that one is turned away.
        harness.wait_until(lambda: client.run(*curl).stdout.split() == ["200", "1", "200", "1"],
                           "two answers on two connections")

    @staticmethod
    def answered_once(port, question):
        with client.tcp_connection(port) as connection:
            try:
                connection.sendall(question * 2)
                return client.receive_all(connection).count(b"200 OK") == 1
            except OSError:
                return False

    def test_muted_binds_say_nothing(self):
        proxy, url = self.plain()
        proxy.console("getBind(0).muted = true")
        for version in ("--http2-prior-knowledge", "--http1.1"):
            run = client.run("curl", "-s", version, f"{url}?dns={encoded('spoof.test')}")
            self.assertEqual((run.stdout, run.returncode != 0), ("", True))

    def test_same_as_dnsdist(self):
        """What 1.7.3 says to the same requests, where it has the feature."""
        folder = harness.temp_folder()
        cert, key = self_signed(folder)
        text = f'''
            addDOHLocal("127.0.0.1:{{port}}", "{cert}", "{key}", {{"/dns-query", "/moved"}},
                        {{customResponseHeaders={{["x-own"]="value"}}}})
            setACL("127.0.0.0/8")
            map = {{newDOHResponseMapEntry("^/MOVED$", 307, "https://doh.test/")}}
            getDOHFrontend(0):setResponsesMap(map)
            addAction("status.test.", HTTPStatusAction(500, "broken"))
            addAction("page.test.", HTTPStatusAction(200, "page", "text/plain"))''' + "\n" + RULES
        wire = client.question("spoof.test").to_wire()
        post = ["-H", "content-type: application/dns-message"]
        requests = [(f"/dns-query?dns={encoded('spoof.test')}", None), (f"/dns-query?dns={encoded('drop.test')}", None),
                    (f"/dns-query?x=1&dns={encoded('spoof.test')}", None), ("/dns-query?dns=!!", None),
                    ("/dns-query", None), ("/moved", None), ("/dns-query", wire), ("/dns-query", wire[:11]),
                    (f"/dns-query?dns={encoded('status.test')}", None),
                    (f"/dns-query?dns={encoded('page.test')}", None), ("/elsewhere", None)]
        said = []
        for binary in (harness.BINARY, harness.DNSDIST):
            proxy = self.proxy(text, binary=binary)
            replies = [curl("--http2", *(post if body else []), f"https://127.0.0.1:{proxy.port}{path}", body=body)
                       for path, body in requests]
            said.append([(path, r.status, r.headers.get("location"), r.headers.get("cache-control"),
                          # 2.1 sends the line's own headers with errors too, 1.7.3 did not yet.
                          r.headers.get("x-own") if r.status == 200 else None,
                          r.headers["content-type"], r.content())
                         for (path, body), r in zip(requests, replies)])
        self.maxDiff = None
        self.assertEqual(said[0], said[1])

    def test_many_streams_of_h2load(self):
        proxy, url = self.secure()
        run = client.run("h2load", "-n20000", "-c20", "-m50", f"{url}?dns={encoded('spoof.test')}")
        self.assertIn("20000 succeeded, 0 failed", run.stdout, run.stdout + run.stderr)
        self.assertEqual(proxy.stat("queries"), 20000)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # the name is http.server's
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>the page " + self.headers["host"].encode() + b"</p>")

    def log_message(self, *_):
        pass


@harness.breakwater_only
class Browser(harness.SystemTest):
    def test_chromium_resolves_through_the_proxy_and_loads_a_page(self):
        pair = self_signed(harness.temp_folder())
        doh = harness.free_port()
        proxy = self.proxy(
            'setLocal("127.0.0.1:{port}")\n' + harness.CONSOLE +
            f'addDOHLocal("127.0.0.1:{doh}", "{pair[0]}", "{pair[1]}", "/dns-query")\n'
            'addAction(AndRule{QNameRule("page.browser.example."), QTypeRule(DNSQType.A)}, SpoofAction("127.0.0.1"))\n'
            "addAction(AllRule(), RCodeAction(DNSRCode.NXDOMAIN))\n")
        profile = harness.temp_folder()
        harness.write_file(profile, "Local State", json.dumps({"dns_over_https": {
            "mode": "secure", "templates": f"https://127.0.0.1:{doh}/dns-query"}}))
        server = http.server.HTTPServer(("127.0.0.1", 0), Page)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        page = f"page.browser.example:{server.server_port}"
        shown = client.run("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                           "--ignore-certificate-errors", "--dump-dom", f"http://{page}/", timeout_s=120)
        self.assertIn(f"the page {page}", shown.stdout, shown.stderr[-2000:])
        self.assertIn("page.browser.example", proxy.console("topQueries(50)"))


if __name__ == "__main__":
    unittest.main()
