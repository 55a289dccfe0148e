// What one call of a Lua function for a packet may take: time, memory, instructions. Time costs
// nothing until it is up: then a timer of the calling thread arms a hook that stops the running
// coroutine at its next instruction. A C function of Lua's (a pattern match, say) is one
// instruction: it ends before the call is stopped. Of instructions, a resume of a coroutine counts
// as 32 at least. Used by the thread that holds the state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <string>

#include "proxy/base/result.h"

namespace breakwater::lua {

// 0: no limit.
struct CallLimits {
  uint32_t milliseconds = 0;
  size_t bytes = 0;
  uint32_t instructions = 0;
};

// What the call that runs in one interpreter has used, and what it may.
struct CallBudget {
  size_t used = 0;  // bytes, of the whole interpreter
  size_t limit = SIZE_MAX;
  bool exempt = false;        // a binding runs: C++ must not be left by a memory error
  bool refused = false;       // memory, since the call began
  bool stopped = false;       // by the hook
  std::string stopped_at;     // "file:line: ", valid where stopped
  uint32_t instructions = 0;  // left, where they are limited
  int calls = 0;              // of CallWithin that run
};

// The interpreter's allocator; `budget` is its CallBudget.
void* AllocateFrom(void* budget, void* block, size_t old_size, size_t new_size);
CallBudget& BudgetOf(lua_State* state);

// Whether the memory limit applies while this lives.
enum class MemoryRule : uint8_t { kLimited, kExempt };
class MemoryScope {
 public:
  MemoryScope(lua_State* state, MemoryRule rule)
      : budget_(BudgetOf(state)), before_(budget_.exempt) {
    budget_.exempt = rule == MemoryRule::kExempt;
  }
  ~MemoryScope() { budget_.exempt = before_; }
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

 private:
  CallBudget& budget_;
  bool before_;
};

// ProtectedCall within limits. `stopped` says whether a limit was the reason for the failure.
struct LimitedCall {
  int arguments = 0;
  int results = 0;
  bool stopped = false;
};
// The hook that makes each further instruction an error.
void StopCall(lua_State* state, lua_Debug* frame);
TextResult<void> CallWithin(lua_State* state, const CallLimits& limits, LimitedCall& call);

// Around whatever runs in a coroutine on behalf of `state`: it has what is left of the call's
// budget. The first gives what the second takes.
lua_State* EnterCoroutine(lua_State* state, lua_State* coroutine);
void LeaveCoroutine(lua_State* state, lua_State* before);

}  // namespace breakwater::lua
