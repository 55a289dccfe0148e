// Lua's own functions that wait for a disk, a process or a pipe: io, files, os.execute, dofile and
// the like. They are errors while a packet is handled, where a whole worker would wait with them;
// so is debug.sethook, which would take the hook of the call's budget away.
#pragma once

#include <lua.hpp>

namespace breakwater::lua {

void GuardBlockingCalls(lua_State* state);

}  // namespace breakwater::lua
