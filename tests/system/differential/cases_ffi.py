"""Rules and policies that use the table ffi.C, in one state and in each thread's own."""

from case import BACKEND, PROBE, THREE, Case
from outcome import Q

FFI = 'local ffi = require("ffi")\nlocal C = ffi.C\n'
TXT = [Q("Www.Example.org", "TXT"), Q("www.example.org", "TXT", tcp=True), Q("www.example.org", "TXT", do=True, cd=True),
       Q("www.example.org", "TXT", rd=False, ecs="192.0.2.0/24"), Q("example.org", "TXT", source="127.0.0.9")]
ANY = [Q(), Q(edns=0), Q(tcp=True), Q("other.example.org"), Q(qtype="AAAA")]
D = "C.dnsdist_ffi_dnsquestion_"
# The text of an expression over dq, as the content of a TXT record.
SAY = ("local text = tostring({e}) C.dnsdist_ffi_dnsquestion_set_result(dq, string.char(#text)..text, #text + 1) "
       "return DNSAction.SpoofRaw")
ADDRESS = 'local p, n = ffi.new("const void *[1]"), ffi.new("size_t[1]") '
PLACES = 'local p, n = ffi.new("const char *[1]"), ffi.new("size_t[1]") '


def say(name, expression, before=""):
    body = before + SAY.replace("{e}", expression)
    return [Case(name, BACKEND + FFI + f'addAction(QTypeRule("TXT"), LuaFFIAction(function(dq) {body} end))\n', TXT,
                 raw_answers=True),
            Case(name + "_per_thread", BACKEND + 'addAction(QTypeRule("TXT"), LuaFFIPerThreadAction([[' + FFI +
                 f"return function(dq) {body} end]]))\n", TXT, raw_answers=True)]


def act(name, body, questions=None, **more):
    return [Case(name, PROBE + FFI + f"addAction(AllRule(), LuaFFIAction(function(dq) {body} end))\n", questions or ANY, **more),
            Case(name + "_per_thread", PROBE + "addAction(AllRule(), LuaFFIPerThreadAction([[" + FFI +
                 f"return function(dq) {body} end]]))\n", questions or ANY, **more)]


POLICY = (FFI + "return function(servers, dq) local out = ffi.new('const dnsdist_ffi_server_t *[1]') "
          "local best, order = 0, 100 "
          "for i = 0, tonumber(C.dnsdist_ffi_servers_list_get_count(servers)) - 1 do "
          "C.dnsdist_ffi_servers_list_get_server(servers, i, out) local s = out[0] "
          "local fits = ffi.string(C.dnsdist_ffi_server_get_name(s)) == 'two' and C.dnsdist_ffi_server_is_up(s) "
          "and C.dnsdist_ffi_server_get_weight(s) == 2 and C.dnsdist_ffi_server_get_order(s) == 2 "
          "if fits then best = i end end return best end")

CASES = [
    *say("ffi_name", "ffi.string(p[0], n[0]):gsub('%c', '.')", PLACES + D + "get_qname_raw(dq, p, n) "),
    *say("ffi_numbers", f"{D}get_qtype(dq)..' '..{D}get_qclass(dq)..' '..{D}get_opcode(dq)..' '..{D}get_rcode(dq)..' '.."
         f"tonumber({D}get_len(dq))..' '..tostring({D}get_tcp(dq))..' '..tostring({D}get_do(dq))"),
    *say("ffi_flags", f"tostring({D}get_skip_cache(dq))..tostring({D}get_use_ecs(dq))..tostring({D}get_ecs_override(dq)).."
         f"{D}get_ecs_prefix_length(dq)..tostring({D}is_temp_failure_ttl_set(dq))"),
    *say("ffi_remote", "ffi.string(p[0], n[0]):byte(1)..'.'..ffi.string(p[0], n[0]):byte(4)",
         ADDRESS + D + "get_remoteaddr(dq, p, n) "),
    *say("ffi_masked_remote", "ffi.string(p[0], n[0]):byte(1)..'.'..ffi.string(p[0], n[0]):byte(4)",
         ADDRESS + D + "get_masked_remoteaddr(dq, p, n, 8) "),
    *say("ffi_tag", f"ffi.string({D}get_tag(dq, 'a'))..tostring({D}get_tag(dq, 'b') == nil)", D + "set_tag(dq, 'a', 'one') "),
    *say("ffi_options", f"tonumber({D}get_edns_options(dq, list))",
         "local list = ffi.new('const dnsdist_ffi_ednsoption_t *[1]') "),
    *say("ffi_settings_changed", f"tostring({D}get_skip_cache(dq))..tostring({D}get_use_ecs(dq))..{D}get_ecs_prefix_length(dq)..' '.."
         f"{D}get_temp_failure_ttl(dq)", f"{D}set_skip_cache(dq, true) {D}set_use_ecs(dq, false) "
         f"{D}set_ecs_prefix_length(dq, 12) {D}set_temp_failure_ttl(dq, 9) "),
    *act("ffi_rcode", D + "set_rcode(dq, DNSRCode.REFUSED) return DNSAction.HeaderModify"),
    *act("ffi_rcode_then_none", D + "set_rcode(dq, DNSRCode.NXDOMAIN) return DNSAction.None"),
    *act("ffi_spoof", D + "set_result(dq, '192.0.2.77', 10) return DNSAction.Spoof"),
    *act("ffi_error", "error('no')", differs={i: ("since 2.0 made as by RCodeAction: RA follows RD", " SERVFAIL QR RD RA$")
                                              for i in range(5)}),
    Case("ffi_rule", PROBE + FFI + f"addAction(LuaFFIRule(function(dq) return {D}get_qtype(dq) == DNSQType.AAAA end), "
         "RCodeAction(DNSRCode.REFUSED))\n", ANY),
    Case("ffi_rule_per_thread", PROBE + "addAction(LuaFFIPerThreadRule([[" + FFI +
         f"return function(dq) return {D}get_qtype(dq) == DNSQType.AAAA end]]), RCodeAction(DNSRCode.REFUSED))\n", ANY),
    Case("ffi_response", PROBE + FFI + "addResponseAction(AllRule(), LuaFFIResponseAction(function(dr) "
         "return DNSResponseAction.ServFail end))\n", ANY),
    Case("ffi_response_per_thread", PROBE + "addResponseAction(AllRule(), LuaFFIPerThreadResponseAction([[" + FFI +
         "return function(dr) return DNSResponseAction.ServFail end]]))\n", ANY),
    Case("ffi_policy", THREE + f'setServerPolicyLuaFFI("two", loadstring([[{POLICY}]])())\n', [Q(), Q("a.example", "TXT")]),
    Case("ffi_policy_per_thread", THREE + f'setServerPolicyLuaFFIPerThread("two", [[{POLICY}]])\n', [Q(), Q("a.example", "TXT")]),
]
