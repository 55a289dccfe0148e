#include "lua/health_function.h"

#include "lua/dns_header.h"
#include "lua/lua_function.h"
#include "lua/object_args.h"
#include "lua/question_view.h"
#include "lua/trial_run.h"

namespace breakwater::lua {
namespace {

TextResult<void> TakeAnswer(lua_State* state, int first, HealthCheckQuestion& question) {
  static constexpr FunctionRow kRow{"checkFunction", nullptr, "", ""};
  Call call(state, *LuaState::RuntimeOf(state), kRow);
  const auto name = Reader<NameArg>::Read(call, first);
  const auto type = Reader<uint16_t>::Read(call, first + 1);
  const auto cls = Reader<uint16_t>::Read(call, first + 2);
  if (!name) return Fail(name.error());
  if (!type) return Fail(type.error());
  if (!cls) return Fail(cls.error());
  question.name = name->name;
  question.type = static_cast<dns::Type>(*type);
  question.cls = static_cast<dns::Class>(*cls);
  return {};
}

}  // namespace

std::function<void(HealthCheckQuestion&)> MakeCheckFunction(const LuaFunction& function) {
  std::function<void(HealthCheckQuestion&)> check = [function](HealthCheckQuestion& question) {
    const auto runtime = function.runtime();
    if (!runtime) return;
    Entry entry(*runtime, Place::kScript);
    lua_State* const state = entry.state();
    const auto header = std::make_shared<DnsHeader>();
    header->header().set_flags(question.flags);
    const int first = lua_gettop(state) + 1;
    function.Push(state);
    Push(state, question.name);
    Push(state, static_cast<uint16_t>(question.type));
    Push(state, static_cast<uint16_t>(question.cls));
    PushObject(state, header);
    LimitedCall call{.arguments = 4, .results = 3};
    TextResult<void> done = CallWithin(state, runtime->limits(), call);
    if (done) done = TakeAnswer(state, first, question);
    if (!done) {
      runtime->CountFailure(call, "a checkFunction", done.error());
      return;
    }
    question.flags = header->header().flags();
  };
  AddTrial(function, [check](Trial& trial) {
    const dns::Question& sample = trial.query().question;
    HealthCheckQuestion question{trial.query().NameCopy(), sample.type, sample.cls, dns::kFlagRd};
    check(question);
  });
  return check;
}

HealthValidator MakeResponseValidator(const LuaFunction& function) {
  HealthValidator validator = [function](std::span<const uint8_t> reply) {
    const auto runtime = function.runtime();
    if (!runtime) return HealthJudgement::kFailed;
    QueryPool pool;
    const QueryPtr query = pool.Get();
    query->ReplaceMessage(pool.packets(), reply);
    query->is_response = true;
    query->question = dns::ParseQuestion(reply).value_or(dns::Question{});
    Entry entry(*runtime, Place::kScript);
    lua_State* const state = entry.state();
    const ViewGuard<ResponseView> guard(*query, nullptr);
    const int first = lua_gettop(state) + 1;
    function.Push(state);
    PushObject(state, guard.view());
    LimitedCall call{.arguments = 1, .results = 1};
    if (const auto done = CallWithin(state, runtime->limits(), call); !done) {
      runtime->CountFailure(call, "a health check response validator", done.error());
      return HealthJudgement::kFailed;
    }
    return lua_toboolean(state, first) != 0 ? HealthJudgement::kGood : HealthJudgement::kRefused;
  };
  AddTrial(function, [validator](Trial& trial) { validator(trial.answer().message()); });
  return validator;
}

}  // namespace breakwater::lua
