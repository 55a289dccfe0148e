#include "lua/blocking_calls.h"

#include "lua/runtime.h"

namespace breakwater::lua {
namespace {

constexpr const char* kOs[] = {"execute", "exit", "remove", "rename", "tmpname"};
constexpr const char* kGlobals[] = {"dofile", "loadfile", "require"};

bool HandlesPacket(lua_State* state) {
  const Runtime* const runtime = LuaState::RuntimeOf(state);
  return runtime != nullptr && runtime->place() == Place::kPacket;
}

// Upvalues: the function, its name.
int CallUnlessPacket(lua_State* state) {
  if (HandlesPacket(state)) {
    return luaL_error(state, "%s blocks: it cannot be called while a packet is handled",
                      lua_tostring(state, lua_upvalueindex(2)));
  }
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

// Replaces a function of the table on top of the stack.
void Guard(lua_State* state, const char* prefix, const char* name) {
  lua_getfield(state, -1, name);
  lua_pushfstring(state, "%s%s", prefix, name);
  lua_pushcclosure(state, CallUnlessPacket, 2);
  lua_setfield(state, -2, name);
}

// The functions of the table on top of the stack, but for those whose names begin with "__".
void GuardAll(lua_State* state, const char* prefix) {
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    const bool function = lua_type(state, -1) == LUA_TFUNCTION;
    lua_pop(state, 1);
    const char* const name = lua_tostring(state, -1);
    if (!function || (name[0] == '_' && name[1] == '_')) continue;
    // Assigning to a field that is there does not disturb lua_next.
    lua_pushvalue(state, -2);
    Guard(state, prefix, name);
    lua_pop(state, 1);
  }
}

}  // namespace

void GuardBlockingCalls(lua_State* state) {
  lua_getglobal(state, "io");
  GuardAll(state, "io.");
  luaL_getmetatable(state, LUA_FILEHANDLE);
  lua_getfield(state, -1, "__index");
  GuardAll(state, "file:");
  lua_pop(state, 3);
  lua_getglobal(state, "os");
  for (const char* name : kOs) Guard(state, "os.", name);
  lua_pop(state, 1);
  lua_pushglobaltable(state);
  for (const char* name : kGlobals) Guard(state, "", name);
  lua_pop(state, 1);
}

}  // namespace breakwater::lua
