// Lua's debug library can change what functions of C++ keep for themselves, and take for granted:
// that is an error (of objects see endless_calls.h).
#pragma once

#include <lua.hpp>

namespace breakwater::lua {

void GuardDebugLibrary(lua_State* state);

}  // namespace breakwater::lua
