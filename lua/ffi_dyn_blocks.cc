// Functions of ffi.C that make and list dynamic blocks.
#include "lua/dyn_block_args.h"
#include "lua/ffi_objects.h"
#include "lua/runtime.h"
#include "proxy/guard/dyn_block_report.h"

namespace breakwater::lua {
namespace {

// What follows who is blocked: (..., message, action, seconds); the tag begins at `tag_index`.
// False where the arguments are wrong, or the action is none that a block can do.
bool ReadBlock(FfiCall& call, int tag_index, NewDynBlocks* block) {
  block->message = call.Text(2);
  const auto action = DynBlockActionOf(static_cast<int>(call.Integer(3, 0, UINT8_MAX)));
  block->seconds = static_cast<uint32_t>(call.Integer(4, 0, UINT32_MAX));
  if (call.Given(tag_index)) block->tag.name = call.Text(tag_index);
  if (call.Given(tag_index + 1)) block->tag.value = call.Text(tag_index + 1);
  if (!call.ok() || !action) return false;
  block->action = *action;
  return block->action != DynBlockAction::kSetTag || !block->tag.name.empty();
}

int Insert(FfiCall& call, const NewDynBlocks& block) {
  const auto runtime = call.runtime();
  const ConfigPtr config = call.config();
  if (!call.ok()) return 0;
  return call.Give(InsertDynBlocks(*config->dyn_blocks, block, runtime->clock().Now()) > 0);
}

// (address, message, action, seconds, mask, port mask [, tag [, value]])
int Add(FfiCall& call) {
  const std::string_view text = call.Text(1);
  const auto bits = static_cast<unsigned>(call.Integer(5, 0, 128));
  const auto port_bits = static_cast<unsigned>(call.Integer(6, 0, 16));
  NewDynBlocks block;
  const bool good = ReadBlock(call, 7, &block);
  if (!call.ok()) return 0;
  const auto client = Address::Parse(text);
  if (!good || !client) return call.Give(false);
  block.clients.emplace_back(*client, bits, port_bits);
  return Insert(call, block);
}
// (name, message, action, seconds [, tag [, value]])
int AddName(FfiCall& call) {
  const std::string_view text = call.Text(1);
  NewDynBlocks block;
  const bool good = ReadBlock(call, 5, &block);
  if (!call.ok()) return 0;
  const auto name = dns::Name::Parse(text);
  if (!good || !name) return call.Give(false);
  block.names.push_back(*name);
  return Insert(call, block);
}

template <bool Clients>
int Entries(FfiCall& call) {
  const auto runtime = call.runtime();
  const ConfigPtr config = call.config();
  if (!call.ok()) return 0;
  FfiList list(call, 1);
  const MonoTime now = runtime->clock().Now();
  for (const auto& row : ListDynBlocks(*config->dyn_blocks, config->settings.dyn_blocks, now)) {
    if (row.clients.has_value() != Clients) continue;
    list.Begin();
    list.Field("key", std::string_view(row.what));
    list.Field("reason", std::string_view(row.block.cause->reason));
    list.Field("blocks", row.blocks);
    list.Field("remainingTime", row.seconds);
    list.Field("action", static_cast<int>(NumberOf(row.action)));
    list.Field("ebpf", row.block.in_kernel);
    list.Field("warning", row.block.cause->warning);
    list.End();
  }
  return list.Give();
}

// A list is a table: it goes when nothing names it any more, and is empty from now on.
int FreeList(FfiCall& call) {
  if (!call.Given(1)) return 0;
  if (!call.IsTable(1)) return call.Fail("bad argument #1 (a list of dynamic blocks expected)");
  const auto last = static_cast<lua_Integer>(lua_rawlen(call.state(), 1));
  for (lua_Integer i = 0; i <= last; ++i) {
    lua_pushnil(call.state());
    lua_rawseti(call.state(), 1, i);
  }
  return 0;
}

constexpr FfiRow kRows[] = {
    {"dynamic_blocks_add", Add,
     "(address, message, action, seconds, mask, portMask [, tagName [, tagValue]])",
     "Blocks a client, or the network it is in, for a time; whether that is new or longer than "
     "before. False for an action that is none of dynamic blocks, and SetTag without tagName."},
    {"dynamic_blocks_smt_add", AddName, "(name, message, action, seconds [, tagName [, tagValue]])",
     "The same of a name and all below it."},
    {"dynamic_blocks_get_entries", Entries<true>, "([place])",
     "How many clients are blocked, and a list, from 0 on: each has key, reason, blocks (queries "
     "that met it), remainingTime (seconds), action, ebpf and warning."},
    {"dynamic_blocks_smt_get_entries", Entries<false>, "([place])", "The same of names."},
    {"dynamic_blocks_list_free", FreeList, "(list)", "Empties a list early."},
};

}  // namespace

FfiRows FfiDynBlockRows() {
  return kRows;
}

}  // namespace breakwater::lua
