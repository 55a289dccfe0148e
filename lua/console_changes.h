// Whether what runs in a Lua state has changed something: the configuration, a server's state, a
// cache. Kept in the state itself, under its lock; the console asks, for delta().
#pragma once

#include <cstdint>
#include <lua.hpp>

namespace breakwater::lua {

void NoteChange(lua_State* state);
// True where something was noted since it was last asked.
bool TakeChange(lua_State* state);

// A number that is another one once a global has another value; what a table holds does not count.
uint64_t GlobalsMark(lua_State* state);

}  // namespace breakwater::lua
