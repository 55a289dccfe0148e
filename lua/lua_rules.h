// Rules and policies whose work a Lua function does: LuaRule, LuaAction, LuaResponseAction, Lua
// load-balancing policies. They wait for the guarded state, at most setLuaLockTimeout long, and are
// stopped when they take more than setLuaBudget allows. The fallback of an error, a stop or a
// time-out, counted: a rule does not match, an action answers SERVFAIL, a response action makes the
// answer's rcode SERVFAIL (after a stop setLuaBudget{onExceed=} may say otherwise of both), a
// policy chooses nobody.
#pragma once

#include "lua/lua_args.h"
#include "proxy/pool/policy.h"
#include "proxy/rules/action.h"
#include "proxy/rules/selector.h"

namespace breakwater::lua {

SelectorPtr MakeLuaSelector(const LuaFunction& function);
ActionPtr MakeLuaAction(Call& call, const LuaFunction& function);
ResponseActionPtr MakeLuaResponseAction(Call& call, const LuaFunction& function);
PolicyPtr MakeLuaPolicy(std::string name, const LuaFunction& function);
// That of MakeLuaPolicy; null for another policy.
const LuaFunction* FunctionOfPolicy(const Policy& policy);

}  // namespace breakwater::lua
