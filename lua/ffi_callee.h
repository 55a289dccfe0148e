// A Lua function that rules and policies call with the numbers of ffi_call.h, wherever it is: in
// the guarded state, or in each worker's own interpreter.
#pragma once

#include <memory>

#include "lua/ffi_call.h"
#include "lua/lua_rules_outcome.h"

namespace breakwater::lua {

class FfiCallee {
 public:
  virtual ~FfiCallee() = default;
  // What is not kDone was counted.
  virtual CallEnd Run(FfiFrame& frame, FfiAnswer* answer) const = 0;
  virtual LuaOnExceed on_exceed() const = 0;
};
using FfiCalleePtr = std::shared_ptr<const FfiCallee>;

}  // namespace breakwater::lua
