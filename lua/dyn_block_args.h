// What the functions about dynamic blocks share: actions by number, tags, and the time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lua/dns_actions.h"
#include "lua/object_args.h"
#include "lua/options.h"
#include "proxy/guard/dyn_block_table.h"

namespace breakwater::lua {

// A number of the DNSAction table; nothing where a block cannot do that.
std::optional<DynBlockAction> DynBlockActionOf(int number);
// The same. What a block cannot do is said in a warning and drops.
DynBlockAction ReadDynBlockAction(Call& call, std::optional<int> number);
LuaAction NumberOf(DynBlockAction action);

// {tagName=, tagValue=}: an error where the action is SetTag and the name is missing.
struct DynBlockTag {
  std::string name;
  std::string value;
};
TextResult<DynBlockTag> ReadDynBlockTag(Options& options, DynBlockAction action);

// {[newCA("192.0.2.1")]=12}: the keys, text or ComboAddress.
struct AddressCountsArg {
  std::vector<Address> clients;
};
template <>
struct Reader<AddressCountsArg> {
  static constexpr const char* kExpected = "table of addresses, as exceedQRate() gives it";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<AddressCountsArg> Read(Call& call, int index);
};

struct NewDynBlocks {
  std::vector<ClientRange> clients;
  std::vector<dns::Name> names;
  std::string message;
  uint32_t seconds = 10;
  DynBlockAction action = DynBlockAction::kNone;
  DynBlockTag tag{};
};
// Blocks them and logs what is new. How many of them are new or blocked for longer now. Any thread.
size_t InsertDynBlocks(DynBlockTable& table, const NewDynBlocks& blocks, MonoTime now);

// The table in force; any place.
DynBlockTable& DynBlocksOf(Call& call);

}  // namespace breakwater::lua
