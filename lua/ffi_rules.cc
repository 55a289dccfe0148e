#include "lua/ffi_rules.h"

#include <fmt/format.h>

#include "lua/kept_text.h"
#include "lua/lua_function.h"
#include "lua/per_thread_code.h"
#include "proxy/base/activity.h"

namespace breakwater::lua {
namespace {

class GuardedCallee final : public FfiCallee {
 public:
  GuardedCallee(Call& call, LuaFunction function)
      : function_(std::move(function)),
        on_exceed_(FfiContextOf(call.state()).on_exceed),
        what_(KeptText(fmt::format("a function of {}()", call.row().name))) {}

  CallEnd Run(FfiFrame& frame, FfiAnswer* answer) const override {
    const auto runtime = function_.runtime();
    if (!runtime) return CallEnd::kFailed;
    const ConfigPtr config = runtime->published();
    const Settings& published = config ? config->settings : DefaultSettings();
    FfiSettings settings(published);
    settings.limits = runtime->limits(published);
    Entry entry(*runtime, settings.lock_timeout_ms);
    if (!entry.entered()) {
      runtime->CountLockTimeout();
      return CallEnd::kFailed;
    }
    const ActivityScope doing(what_);
    function_.Push(entry.state());
    LimitedCall call;
    auto done = RunFfi(entry.state(), frame, settings, call);
    if (done) {
      *answer = *done;
      return CallEnd::kDone;
    }
    runtime->CountFailure(call, what_, done.error());
    return call.stopped ? CallEnd::kStopped : CallEnd::kFailed;
  }
  LuaOnExceed on_exceed() const override { return on_exceed_->load(); }

 private:
  LuaFunction function_;
  OnExceedSetting on_exceed_;
  const char* const what_;
};

FfiFrame FrameOf(Query& query, RuleContext& context) {
  FfiFrame frame;
  frame.query = &query;
  frame.context = &context;
  frame.now = context.now;
  return frame;
}

class FfiSelector final : public Selector {
 public:
  explicit FfiSelector(FfiCalleePtr callee) : callee_(std::move(callee)) {}

  bool Matches(const Query& query, RuleContext& context) const override {
    RuleContext own = context;
    own.suspender = nullptr;  // a selector only looks
    FfiFrame frame = FrameOf(const_cast<Query&>(query), own);
    frame.want = FfiWant::kTruth;
    FfiAnswer answer;
    return callee_->Run(frame, &answer) == CallEnd::kDone && answer.truth;
  }
  std::optional<bool> Peek(const Query&, RuleContext&) const override { return std::nullopt; }
  std::string ToString() const override { return "Lua FFI script"; }

 private:
  FfiCalleePtr callee_;
};

class FfiAction final : public Action {
 public:
  explicit FfiAction(FfiCalleePtr callee) : callee_(std::move(callee)) {}

  Flow Apply(Query& query, RuleContext& context) const override {
    FfiFrame frame = FrameOf(query, context);
    FfiAnswer answer;
    const CallEnd end = callee_->Run(frame, &answer);
    if (end != CallEnd::kDone) {
      return ApplyOutcome(query, context, Fallback(end, callee_->on_exceed()));
    }
    return ApplyOutcome(query, context, {static_cast<int>(answer.number), std::move(frame.result)});
  }
  std::optional<Flow> Foresee(Query&, RuleContext&) const override { return std::nullopt; }
  std::string ToString() const override { return "Lua FFI script"; }

 private:
  FfiCalleePtr callee_;
};

class FfiResponseAction final : public ResponseAction {
 public:
  explicit FfiResponseAction(FfiCalleePtr callee) : callee_(std::move(callee)) {}

  Flow Apply(Query& query, RuleContext& context) const override {
    FfiFrame frame = FrameOf(query, context);
    frame.is_answer = true;
    FfiAnswer answer;
    const CallEnd end = callee_->Run(frame, &answer);
    if (end != CallEnd::kDone) {
      return ApplyResponseOutcome(query, context, ResponseFallback(end, callee_->on_exceed()));
    }
    return ApplyResponseOutcome(query, context,
                                {static_cast<int>(answer.number), std::move(frame.result)});
  }
  std::string ToString() const override { return "Lua FFI script"; }

 private:
  FfiCalleePtr callee_;
};

class FfiPolicy final : public Policy {
 public:
  FfiPolicy(std::string name, FfiCalleePtr callee)
      : name_(std::move(name)), callee_(std::move(callee)) {}

  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    FfiFrame frame;
    frame.query = const_cast<Query*>(&context.query);
    frame.now = context.now;
    frame.servers = servers;
    frame.is_policy = true;
    FfiAnswer answer;
    if (callee_->Run(frame, &answer) != CallEnd::kDone) return nullptr;
    if (answer.number < 0 || answer.number >= static_cast<int64_t>(servers.size())) return nullptr;
    return servers[static_cast<size_t>(answer.number)];
  }
  std::string Name() const override { return name_; }
  bool IsLua() const override { return true; }

 private:
  std::string name_;
  FfiCalleePtr callee_;
};

}  // namespace

FfiCalleePtr MakeGuardedCallee(Call& call, const LuaFunction& function) {
  return std::make_shared<GuardedCallee>(call, function);
}

TextResult<FfiCalleePtr> MakePerThreadCallee(Call& call, const std::string& text) {
  std::string place = call.Where();
  if (place.size() > 2) place.resize(place.size() - 2);
  const std::string name =
      fmt::format("{}() of {}", call.row().name, place.empty() ? "the console" : place);
  auto callee = std::make_shared<PerThreadCode>(call, text, name);
  if (auto good = callee->Check(); !good) {
    if (call.runtime().strict()) return Fail(std::move(good.error()));
    call.Warn(good.error());
  }
  return callee;
}

SelectorPtr MakeFfiSelector(FfiCalleePtr callee) {
  return std::make_shared<FfiSelector>(std::move(callee));
}
ActionPtr MakeFfiAction(FfiCalleePtr callee) {
  return std::make_shared<FfiAction>(std::move(callee));
}
ResponseActionPtr MakeFfiResponseAction(FfiCalleePtr callee) {
  return std::make_shared<FfiResponseAction>(std::move(callee));
}
PolicyPtr MakeFfiPolicy(std::string name, FfiCalleePtr callee) {
  return std::make_shared<FfiPolicy>(std::move(name), std::move(callee));
}

bool IsFfiPolicy(const Policy& policy) {
  return dynamic_cast<const FfiPolicy*>(&policy) != nullptr;
}

}  // namespace breakwater::lua
