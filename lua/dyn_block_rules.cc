#include "lua/dyn_block_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lua/dyn_block_args.h"
#include "lua/lua_function.h"
#include "lua/stat_node.h"
#include "proxy/guard/dyn_block_report.h"

namespace breakwater::lua {
namespace {

// Workers may have the state after so many calls of the visitor.
constexpr size_t kVisitsAtOnce = 64;

constexpr int kNoAction = -1;

constexpr int kOfClients = 0;
constexpr int kOfNames = 1;

struct NameFinding {
  dns::Name name;
  DynBlockCausePtr cause;
};

// What was blocked, or blocked for longer.
struct Inserted {
  int kind = kOfClients;
  std::string what;
  DynBlockCausePtr cause;
  DynBlockAction action{};
  uint32_t seconds = 0;
};

void LetWorkersIn(Runtime& runtime) {
  const LetGo let_go(runtime);
}

// The visitor's answer about a node, or null.
DynBlockCausePtr ReadVerdict(lua_State* state, int first, const StatNode& node,
                             const DynBlockRule& rule) {
  if (lua_toboolean(state, first) == 0) return nullptr;
  std::optional<std::string> reason = node.reason;
  int64_t action = node.action.value_or(kNoAction);
  if (lua_type(state, first + 1) == LUA_TSTRING) reason = PlainText(state, first + 1);
  if (action == kNoAction) action = ToInteger(state, first + 2).value_or(kNoAction);
  if (!reason && action == kNoAction) return rule.cause;
  DynBlockCause cause = *rule.cause;
  if (reason) cause.reason = *reason;
  if (action != kNoAction) {
    static constexpr FunctionRow kRow{"setSuffixMatchRule", nullptr, "", ""};
    Call call(state, *LuaState::RuntimeOf(state), kRow);
    cause.action = ReadDynBlockAction(call, static_cast<int>(action));
  }
  return std::make_shared<const DynBlockCause>(std::move(cause));
}

// Calls the visitor for one node. An error ends the walk.
TextResult<DynBlockCausePtr> CallVisitor(Runtime& runtime, const SuffixRule& suffix,
                                         const std::shared_ptr<StatNode>& node) {
  lua_State* const state = runtime.interpreter().raw();
  const int top = lua_gettop(state);
  suffix.visitor.Push(state);
  PushObject(state, node);
  LimitedCall call{.arguments = 1, .results = 3};
  if (suffix.kind == VisitorKind::kObjects) {
    PushNew<NameStats>(state, node->tree->StatsOf(node->node));
    PushNew<NameStats>(state, node->sum);
    call.arguments = 3;
  }
  const auto done = CallWithin(state, runtime.limits(), call);
  DynBlockCausePtr cause;
  if (done) {
    cause = ReadVerdict(state, top + 1, *node, suffix.rule);
  } else {
    runtime.CountFailure(call, "the visitor of a suffix match rule", done.error());
  }
  lua_settop(state, top);
  if (!done) return Fail(done.error());
  return cause;
}

std::vector<NameFinding> VisitNames(Runtime& runtime, const DynBlockRules& rules,
                                    const std::shared_ptr<const NameStatTree>& tree) {
  std::vector<NameFinding> findings;
  size_t visits = 0;
  tree->Visit([&](NameStatTree::Node place, const NameStats& sum) {
    if (++visits % kVisitsAtOnce == 0) LetWorkersIn(runtime);
    auto node = std::make_shared<StatNode>();
    node->tree = tree;
    node->node = place;
    node->sum = sum;
    auto verdict = CallVisitor(runtime, *rules.suffix, node);
    if (!verdict) return false;
    if (*verdict == nullptr) return true;
    const dns::Name name = tree->NameOf(place).Folded();
    const bool excluded =
        std::any_of(rules.excluded_names.begin(), rules.excluded_names.end(),
                    [&](const dns::Name& suffix) { return name.IsPartOf(suffix); });
    if (!excluded) findings.push_back({name, std::move(*verdict)});
    return true;
  });
  return findings;
}

struct Findings {
  std::vector<DynBlockFinding> clients;
  std::vector<NameFinding> names;
};

std::vector<Inserted> Insert(DynBlockTable& table, const Findings& findings,
                             const DynBlockRules& rules, MonoTime now) {
  std::vector<Inserted> inserted;
  DynBlockLog log(now);
  DynBlockTable::Edit edit(table, now);
  const auto note = [&](DynBlockTable::Outcome outcome, Inserted block) {
    using Outcome = DynBlockTable::Outcome;
    if (outcome == Outcome::kNew && !rules.group.quiet()) {
      log.Add({block.what, *block.cause, block.seconds});
    }
    const bool done = outcome == Outcome::kNew || outcome == Outcome::kRefreshed;
    if (done && rules.hook) inserted.push_back(std::move(block));
  };
  for (const DynBlockFinding& finding : findings.clients) {
    const MonoTime until = now + MonoTime::FromSeconds(finding.block_s);
    const auto outcome = edit.BlockClient(finding.clients, finding.cause, until);
    note(outcome,
         {kOfClients, finding.clients.ToString(), finding.cause, finding.action, finding.block_s});
  }
  for (const NameFinding& finding : findings.names) {
    const uint32_t seconds = rules.suffix->rule.block_s;
    const MonoTime until = now + MonoTime::FromSeconds(seconds);
    const auto outcome = edit.BlockName(finding.name, finding.cause, until);
    note(outcome,
         {kOfNames, finding.name.ToStringNoDot(), finding.cause, finding.cause->action, seconds});
  }
  return inserted;
}

void CallHook(Runtime& runtime, const LuaFunction& hook, const Inserted& block) {
  lua_State* const state = runtime.interpreter().raw();
  const int top = lua_gettop(state);
  hook.Push(state);
  Push(state, block.kind);
  Push(state, block.what);
  Push(state, block.cause->reason);
  Push(state, static_cast<int>(NumberOf(block.action)));
  Push(state, block.seconds);
  Push(state, block.cause->warning);
  LimitedCall call{.arguments = 6};
  const auto done = CallWithin(state, runtime.limits(), call);
  if (!done) runtime.CountFailure(call, "the hook of new dynamic blocks", done.error());
  lua_settop(state, top);
}

}  // namespace

std::string DynBlockRules::ToString() const {
  std::string names;
  for (const dns::Name& name : excluded_names) {
    if (!names.empty()) names += ", ";
    names += name.ToString();
  }
  return group.ToString(suffix ? DynBlockRuleText(suffix->rule) : std::string(), names);
}

void ApplyDynBlockRules(Runtime& runtime, DynBlockRules& rules) {
  const ControlTarget* const target = runtime.target();
  // Nobody has asked anything yet; or its own visitor or hook calls it.
  if (target == nullptr || rules.applying) return;
  rules.applying = true;
  const MonoTime now = runtime.clock().Now();
  Findings findings;
  std::shared_ptr<const NameStatTree> tree;
  {
    const LetGo let_go(runtime);
    const CounterRegistry& counters = target->counters();
    const CacheTotals totals{.hits = counters.Total(Metric::kCacheHits),
                             .misses = counters.Total(Metric::kCacheMisses)};
    findings.clients = rules.group.Evaluate(target->rings(), totals, now);
    if (rules.suffix) {
      const uint32_t seconds = rules.suffix->rule.seconds;
      const MonoTime since = seconds == 0 ? MonoTime{std::numeric_limits<int64_t>::min()}
                                          : now - MonoTime::FromSeconds(seconds);
      tree = std::make_shared<const NameStatTree>(target->rings(), since);
    }
  }
  if (tree != nullptr && !tree->empty()) findings.names = VisitNames(runtime, rules, tree);
  const auto inserted = Insert(*runtime.builder().config().dyn_blocks, findings, rules, now);
  const LuaFunction hook = rules.hook;  // it may set another
  for (size_t i = 0; i < inserted.size(); ++i) {
    if ((i + 1) % kVisitsAtOnce == 0) LetWorkersIn(runtime);
    CallHook(runtime, hook, inserted[i]);
  }
  rules.applying = false;
}

}  // namespace breakwater::lua
