// Rules and policies whose work a Lua function does: LuaRule, LuaAction, LuaResponseAction, Lua
// load-balancing policies. They wait for the guarded state, at most setLuaLockTimeout long, and are
// stopped when they take more than setLuaBudget allows. The fallback of an error, a stop or a
// time-out, counted: a rule does not match, an action answers SERVFAIL,
// a response action makes the answer's rcode SERVFAIL, a policy chooses nobody.
#pragma once

#include "lua/runtime.h"
#include "proxy/pool/policy.h"
#include "proxy/rules/action.h"
#include "proxy/rules/selector.h"

namespace breakwater::lua {

SelectorPtr MakeLuaSelector(const LuaFunction& function);
ActionPtr MakeLuaAction(const LuaFunction& function);
ResponseActionPtr MakeLuaResponseAction(const LuaFunction& function);
PolicyPtr MakeLuaPolicy(std::string name, const LuaFunction& function);

}  // namespace breakwater::lua
