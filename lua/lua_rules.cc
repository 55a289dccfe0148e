#include "lua/lua_rules.h"

#include <fmt/format.h>

#include <functional>

#include "lua/bindings.h"
#include "lua/dns_actions.h"
#include "lua/ffi_call.h"
#include "lua/kept_text.h"
#include "lua/lua_rules_outcome.h"
#include "lua/packet_call.h"
#include "lua/question_view.h"
#include "lua/trial_run.h"

namespace breakwater::lua {
namespace {

// Calls the function with a view of the query; `take` reads its results from `first` on.
template <typename View>
CallEnd CallWithView(const LuaFunction& function, const char* what, const ViewGuard<View>& guard,
                     const std::function<TextResult<void>(lua_State*, int first)>& take) {
  return CallForPacket(function,
                       {.what = what,
                        .arguments = 1,
                        .results = 2,
                        .push = [&](lua_State* state) { PushObject(state, guard.view()); },
                        .take = take});
}

class LuaSelector final : public Selector {
 public:
  explicit LuaSelector(LuaFunction function) : function_(std::move(function)) {}

  bool Matches(const Query& query, RuleContext& context) const override {
    RuleContext own = context;
    own.suspender = nullptr;  // a selector only looks
    const ViewGuard<QuestionView> guard(const_cast<Query&>(query), &own);
    bool matches = false;
    CallWithView<QuestionView>(function_, "a LuaRule", guard, [&](lua_State* state, int first) {
      matches = lua_toboolean(state, first) != 0;
      return TextResult<void>();
    });
    return matches;
  }
  std::optional<bool> Peek(const Query&, RuleContext&) const override { return std::nullopt; }
  std::string ToString() const override { return "Lua script"; }

 private:
  LuaFunction function_;
};

// The number and, perhaps, the text that a Lua action returned.
TextResult<void> TakeOutcome(lua_State* state, int first, LuaOutcome* outcome) {
  int is_integer = 0;
  outcome->code = static_cast<int>(lua_tointegerx(state, first, &is_integer));
  if (is_integer == 0) {
    return Fail(fmt::format("it returned a {} instead of an action", luaL_typename(state, first)));
  }
  if (lua_type(state, first + 1) == LUA_TSTRING || lua_type(state, first + 1) == LUA_TNUMBER) {
    outcome->text = PlainText(state, first + 1);
  }
  return {};
}

class LuaActionRule final : public Action {
 public:
  LuaActionRule(LuaFunction function, OnExceedSetting on_exceed)
      : function_(std::move(function)), on_exceed_(std::move(on_exceed)) {}

  Flow Apply(Query& query, RuleContext& context) const override {
    LuaOutcome outcome;
    {
      const ViewGuard<QuestionView> guard(query, &context);
      const CallEnd end = CallWithView<QuestionView>(
          function_, "a LuaAction", guard,
          [&](lua_State* state, int first) { return TakeOutcome(state, first, &outcome); });
      if (end != CallEnd::kDone) outcome = Fallback(end, on_exceed_->load());
    }
    return ApplyOutcome(query, context, outcome);
  }
  std::optional<Flow> Foresee(Query&, RuleContext&) const override { return std::nullopt; }
  std::string ToString() const override { return "Lua script"; }

 private:
  LuaFunction function_;
  OnExceedSetting on_exceed_;
};

class LuaResponseActionRule final : public ResponseAction {
 public:
  LuaResponseActionRule(LuaFunction function, OnExceedSetting on_exceed)
      : function_(std::move(function)), on_exceed_(std::move(on_exceed)) {}

  Flow Apply(Query& query, RuleContext& context) const override {
    LuaOutcome outcome;
    {
      const ViewGuard<ResponseView> guard(query, &context);
      const CallEnd end = CallWithView<ResponseView>(
          function_, "a LuaResponseAction", guard,
          [&](lua_State* state, int first) { return TakeOutcome(state, first, &outcome); });
      if (end != CallEnd::kDone) outcome = ResponseFallback(end, on_exceed_->load());
    }
    return ApplyResponseOutcome(query, context, outcome);
  }
  std::string ToString() const override { return "Lua response script"; }

 private:
  LuaFunction function_;
  OnExceedSetting on_exceed_;
};

class LuaPolicy final : public Policy {
 public:
  LuaPolicy(std::string name, LuaFunction function)
      : name_(std::move(name)),
        what_(KeptText("the policy " + name_)),
        function_(std::move(function)) {}

  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    BackendPtr chosen;
    const ViewGuard<QuestionView> guard(const_cast<Query&>(context.query), nullptr);
    const auto push = [&](lua_State* state) {
      Push(state, std::vector<BackendPtr>(servers.begin(), servers.end()));
      PushObject(state, guard.view());
    };
    const auto take = [&](lua_State* state, int first) {
      chosen = Chosen(state, first, servers);
      return TextResult<void>();
    };
    CallForPacket(function_,
                  {.what = what_, .arguments = 2, .results = 1, .push = push, .take = take});
    return chosen;
  }
  std::string Name() const override { return name_; }
  bool IsLua() const override { return true; }
  const LuaFunction& function() const { return function_; }

 private:
  // An index from 1 on; a server itself in files of before 2.1.
  static BackendPtr Chosen(lua_State* state, int index, std::span<const BackendPtr> servers) {
    if (const Box* box = BoxAt(state, index, LuaClass<Backend>::kName)) {
      return std::static_pointer_cast<Backend>(box->object);
    }
    const auto number = ToInteger(state, index);
    if (!number || *number < 1 || *number > static_cast<int64_t>(servers.size())) return nullptr;
    return servers[static_cast<size_t>(*number - 1)];
  }

  std::string name_;
  const char* const what_;
  LuaFunction function_;
};

}  // namespace

SelectorPtr MakeLuaSelector(const LuaFunction& function) {
  auto selector = std::make_shared<LuaSelector>(function);
  AddTrial(function,
           [selector](Trial& trial) { selector->Matches(trial.query(), trial.context()); });
  return selector;
}
ActionPtr MakeLuaAction(Call& call, const LuaFunction& function) {
  auto action = std::make_shared<LuaActionRule>(function, FfiContextOf(call.state()).on_exceed);
  AddTrial(function, [action](Trial& trial) { action->Apply(trial.query(), trial.context()); });
  return action;
}
ResponseActionPtr MakeLuaResponseAction(Call& call, const LuaFunction& function) {
  auto action =
      std::make_shared<LuaResponseActionRule>(function, FfiContextOf(call.state()).on_exceed);
  AddTrial(function, [action](Trial& trial) { action->Apply(trial.answer(), trial.context()); });
  return action;
}
PolicyPtr MakeLuaPolicy(std::string name, const LuaFunction& function) {
  auto policy = std::make_shared<LuaPolicy>(std::move(name), function);
  AddTrial(function, [policy](Trial& trial) {
    PolicyContext context{trial.query(), trial.context().now, trial.context().random};
    policy->Choose(trial.servers(), context);
  });
  return policy;
}
const LuaFunction* FunctionOfPolicy(const Policy& policy) {
  const auto* const own = dynamic_cast<const LuaPolicy*>(&policy);
  return own == nullptr ? nullptr : &own->function();
}

}  // namespace breakwater::lua
