// The tables of all bind_*.cc files, one function a page, and what the pages share.
#pragma once

#include <span>
#include <vector>

#include "lua/lua_classes.h"
#include "lua/lua_function.h"
#include "lua/options.h"

namespace breakwater::lua {

using FunctionPage = std::span<const FunctionRow>;

FunctionPage ConsoleFunctions();
FunctionPage NameFunctions();
FunctionPage AddressFunctions();
FunctionPage SettingFunctions();
FunctionPage ListenerFunctions();
FunctionPage BackendFunctions();
FunctionPage PoolFunctions();
FunctionPage CacheFunctions();
FunctionPage RuleFunctions();
FunctionPage SelectorFunctions();
FunctionPage ActionFunctions();
FunctionPage ResponseActionFunctions();

std::vector<FunctionPage> FunctionPages();
std::vector<const ClassRow*> Classes();

// The tables of numbers and names: DNSQType, DNSAction and so on.
void SetConstants(lua_State* state);

}  // namespace breakwater::lua
