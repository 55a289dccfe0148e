// coroutine.resume, wrap and close that carry the budget of the call along: what a coroutine takes
// is taken from it.
#pragma once

#include <lua.hpp>

namespace breakwater::lua {

void InstallCoroutines(lua_State* state);

}  // namespace breakwater::lua
