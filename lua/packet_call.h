// A call of a Lua function for a packet: a worker waits for the guarded state, at most
// setLuaLockTimeout, and the function may take what setLuaBudget allows.
#pragma once

#include <functional>

#include "lua/lua_rules_outcome.h"
#include "lua/runtime.h"

namespace breakwater::lua {

struct PacketCall {
  const char* what;  // for the log: "a LuaAction"; a literal, or KeptText
  int arguments = 1;
  int results = 0;
  std::function<void(lua_State*)> push;  // pushes the arguments
  // Reads the results from `first` on; may be empty.
  std::function<TextResult<void>(lua_State*, int first)> take;
};

// What is not kDone was counted and logged at a bounded rate; kFailed too where `take` says that
// the results are not right. Worker's thread.
CallEnd CallForPacket(const LuaFunction& function, const PacketCall& call);

}  // namespace breakwater::lua
