#include "lua/debug_guards.h"

namespace breakwater::lua {
namespace {

// debug.setupvalue(function, index, value)
int SetUpvalue(lua_State* state) {
  luaL_checkany(state, 3);
  const auto index = static_cast<int>(luaL_checkinteger(state, 2));
  luaL_checktype(state, 1, LUA_TFUNCTION);
  luaL_argcheck(state, lua_iscfunction(state, 1) == 0, 1, "Lua function expected");
  lua_settop(state, 3);
  const char* const name = lua_setupvalue(state, 1, index);
  if (name == nullptr) return 0;
  lua_pushstring(state, name);
  return 1;
}

}  // namespace

void GuardDebugLibrary(lua_State* state) {
  lua_getglobal(state, "debug");
  lua_pushcfunction(state, SetUpvalue);
  lua_setfield(state, -2, "setupvalue");
  lua_pop(state, 1);
}

}  // namespace breakwater::lua
