// What dnsdist 1.7 has and 2.1 has not: files and scripts that call these go on working.
#include <fmt/format.h>

#include <chrono>

#include "lua/call_budget.h"
#include "lua/packet_call.h"
#include "lua/question_view.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"
#include "lua/stat_node.h"
#include "lua/trial_run.h"

namespace breakwater::lua {
namespace {

// --- counts of queries by name

void SetQueryCount(Call& call, bool enabled) {
  call.builder().Edit().settings.query_count.enabled = enabled;
}

// The function returns whether to count, and for which name.
void SetQueryCountFilter(Call& call, const LuaFunction& function) {
  call.builder().Edit().settings.query_count.filter =
      [function](Query& query, RuleContext& context) -> std::optional<std::string> {
    RuleContext own = context;
    own.suspender = nullptr;  // the query goes on whatever is said here
    const ViewGuard<QuestionView> guard(query, &own);
    std::optional<std::string> name;
    CallForPacket(function,
                  {.what = "the filter of setQueryCountFilter",
                   .arguments = 1,
                   .results = 2,
                   .push = [&](lua_State* state) { PushObject(state, guard.view()); },
                   .take = [&](lua_State* state, int first) -> TextResult<void> {
                     if (lua_toboolean(state, first) == 0) return {};
                     if (lua_type(state, first + 1) != LUA_TSTRING) {
                       return Fail(std::string("it returned no name to count the query for"));
                     }
                     name = PlainText(state, first + 1);
                     return {};
                   }});
    return name;
  };
}

void GetQueryCounters(Call& call, std::optional<size_t> rows) {
  const QueryCountSettings& settings = call.builder().config().settings.query_count;
  std::string text =
      fmt::format("query counting is currently: {} ({} records in buffer)\n",
                  settings.enabled ? "enabled" : "disabled", settings.counts->size());
  size_t place = 0;
  for (const auto& [name, count] : settings.counts->Top(rows.value_or(10))) {
    text += fmt::format("{:<3} {}: {} request(s)\n", ++place, name, count);
  }
  call.Print(text);
}

void ClearQueryCounters(Call& call) {
  QueryCounts& counts = *call.builder().config().settings.query_count.counts;
  const size_t size = counts.size();
  counts.Clear();
  call.Print(fmt::format("{} records cleared from query counter buffer\n", size));
}

void TruncateTc(Call& call, bool truncate) {
  call.builder().Edit().settings.truncate_tc = truncate;
}

// --- rings

TextResult<const ControlTarget*> Target(Call& call) {
  if (call.runtime().target() != nullptr) return call.runtime().target();
  return Fail(std::string("the server has not started yet"));
}

uint16_t RCodeOf(const RingResponse& response) {
  return response.flags & dns::kRcodeMask;
}

// A table of tables; `fill` pushes the fields of one.
TextResult<Pushed> PushResponses(Call& call, const std::function<bool(const RingResponse&)>& wanted,
                                 const std::function<void(lua_State*, const RingResponse&)>& fill) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  lua_State* const state = call.state();
  lua_newtable(state);
  lua_Integer place = 0;
  for (const RingResponse& response : (*target)->rings().Responses()) {
    if (!wanted(response)) continue;
    lua_newtable(state);
    fill(state, response);
    lua_rawseti(state, -2, ++place);
  }
  return Pushed{1};
}

template <typename T>
void SetField(lua_State* state, const char* name, const T& value) {
  Push(state, value);
  lua_setfield(state, -2, name);
}

TextResult<Pushed> GetRespRing(Call& call, std::optional<uint16_t> rcode) {
  return PushResponses(
      call, [&](const RingResponse& one) { return !rcode || RCodeOf(one) == *rcode; },
      [](lua_State* state, const RingResponse& one) {
        SetField(state, "qname", one.Name().ToString());
        SetField(state, "rcode", RCodeOf(one));
      });
}

TextResult<Pushed> GetResponseRing(Call& call) {
  return PushResponses(
      call, [](const RingResponse&) { return true; },
      [](lua_State* state, const RingResponse& one) {
        SetField(state, "name", one.Name().ToString());
        SetField(state, "qtype", static_cast<uint16_t>(one.type));
        SetField(state, "rcode", RCodeOf(one));
        SetField(state, "usec", one.latency_us);
      });
}

TextResult<void> VisitResponseNames(Call& call, const LuaFunction& visitor,
                                    std::optional<uint32_t> seconds) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  MonoTime since;
  if (seconds.value_or(0) > 0) {
    since = (*target)->clock().Now() - MonoTime::FromSeconds(*seconds);
  }
  const auto tree = std::make_shared<const NameStatTree>((*target)->rings(), since);
  lua_State* const state = call.state();
  TextResult<void> done;
  tree->Visit([&](NameStatTree::Node place, const NameStats& sum) {
    auto node = std::make_shared<StatNode>();
    node->tree = tree;
    node->node = place;
    node->sum = sum;
    const int top = lua_gettop(state);
    visitor.Push(state);
    PushObject(state, node);
    PushNew<NameStats>(state, tree->StatsOf(place));
    PushNew<NameStats>(state, sum);
    LimitedCall limited{.arguments = 3, .results = 0};
    done = CallWithin(state, call.runtime().limits(), limited);
    lua_settop(state, top);
    return done.has_value();
  });
  return done;
}

// --- benchRule

constexpr uint32_t kMostRounds = 10'000'000;
constexpr size_t kBenchNames = 1000;  // made before the clock runs

// Makes the question of `query` one for "N.suffix A".
TextResult<void> Ask(Trial& trial, const dns::Name& suffix, size_t number) {
  const auto name = dns::Name::Parse(fmt::format("{}.{}", number, suffix.ToString()));
  if (!name) return Fail(name.error());
  Query& query = trial.query();
  std::vector<uint8_t> message(query.data, query.data + dns::kHeaderSize);
  dns::Header(message.data()).set_count(dns::Section::kAdditional, 0);
  message.insert(message.end(), name->wire().begin(), name->wire().end());
  message.insert(message.end(), {0, 1, 0, 1});  // A, IN
  query.ReplaceMessage(trial.context().packets, message);
  query.question = dns::ParseQuestion(query.message()).value_or(dns::Question{});
  query.edns = {};
  return {};
}

TextResult<void> BenchRule(Call& call, const SelectorArg& rule, std::optional<uint32_t> times,
                           const std::optional<NameArg>& suffix) {
  const uint32_t rounds = times.value_or(100'000);
  if (rounds == 0 || rounds > kMostRounds) {
    return Fail(fmt::format("{} rounds, but must be 1 to {}", rounds, kMostRounds));
  }
  const dns::Name below = suffix ? suffix->name : *dns::Name::Parse("bench.example");
  std::vector<std::unique_ptr<Trial>> trials;
  for (size_t i = 0; i < std::min<size_t>(rounds, kBenchNames); ++i) {
    trials.push_back(std::make_unique<Trial>(call.runtime()));
    if (auto asked = Ask(*trials.back(), below, i); !asked) return asked;
  }
  uint32_t matches = 0;
  const auto begun = std::chrono::steady_clock::now();
  {
    const LetGo let_go(call.runtime());
    for (uint32_t i = 0; i < rounds; ++i) {
      Trial& trial = *trials[i % trials.size()];
      matches += rule.selector->Matches(trial.query(), trial.context()) ? 1 : 0;
    }
  }
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - begun;
  call.Print(fmt::format("Had {} matches out of {}, {:.1f} qps, in {:.1f} usec\n", matches, rounds,
                         rounds * 1e6 / std::max(taken.count(), 0.001), taken.count()));
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"benchRule", Bind<&BenchRule>, "benchRule(rule [, times=100000 [, suffix=\"bench.example\"]])",
     "Measures a selector with queries for 0.SUFFIX, 1.SUFFIX and so on; it may lock, count and "
     "call Lua as in a rule."},
    {"clearQueryCounters", Bind<&ClearQueryCounters>, "clearQueryCounters()",
     "Forgets what setQueryCount() has counted, and says how many names that were."},
    {"getQueryCounters", Bind<&GetQueryCounters>, "getQueryCounters([max=10])",
     "Prints the names that were asked for most since setQueryCount(true)."},
    {"getRespRing", Bind<&GetRespRing>, "getRespRing([rcode]) -> [table]",
     "qname and rcode of the recent answers, of one rcode or all."},
    {"getResponseRing", Bind<&GetResponseRing>, "getResponseRing() -> [table]",
     "name, qtype, rcode and usec of the recent answers."},
    {"setQueryCount", Bind<&SetQueryCount>, "setQueryCount(enabled)",
     "Counts queries by name, for 100,000 names at most: getQueryCounters()."},
    {"setQueryCountFilter", Bind<&SetQueryCountFilter>, "setQueryCountFilter(function)",
     "Calls function(dq) for each query that is counted: it returns whether to count it, and for "
     "which name."},
    {"statNodeRespRing", Bind<&VisitResponseNames>, "statNodeRespRing(visitor [, seconds=0])",
     "Calls visitor(node, self, children) for each name of the recent answers, or of those of the "
     "last seconds, and each name above."},
    {"truncateTC", Bind<&TruncateTc>, "truncateTC(enabled)",
     "An answer that a server truncated goes to the client without its records."},
};

}  // namespace

FunctionPage OlderFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
