// What becomes of a query or answer for what a Lua action returned: DNSAction.X and a text.
#pragma once

#include <string>

#include "proxy/rules/action.h"

namespace breakwater::lua {

struct LuaOutcome {
  int code = 0;
  std::string text;
};

// Worker's thread, outside of the guarded state. A query that the function turned into an answer
// by setting QR is finished as one.
Flow ApplyOutcome(Query& query, RuleContext& context, const LuaOutcome& outcome);
Flow ApplyResponseOutcome(Query& query, RuleContext& context, const LuaOutcome& outcome);

}  // namespace breakwater::lua
