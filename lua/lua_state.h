// One Lua 5.4 interpreter with dnsdist's dialect (the prelude) loaded. Lua is the C library: it
// leaves frames with longjmp, so nothing here or in the bindings calls into Lua unprotected while
// an object with a destructor is alive. Not thread-safe; the owner guards it.
#pragma once

#include <lua.hpp>

#include <string>
#include <string_view>

#include "lua/call_budget.h"
#include "proxy/base/result.h"

namespace breakwater::lua {

class Runtime;

class LuaState {
 public:
  LuaState();
  ~LuaState();
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;

  lua_State* raw() { return state_; }

  // Which runtime the bindings called from this interpreter belong to.
  void SetRuntime(Runtime* runtime);
  static Runtime* RuntimeOf(lua_State* state);

  // Runs a file; the error begins with "file:line: ".
  TextResult<void> RunFile(const std::string& path);
  // Runs a text. Its results, as many as it returned, stay on the stack.
  TextResult<int> RunText(std::string_view text, const std::string& chunk_name);
  // Compiles only: whether `text` is a chunk.
  bool Compiles(std::string_view text);

 private:
  CallBudget budget_;  // the interpreter's memory is counted here until it is closed
  lua_State* state_;
};

// lua_pcall of the function and its `arguments` on top of the stack. On failure nothing is left
// there, and the error says file:line where Lua knows it.
TextResult<void> ProtectedCall(lua_State* state, int arguments, int results);

// "file:line: " of the Lua code that called the running C function; empty where there is none. From
// a hook, level 0 is the code that runs.
std::string WhereOf(lua_State* state, int level = 1);

// Pushes a global as it is, without metamethods: those may raise an error, where nothing would
// catch it. Its type.
int PushRawGlobal(lua_State* state, std::string_view name);

// What tostring() would say, without metamethods; tables and functions as their type name.
std::string PlainText(lua_State* state, int index);

}  // namespace breakwater::lua
