#include "lua/endless_calls.h"

#include "lua/call_budget.h"

namespace breakwater::lua {
namespace {

// Of one call in C while a limit holds: some tenths of a second.
constexpr lua_Integer kMostSteps = 10'000'000;

// A replacement runs Lua's function in its own frame, so that errors tell its name and the line
// that called it. First upvalue: that function.
int CallOriginal(lua_State* state) {
  return lua_tocfunction(state, lua_upvalueindex(1))(state);
}

// Upvalue: the handler that the script gave. Hooks are off while a hook raises its error, so the
// script's handler is not for that one.
int HandleMessage(lua_State* state) {
  if (BudgetOf(state).stopped) return 1;
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, 1);
  return 1;
}

// Second upvalue: debug.traceback, which ends, and would show a frame of ours.
int XpCall(lua_State* state) {
  const bool traceback = lua_rawequal(state, 2, lua_upvalueindex(2)) != 0;
  if (lua_type(state, 2) == LUA_TFUNCTION && !traceback) {
    lua_pushvalue(state, 2);
    lua_pushcclosure(state, HandleMessage, 1);
    lua_replace(state, 2);
  }
  return CallOriginal(state);
}

// Sets the metatable on top without its finalizer, as Lua 5.1 does for tables: what an object has
// no finalizer for when it gets its metatable is never finalized.
void SetWithoutFinalizer(lua_State* state) {
  lua_pushliteral(state, "__gc");
  lua_pushvalue(state, -1);
  lua_rawget(state, 2);
  lua_pushvalue(state, -2);
  lua_pushnil(state);
  lua_rawset(state, 2);
  lua_pushvalue(state, 2);
  lua_setmetatable(state, 1);
  lua_rawset(state, 2);
  lua_settop(state, 1);
}

bool HasFinalizer(lua_State* state) {
  if (lua_type(state, 2) != LUA_TTABLE) return false;
  lua_pushliteral(state, "__gc");
  const bool has = lua_rawget(state, 2) != LUA_TNIL;
  lua_pop(state, 1);
  return has;
}

int SetMetatable(lua_State* state) {
  if (lua_type(state, 1) != LUA_TTABLE || !HasFinalizer(state)) return CallOriginal(state);
  if (luaL_getmetafield(state, 1, "__metatable") != LUA_TNIL) {
    lua_pop(state, 1);
    return CallOriginal(state);  // which refuses it
  }
  lua_settop(state, 2);
  SetWithoutFinalizer(state);
  return 1;
}

// Objects of ours have a finalizer already, which another metatable would replace.
int DebugSetMetatable(lua_State* state) {
  if (lua_type(state, 1) == LUA_TUSERDATA) {
    return luaL_error(state, "debug.setmetatable: not of an object, whose finalizer it would undo");
  }
  if (!HasFinalizer(state)) return CallOriginal(state);
  lua_settop(state, 2);
  SetWithoutFinalizer(state);
  return 1;
}

// What getmetatable() gives for objects, so that no script finds their finalizers.
int DebugGetMetatable(lua_State* state) {
  if (lua_type(state, 1) == LUA_TUSERDATA &&
      luaL_getmetafield(state, 1, "__metatable") != LUA_TNIL) {
    return 1;
  }
  return CallOriginal(state);
}

int DebugGetRegistry(lua_State* state) {
  return luaL_error(state, "debug.getregistry is not there: it would undo setLuaBudget");
}

// Of what is at `index`, as the function itself will ask for it; nothing where that is an error.
lua_Integer LengthAt(lua_State* state, int index) {
  const bool table = lua_type(state, index) == LUA_TTABLE;
  if (!table) {
    if (luaL_getmetafield(state, index, "__len") == LUA_TNIL) return 0;
    lua_pop(state, 1);
  }
  return luaL_len(state, index);
}

lua_Integer IntegerAt(lua_State* state, int index, lua_Integer without) {
  int good = 0;
  const lua_Integer value = lua_tointegerx(state, index, &good);
  return good == 0 ? without : value;
}

lua_Integer StepsBetween(lua_Integer first, lua_Integer last) {
  lua_Integer steps = 0;
  if (last < first) return 0;
  return __builtin_sub_overflow(last, first, &steps) ? LUA_MAXINTEGER : steps;
}

lua_Integer MoveSteps(lua_State* state) {
  return StepsBetween(IntegerAt(state, 2, 0), IntegerAt(state, 3, 0));
}

// table.insert at a place, table.remove from one.
template <int kArguments>
lua_Integer ShiftSteps(lua_State* state) {
  if (lua_gettop(state) < kArguments) return 0;
  return StepsBetween(IntegerAt(state, 2, LUA_MAXINTEGER), LengthAt(state, 1));
}

lua_Integer ConcatSteps(lua_State* state) {
  const lua_Integer first = IntegerAt(state, 3, 1);
  if (!lua_isnoneornil(state, 4)) return StepsBetween(first, IntegerAt(state, 4, first));
  return StepsBetween(first, LengthAt(state, 1));
}

lua_Integer SortSteps(lua_State* state) {
  return LengthAt(state, 1);
}

// Of nothing, so often. Whatever is longer ends with the memory.
lua_Integer RepeatSteps(lua_State* state) {
  size_t size = 0, separator = 0;
  if (lua_tolstring(state, 1, &size) == nullptr || size > 0) return 0;
  if (lua_tolstring(state, 3, &separator) != nullptr && separator > 0) return 0;
  return IntegerAt(state, 2, 0);
}

template <lua_Integer (*Steps)(lua_State*)>
int Bounded(lua_State* state) {
  if (BudgetOf(state).calls > 0 && Steps(state) > kMostSteps) {
    return luaL_error(state, "too many steps in one call (%d at most, by setLuaBudget)",
                      static_cast<int>(kMostSteps));
  }
  return CallOriginal(state);
}

// Puts `function` in place of one of the table on top of the stack.
void Replace(lua_State* state, const char* name, lua_CFunction function) {
  lua_getfield(state, -1, name);
  lua_pushcclosure(state, function, 1);
  lua_setfield(state, -2, name);
}

// What getmetatable() gives for files: all that scripts do with it, but the finalizer.
void HideFileFinalizer(lua_State* state) {
  luaL_getmetatable(state, LUA_FILEHANDLE);
  lua_newtable(state);
  for (const char* name : {"__index", "__name", "__tostring"}) {
    lua_getfield(state, -2, name);
    lua_setfield(state, -2, name);
  }
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

}  // namespace

void BoundEndlessCalls(lua_State* state) {
  lua_pushglobaltable(state);
  Replace(state, "setmetatable", SetMetatable);
  lua_getglobal(state, "debug");
  Replace(state, "setmetatable", DebugSetMetatable);
  Replace(state, "getmetatable", DebugGetMetatable);
  Replace(state, "getregistry", DebugGetRegistry);
  lua_getfield(state, -2, "xpcall");
  lua_getfield(state, -2, "traceback");
  lua_pushcclosure(state, XpCall, 2);
  lua_setfield(state, -3, "xpcall");
  lua_getglobal(state, "string");
  Replace(state, "rep", Bounded<RepeatSteps>);
  lua_getglobal(state, "table");
  Replace(state, "move", Bounded<MoveSteps>);
  Replace(state, "insert", Bounded<ShiftSteps<3>>);
  Replace(state, "remove", Bounded<ShiftSteps<2>>);
  Replace(state, "concat", Bounded<ConcatSteps>);
  Replace(state, "sort", Bounded<SortSteps>);
  lua_pop(state, 4);
  HideFileFinalizer(state);
}

}  // namespace breakwater::lua
