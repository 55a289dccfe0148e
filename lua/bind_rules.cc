// The chains: adding, removing, moving and showing rules. One set of functions, made for each
// chain.
#include <fmt/format.h>

#include "lua/bindings.h"
#include "lua/rule_objects.h"
#include "proxy/rules/chain_edit.h"

namespace breakwater::lua {
namespace {

template <typename ActionT>
using ChainOf = BasicChain<ActionT>& (*)(Chains&);

RuleChain& QueryChain(Chains& chains) {
  return chains.query;
}
RuleChain& CacheMissChain(Chains& chains) {
  return chains.cache_miss;
}
template <ResponseChainKind Kind>
ResponseRuleChain& ResponseChain(Chains& chains) {
  return chains.Of(Kind);
}

template <typename ActionT>
TextResult<BasicRule<ActionT>> ReadRule(Call& call, SelectorPtr selector,
                                        std::shared_ptr<const ActionT> action, Options& options) {
  RuleIdentity identity;
  options.Read("name", &identity.name);
  options.Read("uuid", &identity.uuid);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  identity.creation_order = call.runtime().NextRuleOrder();
  auto rule = MakeRule(std::move(selector), std::move(action), identity);
  if (!rule) return Fail(fmt::format("option 'uuid': {}", rule.error()));
  return rule;
}

TextResult<RuleTableOptions> ReadTableOptions(Options& options) {
  RuleTableOptions table;
  options.Read("showUUIDs", &table.show_uuids);
  options.Read("truncateRuleWidth", &table.truncate_rule_width);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return table;
}

// Where the rule is; a text is a UUID or else a name.
using RuleKey = std::variant<size_t, std::string>;
constexpr size_t kTopRules = 10;
// 0 shows all, as in dnsdist.
size_t RowsOf(std::optional<size_t> top) {
  return top == size_t{0} ? SIZE_MAX : top.value_or(kTopRules);
}

template <typename ActionT, ChainOf<ActionT> Chain>
struct Of {
  using RuleT = BasicRule<ActionT>;
  using Rules = BasicChain<ActionT>;

  static const Rules& Read(Call& call) {
    return Chain(const_cast<Chains&>(call.builder().config().chains));
  }
  static Rules& Edit(Call& call) { return Chain(call.builder().Edit().chains); }

  static TextResult<void> Add(Call& call, const SelectorArg& selector,
                              const std::shared_ptr<const ActionT>& action, Options options) {
    auto rule = ReadRule<ActionT>(call, selector.selector, action, options);
    if (!rule) return Fail(std::move(rule.error()));
    Edit(call).push_back(std::move(*rule));
    return {};
  }

  static void Clear(Call& call) { Edit(call).clear(); }

  static void Replace(Call& call, const std::vector<std::shared_ptr<RuleT>>& rules) {
    Rules& chain = Edit(call);
    chain.clear();
    for (const auto& rule : rules) chain.push_back(*rule);
  }

  static void Remove(Call& call, const RuleKey& key) {
    const auto* name = std::get_if<std::string>(&key);
    Rules chain = Read(call);
    const size_t removed =
        name != nullptr ? RemoveRule(chain, *name) : RemoveRule(chain, std::get<size_t>(key));
    if (removed > 0) {
      Edit(call) = std::move(chain);
      return;
    }
    call.Print(name != nullptr ? "Error: no rule matched\n"
                               : "Error: attempt to delete non-existing rule\n");
  }

  // `to` counts before the move and may be the number of rules.
  static void Move(Call& call, size_t from, size_t to) {
    Rules chain = Read(call);
    if (!MoveRule(chain, from, to)) {
      call.Print("Error: attempt to move rules from/to invalid index\n");
      return;
    }
    Edit(call) = std::move(chain);
  }

  static void MoveToTop(Call& call) { MoveLastRuleToTop(Edit(call)); }

  static TextResult<std::optional<RuleT>> Get(Call& call, const RuleKey& key) {
    const Rules& chain = Read(call);
    if (const auto* name = std::get_if<std::string>(&key)) {
      const RuleT* const found = FindRule(chain, *name);
      return found == nullptr ? std::optional<RuleT>() : std::optional<RuleT>(*found);
    }
    const size_t index = std::get<size_t>(key);
    if (index >= chain.size()) return Fail(fmt::format("there is no rule {}", index));
    return std::optional<RuleT>(chain[index]);
  }

  static std::shared_ptr<const ActionT> GetAction(Call& call, size_t index) {
    return index < Read(call).size() ? Read(call)[index].action : nullptr;
  }

  // The most matched first.
  static std::vector<RuleT> GetTop(Call& call, std::optional<size_t> top) {
    std::vector<RuleT> rules;
    for (const RuleT* rule : TopRules(Read(call), top.value_or(kTopRules))) rules.push_back(*rule);
    return rules;
  }

  static TextResult<void> Show(Call& call, Options options) {
    const auto table = ReadTableOptions(options);
    if (!table) return Fail(table.error());
    call.Print(ShowRules(Read(call), *table));
    return {};
  }

  static TextResult<void> Top(Call& call, std::optional<size_t> top, Options options) {
    const auto table = ReadTableOptions(options);
    if (!table) return Fail(table.error());
    call.Print(ShowTopRules(Read(call), RowsOf(top), *table));
    return {};
  }
};

using Query = Of<Action, &QueryChain>;
using CacheMiss = Of<Action, &CacheMissChain>;
using Response = Of<ResponseAction, &ResponseChain<ResponseChainKind::kResponse>>;
using CacheHit = Of<ResponseAction, &ResponseChain<ResponseChainKind::kCacheHit>>;
using CacheInserted = Of<ResponseAction, &ResponseChain<ResponseChainKind::kCacheInserted>>;
using SelfAnswered = Of<ResponseAction, &ResponseChain<ResponseChainKind::kSelfAnswered>>;
using Xfr = Of<ResponseAction, &ResponseChain<ResponseChainKind::kXfr>>;
using Timeout = Of<ResponseAction, &ResponseChain<ResponseChainKind::kTimeout>>;

SelectorPtr MakeRuleFrom(const SelectorArg& selector) {
  return selector.selector;
}

TextResult<Rule> NewRuleAction(Call& call, const SelectorArg& selector, const ActionPtr& action,
                               Options options) {
  return ReadRule<Action>(call, selector.selector, action, options);
}

#define BW_CHAIN(Chain, p, where)                                                   \
  {"add" p "Action", Bind<&Chain::Add>, "add" p "Action(rule, action [, options])", \
   "Adds a rule for " where "."},                                                   \
      {"clear" p "Rules", Bind<&Chain::Clear>, "clear" p "Rules()",                 \
       "Removes all rules for " where "."},                                         \
      {"get" p "Rule", Bind<&Chain::Get>, "get" p "Rule(number | uuid | name)",     \
       "A rule for " where ", or nil."},                                            \
      {"getTop" p "Rules", Bind<&Chain::GetTop>, "getTop" p "Rules([top])",         \
       "The most matched rules for " where "."},                                    \
      {"mv" p "Rule", Bind<&Chain::Move>, "mv" p "Rule(from, to)",                  \
       "Moves a rule for " where " to before another."},                            \
      {"mv" p "RuleToTop", Bind<&Chain::MoveToTop>, "mv" p "RuleToTop()",           \
       "Moves the last rule for " where " to the front."},                          \
      {"rm" p "Rule", Bind<&Chain::Remove>, "rm" p "Rule(number | uuid | name)",    \
       "Removes a rule for " where "."},                                            \
      {"show" p "Rules", Bind<&Chain::Show>, "show" p "Rules([options])",           \
       "Prints the rules for " where "."},                                          \
      {"top" p "Rule", Bind<&Chain::Top>, "top" p "Rule([top [, options]])",        \
       "Prints the most matched rules for " where "."},                             \
  {                                                                                 \
    "top" p "Rules", Bind<&Chain::Top>, "top" p "Rules([top [, options]])",         \
        "Prints the most matched rules for " where "."                              \
  }

constexpr FunctionRow kFunctions[] = {
    BW_CHAIN(Query, "", "queries"),
    BW_CHAIN(CacheMiss, "CacheMiss", "queries that the cache does not answer"),
    BW_CHAIN(Response, "Response", "answers of servers"),
    BW_CHAIN(CacheHit, "CacheHitResponse", "answers from the cache"),
    BW_CHAIN(CacheInserted, "CacheInsertedResponse", "answers offered to the cache"),
    BW_CHAIN(SelfAnswered, "SelfAnsweredResponse", "answers made here"),
    BW_CHAIN(Xfr, "XFRResponse", "zone transfers"),
    BW_CHAIN(Timeout, "TimeoutResponse", "queries that no server answered"),
    {"getAction", Bind<&Query::GetAction>, "getAction(n) -> DNSAction",
     "The action of a rule for queries, or nil."},
    {"getCacheMissAction", Bind<&CacheMiss::GetAction>, "getCacheMissAction(n) -> DNSAction",
     "The action of a rule for cache misses, or nil."},
    {"setRules", Bind<&Query::Replace>, "setRules(rules)",
     "Replaces all rules for queries by those of newRuleAction."},
    {"setCacheMissRules", Bind<&CacheMiss::Replace>, "setCacheMissRules(rules)",
     "Replaces all rules for cache misses by those of newRuleAction."},
    {"getCacheHitResponseRules", Bind<&CacheHit::GetTop>, "getCacheHitResponseRules([top])",
     "An older name of getTopCacheHitResponseRules."},
    {"getTopCacheHitResponseRule", Bind<&CacheHit::GetTop>, "getTopCacheHitResponseRule([top])",
     "An older spelling of getTopCacheHitResponseRules."},
    {"getTopSelfAnsweredRules", Bind<&SelfAnswered::GetTop>, "getTopSelfAnsweredRules([top])",
     "An older spelling of getTopSelfAnsweredResponseRules."},
    {"getTopTimeoutResponseRule", Bind<&Timeout::GetTop>, "getTopTimeoutResponseRule([top])",
     "An older spelling of getTopTimeoutResponseRules."},
    {"topCacheHitRules", Bind<&CacheHit::Top>, "topCacheHitRules([top [, options]])",
     "An older spelling of topCacheHitResponseRules."},
    {"makeRule", Bind<&MakeRuleFrom>, "makeRule(rule) -> DNSRule",
     "A selector from networks or names."},
    {"newRuleAction", Bind<&NewRuleAction>, "newRuleAction(rule, action[, options])",
     "A rule for setRules."},
};
#undef BW_CHAIN

}  // namespace

FunctionPage RuleFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
