// Rules and policies that use the table ffi.C, in the guarded state or in each worker's own.
#include "lua/bind_ffi.h"
#include "lua/ffi_rules.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"
#include "lua/trial_run.h"

namespace breakwater::lua {
namespace {

void TryOut(Call& call, std::function<void(Trial&)> trial) {
  if (call.runtime().options().check) call.runtime().trials().push_back(std::move(trial));
}

SelectorPtr RuleOf(Call& call, FfiCalleePtr callee) {
  SelectorPtr rule = MakeFfiSelector(std::move(callee));
  TryOut(call, [rule](Trial& trial) { rule->Matches(trial.query(), trial.context()); });
  return rule;
}
ActionPtr ActionOf(Call& call, FfiCalleePtr callee) {
  ActionPtr action = MakeFfiAction(std::move(callee));
  TryOut(call, [action](Trial& trial) { action->Apply(trial.query(), trial.context()); });
  return action;
}
ResponseActionPtr ResponseActionOf(Call& call, FfiCalleePtr callee) {
  ResponseActionPtr action = MakeFfiResponseAction(std::move(callee));
  TryOut(call, [action](Trial& trial) { action->Apply(trial.answer(), trial.context()); });
  return action;
}
PolicyPtr PolicyOf(Call& call, const std::string& name, FfiCalleePtr callee) {
  PolicyPtr policy = MakeFfiPolicy(name, std::move(callee));
  TryOut(call, [policy](Trial& trial) {
    PolicyContext context{trial.query(), trial.context().now, trial.context().random};
    policy->Choose(trial.servers(), context);
  });
  return policy;
}

FfiCalleePtr Guarded(Call& call, const LuaFunction& function) {
  return MakeGuardedCallee(call, function);
}

SelectorPtr Rule(Call& call, const LuaFunction& function) {
  return RuleOf(call, Guarded(call, function));
}
ActionPtr FfiAction(Call& call, const LuaFunction& function) {
  return ActionOf(call, Guarded(call, function));
}
ResponseActionPtr FfiResponseAction(Call& call, const LuaFunction& function) {
  return ResponseActionOf(call, Guarded(call, function));
}

template <auto Make>
auto FromCode(Call& call, const std::string& code)
    -> TextResult<decltype(Make(call, FfiCalleePtr()))> {
  auto callee = MakePerThreadCallee(call, code);
  if (!callee) return Fail(std::move(callee.error()));
  return Make(call, std::move(*callee));
}

void SetPolicy(Call& call, const std::string& name, const LuaFunction& function) {
  call.builder().Edit().policy = PolicyOf(call, name, Guarded(call, function));
}
void SetPoolPolicy(Call& call, const std::string& name, const LuaFunction& function,
                   const std::string& pool) {
  call.builder().EditPool(pool).policy = PolicyOf(call, name, Guarded(call, function));
}
TextResult<void> SetPolicyPerThread(Call& call, const std::string& name, const std::string& code) {
  auto policy = NewPerThreadPolicy(call, name, code);
  if (!policy) return Fail(std::move(policy.error()));
  call.builder().Edit().policy = std::move(*policy);
  return {};
}
TextResult<void> SetPoolPolicyPerThread(Call& call, const std::string& name,
                                        const std::string& code, const std::string& pool) {
  auto policy = NewPerThreadPolicy(call, name, code);
  if (!policy) return Fail(std::move(policy.error()));
  call.builder().EditPool(pool).policy = std::move(*policy);
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"LuaFFIAction", Bind<&FfiAction>, "LuaFFIAction(function) -> DNSAction",
     "As LuaAction; dq is what the functions of ffi.C take."},
    {"LuaFFIPerThreadAction", Bind<&FromCode<&ActionOf>>,
     "LuaFFIPerThreadAction(code) -> DNSAction",
     "The same of code that returns the function; each worker runs it by itself, without a lock."},
    {"LuaFFIPerThreadResponseAction", Bind<&FromCode<&ResponseActionOf>>,
     "LuaFFIPerThreadResponseAction(code) -> DNSResponseAction",
     "As LuaFFIResponseAction, of code that each worker runs by itself."},
    {"LuaFFIPerThreadRule", Bind<&FromCode<&RuleOf>>, "LuaFFIPerThreadRule(code) -> DNSRule",
     "As LuaFFIRule, of code that each worker runs by itself."},
    {"LuaFFIResponseAction", Bind<&FfiResponseAction>,
     "LuaFFIResponseAction(function) -> DNSResponseAction",
     "As LuaResponseAction; dr is what the functions of ffi.C take."},
    {"LuaFFIRule", Bind<&Rule>, "LuaFFIRule(function) -> DNSRule",
     "As LuaRule; dq is what the functions of ffi.C take."},
    {"setPoolServerPolicyLuaFFI", Bind<&SetPoolPolicy>,
     "setPoolServerPolicyLuaFFI(name, function, pool)",
     "Gives a pool a policy that uses ffi.C: it returns the number of a server, from 0 on."},
    {"setPoolServerPolicyLuaFFIPerThread", Bind<&SetPoolPolicyPerThread>,
     "setPoolServerPolicyLuaFFIPerThread(name, code, pool)",
     "The same of code that each worker runs by itself."},
    {"setServerPolicyLuaFFI", Bind<&SetPolicy>, "setServerPolicyLuaFFI(name, function)",
     "A policy that uses ffi.C, for pools that have none of their own: function(servers, dq) "
     "returns "
     "the number of a server, from 0 on; any other number is none."},
    {"setServerPolicyLuaFFIPerThread", Bind<&SetPolicyPerThread>,
     "setServerPolicyLuaFFIPerThread(name, code)",
     "The same of code that each worker runs by itself."},
};

}  // namespace

TextResult<PolicyPtr> NewPerThreadPolicy(Call& call, const std::string& name,
                                         const std::string& code) {
  auto callee = MakePerThreadCallee(call, code);
  if (!callee) return Fail(std::move(callee.error()));
  return PolicyOf(call, name, std::move(*callee));
}

FunctionPage FfiFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
