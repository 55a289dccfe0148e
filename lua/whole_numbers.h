// Library functions that take whole numbers, in a form that takes any as Lua 5.1 and LuaJIT do: a
// fraction is cut off where Lua 5.4 refuses it (string.rep("x", 5/2)). And table.concat, which
// writes a whole number without Lua 5.4's ".0".
#pragma once

#include <lua.hpp>

namespace breakwater::lua {

// After BoundEndlessCalls(), before any script runs.
void TakeFractions(lua_State* state);

}  // namespace breakwater::lua
