// Rules and policies whose work a Lua function does by the table ffi.C: it gets the numbers of
// ffi_call.h instead of objects. Either a function in the guarded state, or code that each worker
// runs in an interpreter of its own. Fallbacks are those of lua_rules.h.
#pragma once

#include "lua/ffi_callee.h"
#include "lua/lua_args.h"
#include "proxy/pool/policy.h"
#include "proxy/rules/action.h"
#include "proxy/rules/selector.h"

namespace breakwater::lua {

// Errors tell the name of the call.
FfiCalleePtr MakeGuardedCallee(Call& call, const LuaFunction& function);
// An error where the text does not compile, or gives no function, and the configuration is strict;
// else it is a warning, and calls do nothing.
TextResult<FfiCalleePtr> MakePerThreadCallee(Call& call, const std::string& text);

SelectorPtr MakeFfiSelector(FfiCalleePtr callee);
ActionPtr MakeFfiAction(FfiCalleePtr callee);
ResponseActionPtr MakeFfiResponseAction(FfiCalleePtr callee);
// The function returns the number of a server, from 0 on.
PolicyPtr MakeFfiPolicy(std::string name, FfiCalleePtr callee);
bool IsFfiPolicy(const Policy& policy);

}  // namespace breakwater::lua
