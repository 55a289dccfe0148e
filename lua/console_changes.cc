#include "lua/console_changes.h"

namespace breakwater::lua {
namespace {

constexpr char kKey[] = "breakwater.changed";

void Store(lua_State* state, int value) {
  lua_pushboolean(state, value);
  lua_setfield(state, LUA_REGISTRYINDEX, kKey);
}

}  // namespace

void NoteChange(lua_State* state) {
  Store(state, 1);
}

bool TakeChange(lua_State* state) {
  lua_getfield(state, LUA_REGISTRYINDEX, kKey);
  const bool changed = lua_toboolean(state, -1) != 0;
  lua_pop(state, 1);
  if (changed) Store(state, 0);
  return changed;
}

}  // namespace breakwater::lua
