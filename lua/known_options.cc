#include "lua/known_options.h"

#include "lua/lua_function.h"

namespace breakwater::lua {
namespace {

// Of the interpreter's registry: a table from "FUNCTION OPTION" to whether the option is read.
constexpr const char* kKey = "breakwater.known_options";

}  // namespace

void NoteOption(Call& call, const std::string& name, OptionKind kind) {
  if (!call.runtime().options().check) return;
  lua_State* const state = call.state();
  if (lua_getfield(state, LUA_REGISTRYINDEX, kKey) != LUA_TTABLE) {
    lua_pop(state, 1);
    lua_newtable(state);
    lua_pushvalue(state, -1);
    lua_setfield(state, LUA_REGISTRYINDEX, kKey);
  }
  const std::string key = std::string(call.row().name) + " " + name;
  if (lua_getfield(state, -1, key.c_str()) == LUA_TNIL) {
    Push(state, kind == OptionKind::kRead);
    lua_setfield(state, -3, key.c_str());
  }
  lua_pop(state, 2);
}

KnownOptionsMap KnownOptions(Runtime& runtime) {
  Entry entry(runtime, Place::kScript);
  lua_State* const state = entry.state();
  KnownOptionsMap options;
  if (lua_getfield(state, LUA_REGISTRYINDEX, kKey) != LUA_TTABLE) return options;
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    const auto kind = lua_toboolean(state, -1) != 0 ? OptionKind::kRead : OptionKind::kUnavailable;
    lua_pop(state, 1);
    const std::string key = lua_tostring(state, -1);
    const size_t space = key.find(' ');
    options[key.substr(0, space)][key.substr(space + 1)] = kind;
  }
  return options;
}

}  // namespace breakwater::lua
