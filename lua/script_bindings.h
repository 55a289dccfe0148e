// The pages about what runs: policies and rules in Lua, dq and dr, the console's tables.
#pragma once

#include "lua/bindings.h"

namespace breakwater::lua {

const ClassRow& QuestionClass();
const ClassRow& ResponseClass();
const ClassRow& EdnsOptionClass();
const ClassRow& PolicyClass();

FunctionPage PolicyFunctions();
FunctionPage ControlFunctions();
FunctionPage ObserveFunctions();

// leastOutstanding, firstAvailable and so on, as objects.
void SetPolicyGlobals(lua_State* state);

}  // namespace breakwater::lua
