#include "lua/coroutines.h"

#include "lua/call_budget.h"

namespace breakwater::lua {
namespace {

// "file:line: " of the caller in front of the text on top of the stack.
void SayWhere(lua_State* state) {
  luaL_where(state, 1);
  lua_insert(state, -2);
  lua_concat(state, 2);
}

// Whether it has ended by StopCall. In such a one hooks are off for good: what its variables close
// with could not be stopped.
bool WasStopped(lua_State* coroutine) {
  return lua_status(coroutine) > LUA_YIELD && lua_gethook(coroutine) == StopCall;
}

// Upvalue: Lua's own coroutine.resume or coroutine.close.
int RunCoroutine(lua_State* state) {
  lua_State* const coroutine = lua_tothread(state, 1);
  luaL_argexpected(state, coroutine != nullptr, 1, "coroutine");
  if (WasStopped(coroutine)) {
    lua_pushboolean(state, 0);
    lua_pushliteral(state, "cannot go on in a coroutine that was stopped (setLuaBudget)");
    return 2;
  }
  const int arguments = lua_gettop(state);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_State* const before = EnterCoroutine(state, coroutine);
  const int status = lua_pcall(state, arguments, LUA_MULTRET, 0);
  LeaveCoroutine(state, before);
  if (status == LUA_OK) return lua_gettop(state);
  if (status == LUA_ERRRUN && lua_type(state, -1) == LUA_TSTRING) SayWhere(state);
  return lua_error(state);
}

// After an error in the coroutine, whose text is on top of the stack: its variables are closed,
// which may make another error. Upvalues as below.
void CloseFailed(lua_State* state) {
  const bool stopped = WasStopped(lua_tothread(state, lua_upvalueindex(2)));
  lua_pushvalue(state, lua_upvalueindex(3));
  lua_pushvalue(state, lua_upvalueindex(2));
  lua_call(state, 1, 2);
  if (stopped || lua_toboolean(state, -2) != 0) {
    lua_pop(state, 2);
    return;
  }
  lua_replace(state, -3);
  lua_pop(state, 1);
}

// Upvalues: our resume, the coroutine, our close.
int CallWrapped(lua_State* state) {
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_pushvalue(state, lua_upvalueindex(2));
  lua_insert(state, 2);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  if (lua_toboolean(state, 1) != 0) return lua_gettop(state) - 1;
  lua_settop(state, 2);
  const int status = lua_status(lua_tothread(state, lua_upvalueindex(2)));
  if (status != LUA_OK && status != LUA_YIELD) CloseFailed(state);
  if (status != LUA_ERRMEM && lua_type(state, 2) == LUA_TSTRING) SayWhere(state);
  return lua_error(state);
}

// Upvalues: our resume, coroutine.create, our close.
int Wrap(lua_State* state) {
  luaL_checktype(state, 1, LUA_TFUNCTION);
  lua_settop(state, 1);
  lua_pushvalue(state, lua_upvalueindex(2));
  lua_insert(state, 1);
  lua_call(state, 1, 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_pushvalue(state, lua_upvalueindex(3));
  lua_pushcclosure(state, CallWrapped, 3);
  return 1;
}

// Pushes ours of the table on top of the stack, and puts it there.
void Replace(lua_State* state, const char* name) {
  lua_getfield(state, -1, name);
  lua_pushcclosure(state, RunCoroutine, 1);
  lua_pushvalue(state, -1);
  lua_setfield(state, -3, name);
}

}  // namespace

void InstallCoroutines(lua_State* state) {
  lua_getglobal(state, "coroutine");
  Replace(state, "close");
  lua_pushvalue(state, -2);
  Replace(state, "resume");
  lua_getfield(state, -2, "create");
  lua_pushvalue(state, -4);
  lua_pushcclosure(state, Wrap, 3);
  lua_setfield(state, -2, "wrap");
  lua_pop(state, 3);
}

}  // namespace breakwater::lua
