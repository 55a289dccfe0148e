// Lua in health checks: newServer's checkFunction changes the question, a response validator judges
// the answer. Called by whoever checks, under the lock of the guarded state, and stopped when they
// take more than setLuaBudget allows: that is an error.
#pragma once

#include <functional>

#include "lua/runtime.h"
#include "proxy/backend/backend_settings.h"

namespace breakwater::lua {

// `function(name, type, class, header)` returns name, type and class to ask instead. On an error
// the question stays as it was, counted and logged.
std::function<void(HealthCheckQuestion&)> MakeCheckFunction(const LuaFunction& function);

// `function(dr)` says whether the answer is good. An error fails the check, counted and logged.
HealthValidator MakeResponseValidator(const LuaFunction& function);

}  // namespace breakwater::lua
