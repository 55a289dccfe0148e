// Lua's debug library can change what functions and objects of C++ keep for themselves, and take
// for granted: these two ways are errors.
#pragma once

#include <lua.hpp>

namespace breakwater::lua {

void GuardDebugLibrary(lua_State* state);

}  // namespace breakwater::lua
