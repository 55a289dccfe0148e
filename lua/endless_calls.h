// Lua's own functions by which a call could escape its budget (call_budget.h), in a form that
// cannot: xpcall, whose message handler would run within the hook that stops the call;
// (debug.)setmetatable with __gc, as Lua runs finalizers without hooks; and those that do as many
// steps in C as a number says.
#pragma once

#include <lua.hpp>

namespace breakwater::lua {

// Before any script runs.
void BoundEndlessCalls(lua_State* state);

}  // namespace breakwater::lua
