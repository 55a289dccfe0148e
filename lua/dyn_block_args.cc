#include "lua/dyn_block_args.h"

#include <fmt/format.h>

#include "proxy/guard/dyn_block_report.h"

namespace breakwater::lua {

std::optional<DynBlockAction> DynBlockActionOf(int number) {
  switch (static_cast<LuaAction>(number)) {
    case LuaAction::kNone:
      return DynBlockAction::kNone;
    case LuaAction::kDrop:
      return DynBlockAction::kDrop;
    case LuaAction::kNxdomain:
      return DynBlockAction::kNxdomain;
    case LuaAction::kRefused:
      return DynBlockAction::kRefused;
    case LuaAction::kTruncate:
      return DynBlockAction::kTruncate;
    case LuaAction::kNoRecurse:
      return DynBlockAction::kNoRecurse;
    case LuaAction::kNoOp:
      return DynBlockAction::kNoOp;
    case LuaAction::kSetTag:
      return DynBlockAction::kSetTag;
    default:
      return std::nullopt;
  }
}

DynBlockAction ReadDynBlockAction(Call& call, std::optional<int> number) {
  const auto action = DynBlockActionOf(number.value_or(static_cast<int>(LuaAction::kNone)));
  if (action) return *action;
  call.Warn(
      fmt::format("a dynamic block cannot do what action {} says; it drops. There are Drop, NoOp, "
                  "NoRecurse, Nxdomain, Refused, SetTag and Truncate",
                  *number));
  return DynBlockAction::kDrop;
}

LuaAction NumberOf(DynBlockAction action) {
  switch (action) {
    case DynBlockAction::kNone:
      return LuaAction::kNone;
    case DynBlockAction::kDrop:
      return LuaAction::kDrop;
    case DynBlockAction::kNxdomain:
      return LuaAction::kNxdomain;
    case DynBlockAction::kRefused:
      return LuaAction::kRefused;
    case DynBlockAction::kTruncate:
      return LuaAction::kTruncate;
    case DynBlockAction::kNoRecurse:
      return LuaAction::kNoRecurse;
    case DynBlockAction::kNoOp:
      return LuaAction::kNoOp;
    case DynBlockAction::kSetTag:
      return LuaAction::kSetTag;
  }
  return LuaAction::kNone;
}

TextResult<DynBlockTag> ReadDynBlockTag(Options& options, DynBlockAction action) {
  DynBlockTag tag;
  options.Read("tagName", &tag.name);
  options.Read("tagValue", &tag.value);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  if (action == DynBlockAction::kSetTag && tag.name.empty()) {
    return Fail(std::string("SetTag needs a table of options with tagName"));
  }
  return tag;
}

size_t InsertDynBlocks(DynBlockTable& table, const NewDynBlocks& blocks, MonoTime now) {
  const MonoTime until = now + MonoTime::FromSeconds(blocks.seconds);
  const auto cause =
      std::make_shared<const DynBlockCause>(DynBlockCause{.reason = blocks.message,
                                                          .action = blocks.action,
                                                          .tag_name = blocks.tag.name,
                                                          .tag_value = blocks.tag.value});
  using Outcome = DynBlockTable::Outcome;
  size_t changed = 0;
  DynBlockLog log(now);
  DynBlockTable::Edit edit(table, now);
  const auto note = [&](Outcome outcome, const std::string& what) {
    if (outcome == Outcome::kNew) log.Add({what, *cause, blocks.seconds});
    if (outcome == Outcome::kNew || outcome == Outcome::kRefreshed) ++changed;
  };
  for (const ClientRange& range : blocks.clients) {
    const bool whole = range.bits() == (range.v6() ? 128u : 32u) && range.port_bits() == 0;
    note(edit.BlockClient(range, cause, until),
         whole ? range.network().ToString() : range.ToString());
  }
  for (const dns::Name& name : blocks.names) {
    note(edit.BlockName(name, cause, until), name.Folded().ToStringNoDot());
  }
  return changed;
}

DynBlockTable& DynBlocksOf(Call& call) {
  return *call.builder().config().dyn_blocks;
}

TextResult<AddressCountsArg> Reader<AddressCountsArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  lua_State* const state = call.state();
  AddressCountsArg counts;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    lua_pop(state, 1);
    auto address = Reader<AddressArg>::Read(call, lua_gettop(state));
    if (!address) {
      lua_pop(state, 1);
      return Fail(std::move(address.error()));
    }
    counts.clients.push_back(address->address);
  }
  return counts;
}

}  // namespace breakwater::lua
