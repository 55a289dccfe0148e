// The chains: adding, removing, moving and showing rules. One set of functions, made for each
// chain.
#include <fmt/format.h>

#include <algorithm>

#include "lua/bindings.h"
#include "lua/rule_objects.h"
#include "proxy/base/uuid.h"

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
TextResult<BasicRule<ActionT>> MakeRule(Call& call, SelectorPtr selector,
                                        std::shared_ptr<const ActionT> action, Options& options) {
  BasicRule<ActionT> rule;
  options.Read("name", &rule.name);
  if (options.Read("uuid", &rule.uuid)) {
    if (const auto uuid = Uuid::Parse(rule.uuid)) {
      rule.uuid = uuid->ToString();
    } else {
      options.Reject(fmt::format("option 'uuid': '{}' is not a UUID", rule.uuid));
    }
  } else {
    rule.uuid = Uuid::Random().ToString();
  }
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  rule.creation_order = call.runtime().NextRuleOrder();
  rule.selector = std::move(selector);
  rule.action = std::move(action);
  return rule;
}

// Where the rule is; a text is a UUID or else a name.
using RuleKey = std::variant<size_t, std::string>;

template <typename RuleT>
auto MatcherOf(const std::string& key) {
  const auto uuid = Uuid::Parse(key);
  return [uuid = uuid ? uuid->ToString() : std::string(), key](const RuleT& rule) {
    return uuid.empty() ? rule.name == key : rule.uuid == uuid;
  };
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
    auto rule = MakeRule<ActionT>(call, selector.selector, action, options);
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
    if (const auto* name = std::get_if<std::string>(&key)) {
      if (std::erase_if(Edit(call), MatcherOf<RuleT>(*name)) == 0) {
        call.Print("Error: no rule matched\n");
      }
      return;
    }
    const size_t index = std::get<size_t>(key);
    if (index >= Read(call).size()) {
      call.Print("Error: attempt to delete non-existing rule\n");
      return;
    }
    Rules& chain = Edit(call);
    chain.erase(chain.begin() + static_cast<ptrdiff_t>(index));
  }

  // `to` counts before the move and may be the number of rules.
  static void Move(Call& call, size_t from, size_t to) {
    if (from >= Read(call).size() || to > Read(call).size()) {
      call.Print("Error: attempt to move rules from/to invalid index\n");
      return;
    }
    Rules& chain = Edit(call);
    const auto at = [&](size_t index) { return chain.begin() + static_cast<ptrdiff_t>(index); };
    if (from < to) {
      std::rotate(at(from), at(from + 1), at(to));
    } else {
      std::rotate(at(to), at(from), at(from + 1));
    }
  }

  static void MoveToTop(Call& call) {
    if (Read(call).empty()) return;
    Rules& chain = Edit(call);
    std::rotate(chain.begin(), chain.end() - 1, chain.end());
  }

  static TextResult<std::optional<RuleT>> Get(Call& call, const RuleKey& key) {
    const Rules& chain = Read(call);
    if (const auto* name = std::get_if<std::string>(&key)) {
      const auto found = std::find_if(chain.begin(), chain.end(), MatcherOf<RuleT>(*name));
      return found == chain.end() ? std::optional<RuleT>() : std::optional<RuleT>(*found);
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
    Rules sorted = Read(call);
    std::stable_sort(sorted.begin(), sorted.end(), [](const RuleT& a, const RuleT& b) {
      return a.state->matches.Get() > b.state->matches.Get();
    });
    if (sorted.size() > top.value_or(10)) sorted.resize(top.value_or(10));
    return sorted;
  }

  static TextResult<void> Print(Call& call, const Rules& rules, Options& options) {
    bool uuids = false;
    int64_t width = -1;
    options.Read("showUUIDs", &uuids);
    options.Read("truncateRuleWidth", &width);
    if (auto good = options.Finish(); !good) return good;
    std::string text = uuids ? fmt::format("{:<3} {:<30} {:<38} {:>9} {:>9} {:<56} {}\n", "#",
                                           "Name", "UUID", "Cr. Order", "Matches", "Rule", "Action")
                             : fmt::format("{:<3} {:<30} {:>9} {:<56} {}\n", "#", "Name", "Matches",
                                           "Rule", "Action");
    size_t index = 0;
    for (const RuleT& rule : rules) {
      std::string selector = rule.selector->ToString();
      if (width >= 0) selector = selector.substr(0, static_cast<size_t>(width));
      const uint64_t matches = rule.state->matches.Get();
      text += fmt::format("{:<3} {:<30} ", index++, rule.name);
      if (uuids) text += fmt::format("{:<38} {:>9} ", rule.uuid, rule.creation_order);
      text += fmt::format("{:>9} {:<56} {}\n", matches, selector, rule.action->ToString());
    }
    call.Print(text);
    return {};
  }

  static TextResult<void> Show(Call& call, Options options) {
    return Print(call, Read(call), options);
  }

  static TextResult<void> Top(Call& call, std::optional<size_t> top, Options options) {
    return Print(call, GetTop(call, top), options);
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
  return MakeRule<Action>(call, selector.selector, action, options);
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
