#include "lua/ffi_objects.h"

#include <fmt/format.h>

namespace breakwater::lua {
namespace {

// Whether the value has the metatable of that kind.
bool IsOf(lua_State* state, int index, const FfiKind& kind) {
  if (lua_type(state, index) != LUA_TUSERDATA || lua_getmetatable(state, index) == 0) return false;
  lua_rawgetp(state, LUA_REGISTRYINDEX, &kind);
  const bool same = lua_rawequal(state, -1, -2) != 0;
  lua_pop(state, 2);
  return same;
}

// Its kind is an upvalue: a script that finds this function can destroy nothing else, nor twice.
int Collect(lua_State* state) {
  const auto& kind = *static_cast<const FfiKind*>(lua_touserdata(state, lua_upvalueindex(1)));
  if (!IsOf(state, 1, kind)) return 0;
  void* const object = lua_touserdata(state, 1);
  lua_pushnil(state);
  lua_setmetatable(state, 1);
  kind.destroy(object);
  return 0;
}

void PushMetatable(lua_State* state, const FfiKind& kind) {
  if (lua_rawgetp(state, LUA_REGISTRYINDEX, &kind) == LUA_TTABLE) return;
  lua_pop(state, 1);
  lua_createtable(state, 0, 2);
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  if (kind.destroy != nullptr) {
    lua_pushlightuserdata(state, const_cast<FfiKind*>(&kind));
    lua_pushcclosure(state, Collect, 1);
    lua_setfield(state, -2, "__gc");
  }
  lua_pushvalue(state, -1);
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kind);
}

}  // namespace

void* NewFfiObject(lua_State* state, const FfiKind& kind, size_t size) {
  void* const object = lua_newuserdatauv(state, size, 1);
  PushMetatable(state, kind);
  lua_setmetatable(state, -2);
  return object;
}

void* FfiObjectOrNull(lua_State* state, int index, const FfiKind& kind) {
  return IsOf(state, index, kind) ? lua_touserdata(state, index) : nullptr;
}

void* FfiObjectAt(FfiCall& call, int index, const FfiKind& kind) {
  if (void* const object = FfiObjectOrNull(call.state(), index, kind)) return object;
  call.Fail(fmt::format("bad argument #{} ({} expected, got {})", index, kind.name,
                        luaL_typename(call.state(), index)));
  return nullptr;
}

int FreeFfiObject(FfiCall& call, int index, const FfiKind& kind) {
  if (!call.Given(index)) return 0;
  void* const object = FfiObjectAt(call, index, kind);
  if (object == nullptr) return 0;
  lua_State* const state = call.state();
  lua_pushnil(state);
  lua_setmetatable(state, index);
  lua_pushnil(state);
  lua_setiuservalue(state, index, 1);
  if (kind.destroy != nullptr) kind.destroy(object);
  return 0;
}

int GiveCountAndObject(FfiCall& call, size_t count, int index) {
  lua_State* const state = call.state();
  if (count == 0) return call.Give(count);
  const int object = lua_gettop(state);
  if (index < object && call.Given(index)) {
    lua_pushvalue(state, object);
    call.Store(index);
  }
  call.Give(count);
  lua_pushvalue(state, object);
  return 2;
}

int FfiList::Give() {
  lua_State* const state = call_.state();
  const bool plain = lua_isnoneornil(state, place_) || lua_gettop(state) == place_;
  if (!plain) call_.Store(place_);
  call_.Give(count_);
  if (plain) lua_insert(state, -2);
  return plain ? 2 : 1;
}

}  // namespace breakwater::lua
