// Every name of the interface. What is bound comes from the tables of bind_*.cc, one page of the
// interface a file; what api_names.inc lists and nobody bound exists and fails with
// "NAME is not available yet" and the reason, as do those of missing_names.inc.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "lua/lua_function.h"

namespace breakwater::lua {

enum class ApiKind : uint8_t { kNone, kFunction, kClass, kMethod, kAttribute };

// `class_name` empty: a global function or a class.
ApiKind FindApiName(std::string_view class_name, std::string_view name);
void ForEachApiName(
    const std::function<void(ApiKind, std::string_view class_name, std::string_view name)>& visit);

// "NAME is not available yet", and why where missing_names.inc has a reason.
std::string UnavailableText(std::string_view name);
// A function that fails with that.
void PushUnavailable(lua_State* state, const std::string& name);

// PushFunction() with the value on top of the stack, which it takes, at lua_upvalueindex(2).
void PushFunctionWith(lua_State* state, const FunctionRow& row);

// Defines all classes, functions and constants in a new interpreter.
void RegisterInterface(lua_State* state);
// Those alone that need no configuration: names, addresses, networks, the records of a packet.
void RegisterHelpers(lua_State* state);

void ForEachFunction(const std::function<void(const FunctionRow&)>& visit);
void ForEachClass(const std::function<void(const ClassRow&)>& visit);
const FunctionRow* FindFunction(std::string_view name);
const ClassRow* FindClass(std::string_view name);

}  // namespace breakwater::lua
