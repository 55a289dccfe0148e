#include "lua/call_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "lua/call_alarm.h"
#include "lua/lua_state.h"

namespace breakwater::lua {
namespace {

// How often the instructions are counted. What is run in a slice that has not ended is not counted
// yet; a coroutine may yield before, so there each resume pays for a slice when it begins.
constexpr uint32_t kSlice = 100;
constexpr uint32_t kCoroutineSlice = 32;

const char* ReasonToStop() {
  if (CallWatch::WasInterrupted()) return "stopped: the program ends, or nobody waits for this";
  if (CallAlarm::IsUp()) return "stopped: its time is up (setLuaBudget)";
  return "stopped: it took too many instructions (setLuaBudget)";
}

// A slice of instructions is over.
void Count(lua_State* state, lua_Debug* frame) {
  CallBudget& budget = BudgetOf(state);
  const auto slice = static_cast<uint32_t>(lua_gethookcount(state));
  if (budget.instructions <= slice) return StopCall(state, frame);
  budget.instructions -= slice;
  if (budget.instructions >= slice) return;
  lua_sethook(state, Count, LUA_MASKCOUNT, static_cast<int>(budget.instructions));
  // The alarm may have gone off meanwhile, and its hook be gone.
  if (CallAlarm::IsUp()) lua_sethook(state, StopCall, LUA_MASKCOUNT, 1);
}

// Of debug.sethook, where no packet was handled: what it calls runs without ours.
void ForgetHookOfScript(lua_State* state) {
  const lua_Hook hook = lua_gethook(state);
  if (hook != nullptr && hook != StopCall && hook != Count) lua_sethook(state, nullptr, 0, 0);
}

void StartCoroutineSlice(lua_State* coroutine, CallBudget& budget) {
  const uint32_t slice = std::min(kCoroutineSlice, budget.instructions);
  budget.instructions -= slice;
  if (slice > 0) {
    lua_sethook(coroutine, Count, LUA_MASKCOUNT, static_cast<int>(slice));
  } else {
    lua_sethook(coroutine, StopCall, LUA_MASKCOUNT, 1);
  }
}

}  // namespace

// So that no pcall() in the script goes on. All tell the place of the first.
void StopCall(lua_State* state, lua_Debug*) {
  CallBudget& budget = BudgetOf(state);
  if (!budget.stopped) budget.stopped_at = WhereOf(state, 0);
  budget.stopped = true;
  lua_sethook(state, StopCall, LUA_MASKCOUNT, 1);
  luaL_error(state, "%s%s", budget.stopped_at.c_str(), ReasonToStop());
}

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
  ForgetHookOfScript(state);
  budget.refused = budget.stopped = false;
  if (limits.bytes != 0) budget.limit = budget.used + limits.bytes;
  budget.instructions = limits.instructions;
  if (limits.instructions != 0) {
    const uint32_t slice = std::min(kSlice, limits.instructions);
    lua_sethook(state, Count, LUA_MASKCOUNT, static_cast<int>(slice));
  }
  TextResult<void> done;
  ++budget.calls;
  {
    const CallAlarm alarm(state, limits.milliseconds, StopCall);
    done = ProtectedCall(state, call.arguments, call.results);
  }
  --budget.calls;
  lua_sethook(state, nullptr, 0, 0);
  budget.limit = limit_before;
  const bool out_of_memory = !done && budget.refused && done.error() == "not enough memory";
  call.stopped = budget.stopped || out_of_memory;
  // So that nothing later takes this end for its own.
  budget.stopped = false;
  if (!out_of_memory) return done;
  return Fail(fmt::format("stopped: it took more than {} bytes (setLuaBudget)", limits.bytes));
}

lua_State* EnterCoroutine(lua_State* state, lua_State* coroutine) {
  const lua_Hook hook = lua_gethook(state);
  if (hook == Count) {
    StartCoroutineSlice(coroutine, BudgetOf(state));
  } else {
    lua_sethook(coroutine, hook, lua_gethookmask(state), lua_gethookcount(state));
  }
  lua_State* const before = CallAlarm::Switch(coroutine);
  // The alarm may have gone off between the lines above, for the state alone.
  if (before != nullptr && CallAlarm::IsUp()) lua_sethook(coroutine, StopCall, LUA_MASKCOUNT, 1);
  return before;
}

void LeaveCoroutine(lua_State* state, lua_State* before) {
  if (before != nullptr) CallAlarm::Switch(before);
  // The time may have been up just when the coroutine yielded: nobody else would stop this one.
  const bool over = BudgetOf(state).stopped || (before != nullptr && CallAlarm::IsUp());
  if (over) lua_sethook(state, StopCall, LUA_MASKCOUNT, 1);
}

}  // namespace breakwater::lua
