// Interpreters without a runtime: those of each worker (per_thread_code.h) and of newThread(). They
// know the constants, the functions that log, and require("ffi"); no configuration. Each is used by
// one thread.
#pragma once

#include "lua/ffi_call.h"

namespace breakwater::lua {

// What `shared` names outlives the interpreter.
void SetUpBareState(lua_State* state, const FfiShared& shared);

}  // namespace breakwater::lua
