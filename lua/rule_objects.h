// Rules, selectors and actions as objects of Lua, and what may stand in place of a selector.
#pragma once

#include "lua/lua_classes.h"
#include "lua/object_args.h"
#include "proxy/rules/rule_chain.h"

namespace breakwater::lua {

template <>
struct LuaClass<Selector> {
  static constexpr const char* kName = "DNSRule";
};
template <>
struct LuaClass<Action> {
  static constexpr const char* kName = "DNSAction";
};
template <>
struct LuaClass<ResponseAction> {
  static constexpr const char* kName = "DNSResponseAction";
};
template <>
struct LuaClass<Rule> {
  static constexpr const char* kName = "DNSDistRuleAction";
};
template <>
struct LuaClass<ResponseRule> {
  static constexpr const char* kName = "DNSDistResponseRuleAction";
};

// A selector, or what one is made of: a text or a list of texts (networks, else names), a DNSName
// or a list of these.
struct SelectorArg {
  SelectorPtr selector;
};
template <>
struct Reader<SelectorArg> {
  static constexpr const char* kExpected = "DNSRule";
  static bool Accepts(lua_State* state, int index);
  static TextResult<SelectorArg> Read(Call& call, int index);
};

}  // namespace breakwater::lua
