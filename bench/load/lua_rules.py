"""A Lua rule on every query: CPU time a query with two workers, beside dnsdist with two listeners."""

import os

from subjects import proxy

# The same function for both: it looks at the type and the name of each query.
LOOK = "if dq.qtype == DNSQType.TXT then return DNSAction.Refused, '' end return DNSAction.None, ''"
FFI_LOOK = ("if C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.TXT then return DNSAction.Refused end "
            "return DNSAction.None")
KINDS = {
    "LuaAction": f"addAction(AllRule(), LuaAction(function(dq) {LOOK} end))\n",
    "LuaFFIPerThreadAction": "addAction(AllRule(), LuaFFIPerThreadAction([[local ffi = require('ffi') local C = ffi.C "
                             f"return function(dq) {FFI_LOOK} end]]))\n",
}


def subject(program, backend, kind):
    """Two workers, or two listeners on the port; on the program's one core, as the load generator has the other."""
    more = KINDS[kind]
    if os.path.basename(program) == "dnsdist":
        return proxy(program, backend, "20000", more, listeners=2)
    return proxy(program, backend, "20000", more + "setWorkers(2)\n")
