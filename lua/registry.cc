#include "lua/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "lua/console_changes.h"
#include "lua/ffi_call.h"
#include "lua/script_bindings.h"
#include "lua/stat_node.h"

namespace breakwater::lua {
namespace {

struct ApiName {
  ApiKind kind;
  std::string_view class_name;
  std::string_view name;
};

namespace kinds {
constexpr ApiKind function = ApiKind::kFunction;
constexpr ApiKind method = ApiKind::kMethod;
constexpr ApiKind attribute = ApiKind::kAttribute;
}  // namespace kinds

// `class` is no identifier, so the kind is taken from its text.
constexpr ApiKind KindOf(std::string_view text) {
  if (text == "class") return ApiKind::kClass;
  if (text == "method") return kinds::method;
  return text == "attribute" ? kinds::attribute : kinds::function;
}

constexpr ApiName kApiNames[] = {
#define BW_API(kind, class_name, name) {KindOf(#kind), class_name, name},
#include "lua/api_names.inc"
#undef BW_API
};

struct MissingName {
  std::string_view name;
  std::string_view reason;
};

constexpr MissingName kMissingNames[] = {
#define BW_MISSING(name, reason) {name, reason},
#include "lua/missing_names.inc"
#undef BW_MISSING
};

// Whether a console line that calls it is to be kept for delta(). What is told so is what names
// begin with, so that a new function needs no mark of its own.
bool ChangesSomething(std::string_view name) {
  static constexpr std::string_view kVerbs[] = {
      "add",    "clear", "declare",  "exclude",  "expunge", "flush",  "include",
      "load",   "mv",    "purge",    "register", "reload",  "remove", "rm",
      "rotate", "set",   "shutdown", "undo",     "unset",   "use"};
  return std::any_of(std::begin(kVerbs), std::end(kVerbs),
                     [name](std::string_view verb) { return name.starts_with(verb); }) &&
         name != "flushStatus" && name != "clearConsoleHistory";
}

// Pushes the error and gives -1, so that the caller raises it with nothing alive.
int CallRow(lua_State* state, const FunctionRow& row) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  Runtime* const runtime = LuaState::RuntimeOf(state);
  Call call(state, *runtime, row);
  if (row.scope == Scope::kConfigOnly && runtime->AtRunTime()) {
    runtime->Print(fmt::format("{} cannot be used at runtime!\n", row.name));
    return 0;
  }
  TextResult<int> result =
      row.scope != Scope::kAnywhere && runtime->place() == Place::kPacket
          ? TextResult<int>(Fail(std::string("cannot be called while a packet is handled")))
          : row.function(call);
  if (result && runtime->place() == Place::kScript && ChangesSomething(row.name)) {
    NoteChange(state);
  }
  if (result) return *result;
  Push(state, fmt::format("{}{}: {}", call.Where(), row.name, result.error()));
  return -1;
}

int Trampoline(lua_State* state) {
  const auto& row = *static_cast<const FunctionRow*>(lua_touserdata(state, lua_upvalueindex(1)));
  const int results = CallRow(state, row);
  return results < 0 ? lua_error(state) : results;
}

int PushUnavailableError(lua_State* state) {
  const char* const name = lua_tostring(state, lua_upvalueindex(1));
  Push(state, fmt::format("{}{}", WhereOf(state), UnavailableText(name)));
  return 1;
}

int RaiseUnavailable(lua_State* state) {
  PushUnavailableError(state);
  return lua_error(state);
}

}  // namespace

void PushFunction(lua_State* state, const FunctionRow& row) {
  lua_pushlightuserdata(state, const_cast<FunctionRow*>(&row));
  lua_pushcclosure(state, Trampoline, 1);
}

void PushFunctionWith(lua_State* state, const FunctionRow& row) {
  lua_pushlightuserdata(state, const_cast<FunctionRow*>(&row));
  lua_insert(state, -2);
  lua_pushcclosure(state, Trampoline, 2);
}

void Push(lua_State* state, bool value) {
  lua_pushboolean(state, value ? 1 : 0);
}

void Push(lua_State* state, double value) {
  lua_pushnumber(state, value);
}

void Push(lua_State* state, std::string_view value) {
  lua_pushlstring(state, value.data(), value.size());
}

void PushTimespec(lua_State* state, int64_t nanoseconds) {
  lua_createtable(state, 0, 2);
  Push(state, nanoseconds / 1'000'000'000);
  lua_setfield(state, -2, "tv_sec");
  Push(state, nanoseconds % 1'000'000'000);
  lua_setfield(state, -2, "tv_nsec");
}

ApiKind FindApiName(std::string_view class_name, std::string_view name) {
  for (const ApiName& row : kApiNames) {
    if (row.name == name && row.class_name == class_name) return row.kind;
  }
  // A DNSResponse is a DNSQuestion with more to it.
  return class_name == "DNSResponse" ? FindApiName("DNSQuestion", name) : ApiKind::kNone;
}

void ForEachApiName(const std::function<void(ApiKind, std::string_view, std::string_view)>& visit) {
  for (const ApiName& row : kApiNames) visit(row.kind, row.class_name, row.name);
}

std::string UnavailableText(std::string_view name) {
  std::string text = fmt::format("{} is not available yet", name);
  for (const MissingName& row : kMissingNames) {
    if (row.name == name) text += fmt::format(": {}", row.reason);
  }
  return text;
}

void PushUnavailable(lua_State* state, const std::string& name) {
  Push(state, name);
  lua_pushcclosure(state, RaiseUnavailable, 1);
}

void RegisterInterface(lua_State* state) {
  for (const ApiName& row : kApiNames) {
    if (row.kind != ApiKind::kFunction) continue;
    PushUnavailable(state, std::string(row.name));
    lua_setglobal(state, std::string(row.name).c_str());
  }
  for (const MissingName& row : kMissingNames) {
    PushUnavailable(state, std::string(row.name));
    lua_setglobal(state, std::string(row.name).c_str());
  }
  ForEachClass([&](const ClassRow& row) { DefineClass(state, row); });
  ForEachFunction([&](const FunctionRow& row) {
    PushFunction(state, row);
    lua_setglobal(state, row.name);
  });
  SetConstants(state);
  SetPolicyGlobals(state);
  Runtime& runtime = *LuaState::RuntimeOf(state);
  const Settings& settings = runtime.builder().config().settings;
  InstallFfi(state, {*settings.custom_metrics, *settings.suspended, runtime.weak_from_this()});
  SetStatNodeFfi(state);
  // maintenance() is the configuration's to define: no function of ours stands in its place.
  for (const char* name : {"maintenance", "threadmessage"}) {
    lua_pushnil(state);
    lua_setglobal(state, name);
  }
}

void RegisterHelpers(lua_State* state) {
  for (const ClassRow* row :
       {&NameClass(), &NameSetClass(), &SuffixMatchNodeClass(), &AddressClass(), &NetmaskClass(),
        &NetmaskGroupClass(), &HeaderClass(), &PacketOverlayClass(), &PacketRecordClass()}) {
    DefineClass(state, *row);
  }
  for (const FunctionPage& page : {NameFunctions(), AddressFunctions(), PacketFunctions()}) {
    for (const FunctionRow& row : page) {
      PushFunction(state, row);
      lua_setglobal(state, row.name);
    }
  }
}

void ForEachFunction(const std::function<void(const FunctionRow&)>& visit) {
  for (const auto& page : FunctionPages()) {
    for (const FunctionRow& row : page) visit(row);
  }
}

void ForEachClass(const std::function<void(const ClassRow&)>& visit) {
  for (const ClassRow* row : Classes()) visit(*row);
}

const FunctionRow* FindFunction(std::string_view name) {
  const FunctionRow* found = nullptr;
  ForEachFunction([&](const FunctionRow& row) {
    if (row.name == name) found = &row;
  });
  return found;
}

const ClassRow* FindClass(std::string_view name) {
  for (const ClassRow* row : Classes()) {
    if (row->name == name) return row;
  }
  return nullptr;
}

}  // namespace breakwater::lua
