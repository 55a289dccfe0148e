#include "lua/console_changes.h"

#include <array>
#include <cstring>
#include <span>

#include "proxy/base/hash.h"

namespace breakwater::lua {
namespace {

constexpr char kKey[] = "breakwater.changed";

void Store(lua_State* state, int value) {
  lua_pushboolean(state, value);
  lua_setfield(state, LUA_REGISTRYINDEX, kKey);
}

// What tells a value from another one: a text, or the octets of a number or an address in memory.
using Octets = std::array<uint8_t, sizeof(lua_Number)>;
std::span<const uint8_t> BytesOf(lua_State* state, int index, Octets& octets) {
  static_assert(sizeof(lua_Number) == sizeof(lua_Integer) && sizeof(lua_Integer) == sizeof(void*));
  const auto keep = [&octets](const auto& value) {
    std::memcpy(octets.data(), &value, octets.size());
    return std::span<const uint8_t>(octets);
  };
  switch (lua_type(state, index)) {
    case LUA_TSTRING: {
      size_t size = 0;
      const char* const text = lua_tolstring(state, index, &size);
      return {reinterpret_cast<const uint8_t*>(text), size};
    }
    case LUA_TNUMBER:
      return lua_isinteger(state, index) != 0 ? keep(lua_tointegerx(state, index, nullptr))
                                              : keep(lua_tonumberx(state, index, nullptr));
    case LUA_TBOOLEAN:
      return keep(int64_t{lua_toboolean(state, index)});
    default:
      return keep(lua_topointer(state, index));
  }
}

}  // namespace

uint64_t GlobalsMark(lua_State* state) {
  uint64_t mark = 0;
  lua_pushglobaltable(state);
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    if (lua_type(state, -2) == LUA_TSTRING) {
      const auto type = static_cast<uint64_t>(lua_type(state, -1));
      // A sum: the order of a table is nothing to go by.
      Octets octets{};
      const uint64_t name = HashBytes(BytesOf(state, -2, octets), type);
      mark += HashBytes(BytesOf(state, -1, octets), name);
    }
    lua_pop(state, 1);
  }
  lua_pop(state, 1);
  return mark;
}

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
