// A node of the tree that the visitor of a suffix match rule sees, as Lua's StatNode.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "lua/lua_object.h"
#include "proxy/guard/dyn_block_names.h"

namespace breakwater::lua {

// Keeps the tree alive: a script may hold on to it.
struct StatNode {
  std::shared_ptr<const NameStatTree> tree;
  NameStatTree::Node node = NameStatTree::kRoot;
  NameStats sum;  // of the node and all below
  // What a visitor of the FFI kind says, for it cannot return more than whether to block.
  std::optional<std::string> reason;
  std::optional<int> action;
};
template <>
struct LuaClass<StatNode> {
  static constexpr const char* kName = "StatNode";
};
template <>
struct LuaClass<NameStats> {
  static constexpr const char* kName = "StatNodeStats";
};

// The functions dnsdist_ffi_stat_node_... for the table ffi.C of the prelude, and putting them
// there.
std::span<const FunctionRow> StatNodeFfiFunctions();
void SetStatNodeFfi(lua_State* state);

}  // namespace breakwater::lua
