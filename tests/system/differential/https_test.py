#!/usr/bin/python3
"""The options of addDOHLocal and what rules do with HTTP, through dnsdist 1.7.3 and Breakwater."""

import base64
import contextlib
import unittest

from pair import Pair, handshake  # first: it sets the path
import dns.exception
import dns.message
from certificates import Certificates
from client import content, question, tcp_connection
from https_client import curl
from h2_frames import END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, encoded, frame, get

RULES = """setACL("127.0.0.0/8")
addAction("drop.test.", DropAction())
addAction("refused.test.", RCodeAction(DNSRCode.REFUSED))
addAction("ttl.test.", SpoofAction("192.0.2.9", {ttl=17}))
addAction("spoof.test.", SpoofAction("192.0.2.1"))
"""
WIRE = question("spoof.test", id=0).to_wire()
SIGNS = b"\xfb\xff" + WIRE[2:]  # in base64 "+/" or "-_"
KIND = ["-H", "content-type: application/dns-message"]
VERSIONS = ("--http2",)  # 2.1 wants it agreed on over TLS; 1.7.3 spoke HTTP/1.1 too


def answer(body):
    """What it says; as it is where it is no message."""
    try:
        return content(dns.message.from_wire(body))
    except dns.exception.DNSException:
        return body


def for_both(label, reason, expected):
    """An entry of `differs` for both versions of HTTP."""
    return {f"{version} {label}": (reason, expected) for version in VERSIONS}


def visible(reply, *headers):
    """Status, content type, the named headers, and what the body says; of errors the words are free."""
    kind = reply.headers.get("content-type")
    body = None
    if reply.status == 200:
        body = answer(reply.body) if kind == "application/dns-message" else reply.body
    return (reply.status, kind if reply.status == 200 else None, body, *(reply.headers.get(name) for name in headers))


class Https(Pair):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.pair = cls.certificates.make("doh.test")

    def line(self, paths='"/dns-query"', options="", rules=RULES):
        certificate, key = self.pair
        return f'addDOHLocal("127.0.0.1:{{https}}", "{certificate}", "{key}", {{{paths}}}, {{{options}}})\n' + rules

    def requests(self, proxy, wanted, *headers):
        """`wanted`: by label the path, curl's further words, and the body."""
        seen = {}
        for version in VERSIONS:
            for label, (path, words, body) in wanted.items():
                try:
                    seen[f"{version} {label}"] = visible(
                        curl(version, *words, f"https://127.0.0.1:{proxy.https}{path}", body=body), *headers)
                except AssertionError:
                    seen[f"{version} {label}"] = "closed"
        return seen

    def test_questions_and_answers(self):
        def look(proxy):
            wanted = {}
            for name in ("spoof.test", "refused.test", "ttl.test", "drop.test", "unknown.test"):
                wanted["get " + name] = (f"/dns-query?dns={encoded(name)}", [], None)
                wanted["post " + name] = ("/dns-query", KIND, question(name, id=0).to_wire())
            return self.requests(proxy, wanted, "cache-control")
        reason = "since 1.9 a question that no server can be asked is no fault of the client's"
        self.compare(self.line(), look, for_both("get unknown.test", reason, (502, None, None, None)) |
                     for_both("post unknown.test", reason, (502, None, None, None)))

    def test_bad_requests(self):
        good = encoded("spoof.test")
        wanted = {
            "no query": ("/dns-query", [], None),
            "empty query": ("/dns-query?dns=", [], None),
            "bad base64": ("/dns-query?dns=!!!!", [], None),
            "padded": (f"/dns-query?dns={base64.urlsafe_b64encode(WIRE).decode()}", [], None),
            "other alphabet": (f"/dns-query?dns={base64.b64encode(SIGNS).decode().rstrip('=')}", [], None),
            "its alphabet": (f"/dns-query?dns={base64.urlsafe_b64encode(SIGNS).decode().rstrip('=')}", [], None),
            "short": ("/dns-query?dns=AAABAAABAAAAAAA", [], None),
            "other parameter": (f"/dns-query?ndd={good}", [], None),
            "second parameter": (f"/dns-query?ct=x&dns={good}", [], None),
            "parameter behind": (f"/dns-query?dns={good}&ct=x", [], None),
            "other path": (f"/other?dns={good}", [], None),
            "longer path": (f"/dns-query/more?dns={good}", [], None),
            "path begins so": (f"/dns-query2?dns={good}", [], None),
            "PUT": (f"/dns-query?dns={good}", ["-X", "PUT"], None),
            "DELETE": (f"/dns-query?dns={good}", ["-X", "DELETE"], None),
            "HEAD": (f"/dns-query?dns={good}", ["-I"], None),
            "wrong type": ("/dns-query", ["-H", "content-type: text/plain"], WIRE),
            "no type": ("/dns-query", ["-H", "content-type:"], WIRE),
            "upper type": ("/dns-query", ["-H", "content-type: Application/DNS-Message"], WIRE),
            "short body": ("/dns-query", KIND, WIRE[:11]),
            "empty body": ("/dns-query", KIND, b""),
            "cut body": ("/dns-query", KIND, WIRE[:-3]),
            "answer": ("/dns-query", KIND, WIRE[:2] + b"\x81" + WIRE[3:]),
            "no question": ("/dns-query", KIND, WIRE[:4] + bytes(8)),
        }
        differs = for_both("wrong type", "RFC 8484, 6: since 1.9 it must be the right one", (415, None, None))
        differs |= for_both("no question", "over every transport alike, not as h2o saw it", (
            200, "application/dns-message", ("NOTIMP", "QR RD", [], [], [])))
        for method in ("PUT", "DELETE", "HEAD"):
            differs |= for_both(method, "h2o looked at no method; since 1.9 there are GET and POST", (400, None, None))
        self.compare(self.line(), lambda proxy: self.requests(proxy, wanted), differs)

    def test_several_paths(self):
        wanted = {path: (f"{path}?dns={encoded('spoof.test')}", [], None)
                  for path in ("/", "/one", "/two", "/two/", "/ONE", "/one/deeper", "/three", "//one", "/%6fne")}
        differs = for_both("/%6fne", "h2o decoded the path before it was compared", (404, None, None))
        for options in ("", "exactPathMatching=false"):
            with self.subTest(options):
                self.compare(self.line('"/one", "/two"', options), lambda proxy: self.requests(proxy, wanted), differs)
        self.compare(self.line('"/"'), lambda proxy: self.requests(proxy, wanted))

    def test_headers_of_ones_own_and_cache_control(self):
        wanted = {name: (f"/dns-query?dns={encoded(name)}", [], None)
                  for name in ("spoof.test", "ttl.test", "refused.test")}
        for options in ("", 'customResponseHeaders={["x-own"]="value", ["X-Other"]="Two Words"}',
                        "sendCacheControlHeaders=false", "sendCacheControlHeaders=true"):
            with self.subTest(options):
                self.compare(self.line(options=options), lambda proxy: self.requests(
                    proxy, wanted, "x-own", "x-other", "cache-control"))

    def test_a_map_of_responses(self):
        rules = RULES + """
getDOHFrontend(0):setResponsesMap({
  newDOHResponseMapEntry("^/rfc$", 307, "https://doh.test/rfc"),
  newDOHResponseMapEntry("^/TEXT", 200, "some text", {["content-type"]="text/plain", ["x-more"]="1"}),
  newDOHResponseMapEntry("^/gone$", 410, "it is gone"),
})
"""
        wanted = {path: (path, [], None) for path in ("/rfc", "/text", "/texts", "/gone", "/rfc2", "/dns-query")}
        wanted["question"] = (f"/dns-query?dns={encoded('spoof.test')}", [], None)
        self.compare(self.line('"/dns-query", "/rfc", "/text", "/texts", "/gone"', rules=rules),
                     lambda proxy: self.requests(proxy, wanted, "location", "x-more"))

    def test_clients_that_a_proxy_names(self):
        rules = """setACL({"127.0.0.0/8", "192.0.2.0/24"})
addAction("192.0.2.7/32", SpoofAction("192.0.2.77"))
addAction("127.0.0.1/32", SpoofAction("192.0.2.11"))
addAction(AllRule(), SpoofAction("192.0.2.99"))
"""
        path = f"/dns-query?dns={encoded('spoof.test')}"
        wanted = {value: (path, ["-H", f"x-forwarded-for: {value}"], None) for value in (
            "192.0.2.7", "192.0.2.8", "192.0.2.8, 192.0.2.7", "192.0.2.7, 192.0.2.8", "192.0.2.7:53", "198.51.100.1",
            "nonsense", "")}
        wanted["none"] = (path, [], None)
        for trusted in ("true", "false"):
            with self.subTest(trusted):
                self.compare(self.line(options=f"trustForwardedForHeader={trusted}", rules=rules),
                             lambda proxy: self.requests(proxy, wanted))

    def test_rules_that_see_the_request(self):
        rules = """setACL("127.0.0.0/8")
addAction(HTTPHeaderRule("x-kind", "^other"), HTTPStatusAction(403, "no others"))
addAction(HTTPPathRule("/page"), HTTPStatusAction(200, "a page", "text/plain"))
addAction(HTTPPathRegexRule("^/mo[v]ed"), HTTPStatusAction(302, "https://doh.test/moved"))
addAction("five.test.", HTTPStatusAction(503, "later"))
addAction("empty.test.", HTTPStatusAction(200, "", "text/html"))
addAction(SNIRule("doh.test"), SpoofAction("192.0.2.7"))
addAction("lua.test.", LuaAction(function(dq)
  local text = dq:getHTTPScheme().." "..dq:getHTTPPath().." "..dq:getHTTPQueryString().." "..
               tostring(dq:getHTTPHeaders()["x-kind"]).." "..string.gsub(dq:getHTTPHost(), ":%d+", "")
  return DNSAction.SpoofRaw, string.char(#text)..text
end))
addAction("set.test.", LuaAction(function(dq)
  dq:setHTTPResponse(418, "teapot", "text/plain")
  dq.dh:setQR(true)
  return DNSAction.HeaderModify
end))
addAction(AllRule(), SpoofAction("192.0.2.1"))
"""
        wanted = {name: (f"/dns-query?dns={encoded(name)}", ["-H", "x-kind: mine"], None) for name in
                  ("five.test", "empty.test", "lua.test", "set.test", "other.test")}
        wanted["lua.test"] = (f"/dns-query?dns={encoded('lua.test', 'TXT')}", ["-H", "x-kind: mine"], None)
        wanted["header"] = (f"/dns-query?dns={encoded('a.test')}", ["-H", "X-Kind: others"], None)
        wanted["page"] = (f"/page?dns={encoded('a.test')}", [], None)
        wanted["moved"] = (f"/moved/on?dns={encoded('a.test')}", [], None)
        self.compare(self.line('"/dns-query", "/page", "/moved/on"', "keepIncomingHeaders=true", rules),
                     lambda proxy: self.requests(proxy, wanted, "location"), for_both(
                         "empty.test", "1.7.3 put the question where the page is empty", (200, "text/html", b"", None)))

    def test_versions_of_tls(self):
        for options in ("", 'minTLSVersion="tls1.3"', 'minTLSVersion="tls1.0", ciphers="DEFAULT:@SECLEVEL=0"',
                        'ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"', 'ciphersTLS13="TLS_CHACHA20_POLY1305_SHA256"'):
            with self.subTest(options):
                differs = {"-tls1_2": ("1.7.3 had a list of ciphers for HTTPS alone", (
                    "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", "CN = doh.test"))}
                self.compare(self.line(options=options), lambda proxy: {
                    version: handshake(proxy.https, version, "-cipher", "DEFAULT:@SECLEVEL=0", "-alpn", "h2")
                    for version in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3")},
                    {} if "ciphers=" in options or "minTLS" in options else differs)

    def test_in_the_clear(self):
        def look(proxy):
            seen = {}
            for version in ("--http2-prior-knowledge", "--http1.1"):
                for path in (f"/dns-query?dns={encoded('spoof.test')}", "/dns-query?dns=!", "/other"):
                    seen[version + path] = visible(curl(version, f"http://127.0.0.1:{proxy.https}{path}"))
            return seen
        self.compare('addDOHLocal("127.0.0.1:{https}", nil, nil, "/dns-query")\n' + RULES, look)

    def test_how_long_a_connection_may_idle(self):
        request = PREFACE + frame(SETTINGS) + frame(HEADERS, END_STREAM | END_HEADERS, 1, get("spoof.test"))

        def look(proxy):
            with tcp_connection(proxy.https, timeout_s=5) as connection:
                connection.sendall(request)
                data, more = b"", True
                with contextlib.suppress(TimeoutError):
                    while more := connection.recv(4096):
                        data += more
                return {"answered": bytes([192, 0, 2, 1]) in data, "closed": not more}
        for seconds in (1, 30):
            with self.subTest(seconds):
                self.compare(f'addDOHLocal("127.0.0.1:{{https}}", nil, nil, "/dns-query", {{idleTimeout={seconds}}})\n' +
                             RULES, look)

    def test_the_access_list(self):
        rules = 'setACL("192.0.2.0/24")\naddAction(AllRule(), SpoofAction("192.0.2.1"))\n'
        self.compare(self.line(options="earlyACLDrop=false", rules=rules), lambda proxy: self.requests(
            proxy, {"question": (f"/dns-query?dns={encoded('spoof.test')}", [], None)}))


if __name__ == "__main__":
    unittest.main()
