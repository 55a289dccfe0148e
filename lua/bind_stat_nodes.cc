// StatNode, StatNodeStats, and the same as functions of the table ffi.C.
#include "lua/script_bindings.h"
#include "lua/stat_node.h"

namespace breakwater::lua {
namespace {

// "www.example.com.", as seen first; empty for the root.
std::string FullName(const StatNode& node) {
  return node.node == NameStatTree::kRoot ? std::string() : node.tree->NameOf(node.node).ToString();
}
size_t Labels(const StatNode& node) {
  return node.tree->LabelsOf(node.node);
}
size_t Children(const StatNode& node) {
  return node.tree->ChildrenOf(node.node);
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr AttributeRow kNodeAttributes[] = {
    {"fullname", Bind<&FullName>, nullptr, "The name, with a dot at its end; empty: the root."},
    {"labelsCount", Bind<&Labels>, nullptr, "The labels of the name."},
};
constexpr FunctionRow kNodeMethods[] = {
    {"numChildren", Bind<&Children>, "StatNode:numChildren() -> int",
     "The names with one label more.", kAny},
};
const ClassRow kNodeClass = {"StatNode",
                             kNodeMethods,
                             kNodeAttributes,
                             [](const void* object) { return FullName(*static_cast<const StatNode*>(object)); },
                             nullptr,
                             nullptr,
                             nullptr,
                             "A name in the statistics that a suffix match rule looks at."};

template <auto Member>
uint64_t Own(const NameStats& stats) {
  return stats.*Member;
}
constexpr AttributeRow kStatsAttributes[] = {
    {"bytes", Bind<&Own<&NameStats::bytes>>, nullptr, "Octets of answers."},
    {"drops", Bind<&Own<&NameStats::drops>>, nullptr, "Queries that got no answer in time."},
    {"hits", Bind<&Own<&NameStats::hits>>, nullptr, "Answers from the cache, or our own."},
    {"noerrors", Bind<&Own<&NameStats::noerrors>>, nullptr, "Answers without an error."},
    {"nxdomains", Bind<&Own<&NameStats::nxdomains>>, nullptr, "NXDOMAIN answers."},
    {"queries", Bind<&Own<&NameStats::queries>>, nullptr, "All of them."},
    {"servfails", Bind<&Own<&NameStats::servfails>>, nullptr, "SERVFAIL answers."},
};
const ClassRow kStatsClass = {
    "StatNodeStats", {},      kStatsAttributes, nullptr,
    nullptr,         nullptr, nullptr,          "Numbers of a name, or of it and all below."};

template <auto Member>
uint64_t OwnOf(const StatNode& node) {
  return node.tree->StatsOf(node.node).*Member;
}
template <auto Member>
uint64_t SumOf(const StatNode& node) {
  return node.sum.*Member;
}
void SetReason(StatNode& node, const std::string& reason, std::optional<size_t> size) {
  node.reason = reason.substr(0, size.value_or(reason.size()));
}
void SetAction(StatNode& node, int action) {
  node.action = action;
}

#define BW_STAT(name, member)                                                                     \
  {"dnsdist_ffi_stat_node_get_" name, Bind<&OwnOf<&NameStats::member>>,                           \
   "dnsdist_ffi_stat_node_get_" name "(node) -> int", "As in StatNodeStats, of the name.", kAny}, \
  {                                                                                               \
    "dnsdist_ffi_stat_node_get_children_" name, Bind<&SumOf<&NameStats::member>>,                 \
        "dnsdist_ffi_stat_node_get_children_" name "(node) -> int",                               \
        "The same of the name and all below.", kAny                                               \
  }
constexpr FunctionRow kFfi[] = {
    BW_STAT("queries_count", queries),
    BW_STAT("noerrors_count", noerrors),
    BW_STAT("nxdomains_count", nxdomains),
    BW_STAT("servfails_count", servfails),
    BW_STAT("drops_count", drops),
    BW_STAT("bytes_count", bytes),
    BW_STAT("hits", hits),
    {"dnsdist_ffi_stat_node_get_bytes", Bind<&OwnOf<&NameStats::bytes>>,
     "dnsdist_ffi_stat_node_get_bytes(node) -> int", "Octets of answers of the name.", kAny},
    {"dnsdist_ffi_stat_node_get_labels_count", Bind<&Labels>,
     "dnsdist_ffi_stat_node_get_labels_count(node) -> int", "The labels of the name.", kAny},
    {"dnsdist_ffi_stat_node_get_children_count", Bind<&Children>,
     "dnsdist_ffi_stat_node_get_children_count(node) -> int", "The names with one label more.",
     kAny},
    {"dnsdist_ffi_stat_node_get_full_name_raw", Bind<&FullName>,
     "dnsdist_ffi_stat_node_get_full_name_raw(node) -> string", "The name.", kAny},
    {"dnsdist_ffi_state_node_set_reason", Bind<&SetReason>,
     "dnsdist_ffi_state_node_set_reason(node, reason [, size])", "Why it is blocked.", kAny},
    {"dnsdist_ffi_state_node_set_action", Bind<&SetAction>,
     "dnsdist_ffi_state_node_set_action(node, action)", "What the block does.", kAny},
    // As the others are called, though dnsdist does not call these so.
    {"dnsdist_ffi_stat_node_set_reason", Bind<&SetReason>,
     "dnsdist_ffi_stat_node_set_reason(node, reason [, size])", "The same.", kAny},
    {"dnsdist_ffi_stat_node_set_action", Bind<&SetAction>,
     "dnsdist_ffi_stat_node_set_action(node, action)", "The same.", kAny},
};
#undef BW_STAT

}  // namespace

FunctionPage StatNodeFfiFunctions() {
  return kFfi;
}

void SetStatNodeFfi(lua_State* state) {
  const int top = lua_gettop(state);
  lua_getfield(state, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(state, -1, "ffi");
  lua_getfield(state, -1, "C");
  for (const FunctionRow& row : kFfi) {
    lua_pushstring(state, row.name);
    PushFunction(state, row);
    lua_rawset(state, -3);
  }
  lua_settop(state, top);
}

const ClassRow& StatNodeClass() {
  return kNodeClass;
}
const ClassRow& StatNodeStatsClass() {
  return kStatsClass;
}

}  // namespace breakwater::lua
