// Console lines: a line may be an expression or a statement, and the first result is printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lua/lua_state.h"

namespace breakwater::lua {

// Runs the line as an expression where it is one, else as it is. How many results lie on the
// stack.
TextResult<int> RunConsoleLine(LuaState& interpreter, std::string_view line);

// What the console prints for the `count` results on top of the stack: the first, with a newline;
// nothing for none and for nil.
std::string ResultText(lua_State* state, int count);

// Seconds since 1970 as tables show them: local time, "2026-11-28 12:00:00".
std::string LocalTimeText(int64_t seconds);

}  // namespace breakwater::lua
