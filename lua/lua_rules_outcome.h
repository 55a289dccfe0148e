// What becomes of a query or answer for what a Lua action returned: DNSAction.X and a text.
#pragma once

#include <string>

#include "proxy/rules/action.h"

namespace breakwater::lua {

struct LuaOutcome {
  int code = 0;
  std::string text;
};

// What becomes of a query or answer whose action in Lua took more than setLuaBudget allows.
enum class LuaOnExceed : uint8_t {
  kServFail,  // as after an error in the function
  kContinue,  // as if the function had returned DNSAction.None
  kDrop,
};

// How a call of a Lua function for a packet ended.
enum class CallEnd : uint8_t {
  kDone,
  kFailed,   // an error, or the guarded state was not to be had in time
  kStopped,  // it took more than setLuaBudget allows
  kNothing,  // there is no function: its text did not compile, which was told before
};
// What an action returns in effect where its function did not: setLuaBudget{onExceed=} says what
// after a stop, else SERVFAIL.
LuaOutcome Fallback(CallEnd end, LuaOnExceed on_exceed);
LuaOutcome ResponseFallback(CallEnd end, LuaOnExceed on_exceed);

// Worker's thread, outside of the guarded state. A query that the function turned into an answer
// by setting QR is finished as one. Of one that it suspended the outcome is ignored.
Flow ApplyOutcome(Query& query, RuleContext& context, const LuaOutcome& outcome);
Flow ApplyResponseOutcome(Query& query, RuleContext& context, const LuaOutcome& outcome);

}  // namespace breakwater::lua
