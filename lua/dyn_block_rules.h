// dynBlockRulesGroup(): the rules about clients and the one about names with its visitor in Lua,
// and what apply() does with them. The script side's.
#pragma once

#include <string>
#include <vector>

#include "lua/lua_object.h"
#include "lua/runtime.h"
#include "proxy/guard/dyn_block_group.h"
#include "proxy/guard/dyn_block_names.h"

namespace breakwater::lua {

enum class VisitorKind : uint8_t { kObjects, kFfi };

struct SuffixRule {
  DynBlockRule rule;
  LuaFunction visitor;
  VisitorKind kind = VisitorKind::kObjects;
};

struct DynBlockRules {
  DynBlockGroup group;
  std::optional<SuffixRule> suffix;
  std::vector<dns::Name> excluded_names;
  LuaFunction hook;  // of new and refreshed blocks
  bool applying = false;

  std::string ToString() const;
};
template <>
struct LuaClass<DynBlockRules> {
  static constexpr const char* kName = "DynBlockRulesGroup";
};

// Looks at the rings, without the state, and blocks what the rules say. Errors of the visitor and
// the hook are counted and logged; the rest goes on.
void ApplyDynBlockRules(Runtime& runtime, DynBlockRules& rules);

}  // namespace breakwater::lua
