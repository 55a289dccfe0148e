// Load-balancing policies, and rules written in Lua.
#include <fmt/format.h>

#include "lua/bind_ffi.h"
#include "lua/lua_rules.h"
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

constexpr AttributeRow kAttributes[] = {
    {"name", Bind<&PolicyName>, nullptr, "Its name."},
    {"isLua", Bind<&PolicyIsLua>, nullptr, "Whether a Lua function chooses."},
};
const ClassRow kClass = {
    "ServerPolicy", {},
    kAttributes,    [](const void* object) { return static_cast<const Policy*>(object)->Name(); },
    nullptr,        nullptr,
    nullptr,        "Chooses among the servers of a pool."};

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
  for (const char* name : {"leastOutstanding", "firstAvailable", "wrandom", "whashed", "chashed",
                           "roundrobin", "orderedWrandUntag"}) {
    PushObject(state, MakePolicy(name, settings));
    lua_setglobal(state, name);
  }
}

}  // namespace breakwater::lua
