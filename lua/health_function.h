// newServer's checkFunction: Lua that changes the question of a health check. Called by whoever
// checks, under the lock of the guarded state.
#pragma once

#include <functional>

#include "lua/runtime.h"
#include "proxy/backend/backend_settings.h"

namespace breakwater::lua {

// `function(name, type, class, header)` returns name, type and class to ask instead. On an error
// the question stays as it was, counted and logged.
std::function<void(HealthCheckQuestion&)> MakeCheckFunction(const LuaFunction& function);

}  // namespace breakwater::lua
