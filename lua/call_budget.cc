#include "lua/call_budget.h"

#include <fmt/format.h>

#include <cstdlib>

#include "lua/call_alarm.h"
#include "lua/lua_state.h"

namespace breakwater::lua {
namespace {

// From here on each further instruction is an error, so that no pcall() in the script goes on.
void Stop(lua_State* state, lua_Debug*) {
  BudgetOf(state).stopped = true;
  lua_sethook(state, Stop, LUA_MASKCOUNT, 1);
  luaL_error(state, CallAlarm::IsUp() ? "stopped: its time is up (setLuaBudget)"
                                      : "stopped: it took too many instructions (setLuaBudget)");
}

// Runs a coroutine under the hook and the alarm of the one that resumes it.
int Resume(lua_State* state) {
  lua_State* const coroutine = lua_tothread(state, 1);
  luaL_argexpected(state, coroutine != nullptr, 1, "coroutine");
  const int arguments = lua_gettop(state);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_sethook(coroutine, lua_gethook(state), lua_gethookmask(state), lua_gethookcount(state));
  lua_State* const before = CallAlarm::Switch(coroutine);
  // The alarm may have gone off between the two lines above, for the state alone.
  if (before != nullptr && CallAlarm::IsUp()) lua_sethook(coroutine, Stop, LUA_MASKCOUNT, 1);
  const int status = lua_pcall(state, arguments, LUA_MULTRET, 0);
  if (before != nullptr) CallAlarm::Switch(before);
  // The time may have been up just when the coroutine yielded: nobody else would stop this one.
  const bool over = BudgetOf(state).stopped || (before != nullptr && CallAlarm::IsUp());
  if (over) lua_sethook(state, Stop, LUA_MASKCOUNT, 1);
  return status == LUA_OK ? lua_gettop(state) : lua_error(state);
}

// Upvalues: our resume, the coroutine.
int CallWrapped(lua_State* state) {
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_pushvalue(state, lua_upvalueindex(2));
  lua_insert(state, 2);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  if (lua_toboolean(state, 1) != 0) return lua_gettop(state) - 1;
  lua_settop(state, 2);
  if (lua_type(state, 2) == LUA_TSTRING) {
    luaL_where(state, 1);
    lua_insert(state, 2);
    lua_concat(state, 2);
  }
  return lua_error(state);
}

// Upvalues: our resume, coroutine.create.
int Wrap(lua_State* state) {
  luaL_checktype(state, 1, LUA_TFUNCTION);
  lua_settop(state, 1);
  lua_pushvalue(state, lua_upvalueindex(2));
  lua_insert(state, 1);
  lua_call(state, 1, 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_pushcclosure(state, CallWrapped, 2);
  return 1;
}

}  // namespace

void* AllocateFrom(void* budget, void* block, size_t old_size, size_t new_size) {
  auto& memory = *static_cast<CallBudget*>(budget);
  // For a new block the old size is the kind of object.
  const size_t held = block == nullptr ? 0 : old_size;
  if (new_size == 0) {
    std::free(block);
    memory.used -= held;
    return nullptr;
  }
  if (new_size > held && !memory.exempt && memory.used - held + new_size > memory.limit) {
    memory.refused = true;
    return nullptr;
  }
  void* const moved = std::realloc(block, new_size);
  if (moved != nullptr) memory.used = memory.used - held + new_size;
  return moved;
}

CallBudget& BudgetOf(lua_State* state) {
  void* budget = nullptr;
  lua_getallocf(state, &budget);
  return *static_cast<CallBudget*>(budget);
}

TextResult<void> CallWithin(lua_State* state, const CallLimits& limits, LimitedCall& call) {
  CallBudget& budget = BudgetOf(state);
  const size_t limit_before = budget.limit;
  budget.refused = budget.stopped = false;
  if (limits.bytes != 0) budget.limit = budget.used + limits.bytes;
  if (limits.instructions != 0) {
    lua_sethook(state, Stop, LUA_MASKCOUNT, static_cast<int>(limits.instructions));
  }
  TextResult<void> done;
  {
    const CallAlarm alarm(state, limits.milliseconds, Stop);
    done = ProtectedCall(state, call.arguments, call.results);
  }
  lua_sethook(state, nullptr, 0, 0);
  budget.limit = limit_before;
  const bool out_of_memory = !done && budget.refused && done.error() == "not enough memory";
  call.stopped = budget.stopped || out_of_memory;
  // So that nothing later takes this end for its own.
  budget.stopped = false;
  if (!out_of_memory) return done;
  return Fail(fmt::format("stopped: it took more than {} bytes (setLuaBudget)", limits.bytes));
}

void InstallCoroutines(lua_State* state) {
  lua_getglobal(state, "coroutine");
  lua_getfield(state, -1, "resume");
  lua_pushcclosure(state, Resume, 1);
  lua_pushvalue(state, -1);
  lua_setfield(state, -3, "resume");
  lua_getfield(state, -2, "create");
  lua_pushcclosure(state, Wrap, 2);
  lua_setfield(state, -2, "wrap");
  lua_pop(state, 1);
}

}  // namespace breakwater::lua
