// Load-balancing policies, and rules written in Lua.
#include <fmt/format.h>

#include <map>

#include "lua/bind_ffi.h"
#include "lua/ffi_rules.h"
#include "lua/lua_rules.h"
#include "lua/question_view.h"
#include "lua/registry.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"

namespace breakwater::lua {

template <>
struct LuaClass<Policy> {
  static constexpr const char* kName = "ServerPolicy";
};

namespace {

TextResult<PolicyPtr> NewPolicy(Call& call, const std::string& name,
                                const std::variant<LuaFunction, std::string>& what) {
  if (const auto* function = std::get_if<LuaFunction>(&what)) return MakeLuaPolicy(name, *function);
  return NewPerThreadPolicy(call, name, std::get<std::string>(what));
}

void SetPolicy(Call& call, const PolicyPtr& policy) {
  call.builder().Edit().policy = policy;
}
void SetPolicyLua(Call& call, const std::string& name, const LuaFunction& function) {
  call.builder().Edit().policy = MakeLuaPolicy(name, function);
}
void SetPoolPolicy(Call& call, const PolicyPtr& policy, const std::string& pool) {
  call.builder().EditPool(pool).policy = policy;
}
void SetPoolPolicyLua(Call& call, const std::string& name, const LuaFunction& function,
                      const std::string& pool) {
  call.builder().EditPool(pool).policy = MakeLuaPolicy(name, function);
}
void ShowPolicy(Call& call) {
  call.Print(call.builder().config().policy->Name() + "\n");
}
TextResult<void> ShowPoolPolicy(Call& call, const std::string& name) {
  const Pool* pool = call.builder().config().FindPool(name);
  if (pool == nullptr) return Fail(fmt::format("no pool named '{}'", name));
  const PolicyPtr& policy = pool->policy ? pool->policy : call.builder().config().policy;
  call.Print(policy->Name() + "\n");
  return {};
}

std::string PolicyName(const Policy& policy) {
  return policy.Name();
}
bool PolicyIsLua(const Policy& policy) {
  return policy.IsLua();
}
bool PolicyIsFfi(const Policy& policy) {
  return IsFfiPolicy(policy);
}
std::string Text(const Policy& policy) {
  return fmt::format("ServerPolicy {}\"{}\"", policy.IsLua() ? "(Lua) " : "", policy.Name());
}

// The servers that a policy is to choose among: the values of a table, in the order of their keys,
// which may have gaps.
struct ServersArg {
  std::vector<BackendPtr> servers;
};

}  // namespace

template <>
struct Reader<ServersArg> {
  static constexpr const char* kExpected = "table of servers";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<ServersArg> Read(Call& call, int index) {
    if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
    std::map<int64_t, BackendPtr> by_key;
    lua_pushnil(call.state());
    while (lua_next(call.state(), index) != 0) {
      const int top = lua_gettop(call.state());
      const auto key = ToInteger(call.state(), top - 1);
      const Box* const box = BoxAt(call.state(), top, LuaClass<Backend>::kName);
      if (!key || box == nullptr) {
        lua_settop(call.state(), top - 2);
        return Fail(TypeError(call, index, kExpected));
      }
      by_key[*key] = std::static_pointer_cast<Backend>(box->object);
      lua_settop(call.state(), top - 1);
    }
    ServersArg result;
    for (auto& [key, server] : by_key) result.servers.push_back(std::move(server));
    return result;
  }
};

namespace {

// Runs with the object of the policy as second upvalue.
BackendPtr ChooseByPolicy(Call& call, const ServersArg& list, const QuestionView& view) {
  const Box* const box = BoxAt(call.state(), lua_upvalueindex(2), LuaClass<Policy>::kName);
  if (box == nullptr) return nullptr;
  const auto policy = std::static_pointer_cast<const Policy>(box->object);
  PolicyContext context{*view.query, call.runtime().clock().Now(), call.runtime().random()};
  return policy->Choose(list.servers, context);
}
constexpr FunctionRow kChoose = {"ServerPolicy.policy", Bind<&ChooseByPolicy>,
                                 "policy(servers, dq)", "", Scope::kAnywhere};

// The function of a policy in Lua itself: it runs within the call that uses it, and within the
// budget of that.
Pushed PolicyFunction(Call& call, const Policy& policy) {
  const LuaFunction* const function = FunctionOfPolicy(policy);
  if (function != nullptr) {
    function->Push(call.state());
  } else if (IsFfiPolicy(policy)) {
    lua_pushnil(call.state());
  } else {
    lua_pushvalue(call.state(), 1);
    PushFunctionWith(call.state(), kChoose);
  }
  return {1};
}

constexpr FunctionRow kMethods[] = {
    {"toString", Bind<&Text>, "ServerPolicy:toString() -> string", "What it is, and its name.",
     Scope::kAnywhere},
};
constexpr AttributeRow kAttributes[] = {
    {"name", Bind<&PolicyName>, nullptr, "Its name."},
    {"isLua", Bind<&PolicyIsLua>, nullptr, "Whether a Lua function chooses."},
    {"isFFI", Bind<&PolicyIsFfi>, nullptr, "Whether that function uses ffi.C."},
    {"policy", Bind<&PolicyFunction>, nullptr,
     "function(servers, dq), which chooses as the policy does: for a policy in Lua that leaves "
     "part "
     "of the work to this one. It returns a server, or nil; that of a policy in Lua what its "
     "function returns. Nil where isFFI is true."},
};
const ClassRow kClass = {
    "ServerPolicy", kMethods,
    kAttributes,    [](const void* object) { return Text(*static_cast<const Policy*>(object)); },
    nullptr,        nullptr,
    nullptr,        "Chooses among the servers of a pool."};

constexpr const char* kGlobals[] = {"leastOutstanding", "firstAvailable", "wrandom",
                                    "whashed",          "chashed",        "roundrobin",
                                    "orderedWrandUntag"};

constexpr FunctionRow kFunctions[] = {
    {"LuaAction", Bind<&MakeLuaAction>, "LuaAction(function) -> DNSAction",
     "Does what the function says: it gets dq, and returns one of DNSAction and a text."},
    {"LuaResponseAction", Bind<&MakeLuaResponseAction>,
     "LuaResponseAction(function) -> DNSResponseAction",
     "Does what the function says: it gets dr, and returns one of DNSResponseAction."},
    {"LuaRule", Bind<&MakeLuaSelector>, "LuaRule(function) -> DNSRule",
     "Matches where the function, which gets dq, returns true."},
    {"newServerPolicy", Bind<&NewPolicy>, "newServerPolicy(name, function | code) -> ServerPolicy",
     "A policy in Lua: function(servers, dq) returns the number of a server. Of code the kind that "
     "setServerPolicyLuaFFIPerThread() sets."},
    {"setPoolServerPolicy", Bind<&SetPoolPolicy>, "setPoolServerPolicy(policy, pool)",
     "Gives a pool a policy of its own."},
    {"setPoolServerPolicyLua", Bind<&SetPoolPolicyLua>,
     "setPoolServerPolicyLua(name, function, pool)", "Gives a pool a policy in Lua."},
    {"setServerPolicy", Bind<&SetPolicy>, "setServerPolicy(policy)",
     "Sets the policy of pools that have none of their own."},
    {"setServerPolicyLua", Bind<&SetPolicyLua>, "setServerPolicyLua(name, function)",
     "Sets a policy in Lua for pools that have none of their own."},
    {"showPoolServerPolicy", Bind<&ShowPoolPolicy>, "showPoolServerPolicy(pool)",
     "Prints the policy of a pool."},
    {"showServerPolicy", Bind<&ShowPolicy>, "showServerPolicy()",
     "Prints the policy of pools that have none of their own."},
};

}  // namespace

const ClassRow& PolicyClass() {
  return kClass;
}
FunctionPage PolicyFunctions() {
  return kFunctions;
}

void SetPolicyGlobals(lua_State* state) {
  const PolicySettings& settings = LuaState::RuntimeOf(state)->builder().config().settings.policies;
  for (const char* name : kGlobals) {
    PushObject(state, MakePolicy(name, settings));
    lua_setglobal(state, name);
  }
}

void RenewPolicyGlobals(lua_State* state) {
  const PolicySettings& settings = LuaState::RuntimeOf(state)->builder().config().settings.policies;
  for (const char* name : kGlobals) {
    lua_getglobal(state, name);
    Box* const box = BoxAt(state, -1, LuaClass<Policy>::kName);
    if (box != nullptr && static_cast<const Policy*>(box->object.get())->Name() == name) {
      box->object = std::const_pointer_cast<Policy>(MakePolicy(name, settings));
    }
    lua_pop(state, 1);
  }
}

}  // namespace breakwater::lua
