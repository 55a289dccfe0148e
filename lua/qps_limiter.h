// newQPSLimiter(): a token bucket for rules in Lua. Any thread may ask one.
#pragma once

#include "lua/script_bindings.h"

namespace breakwater::lua {

FunctionPage QpsLimiterFunctions();
const ClassRow& QpsLimiterClass();

}  // namespace breakwater::lua
