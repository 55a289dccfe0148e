// What the functions about dynamic blocks share: actions by number, tags, and the time.
#pragma once

#include <optional>

#include "lua/dns_actions.h"
#include "lua/options.h"
#include "proxy/guard/dyn_block_table.h"

namespace breakwater::lua {

// A number of the DNSAction table. What a block cannot do is said in a warning and drops.
DynBlockAction ReadDynBlockAction(Call& call, std::optional<int> number);
LuaAction NumberOf(DynBlockAction action);

// {tagName=, tagValue=}: an error where the action is SetTag and the name is missing.
struct DynBlockTag {
  std::string name;
  std::string value;
};
TextResult<DynBlockTag> ReadDynBlockTag(Options& options, DynBlockAction action);

// The table in force; any place.
DynBlockTable& DynBlocksOf(Call& call);

}  // namespace breakwater::lua
