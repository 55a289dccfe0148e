// A chain of rules, run in order. A Rule is immutable; its hit counter (RuleState) outlives the
// snapshot it was made in, so that counts survive a change of the configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/counter.h"
#include "proxy/rules/action.h"
#include "proxy/rules/selector.h"

namespace breakwater {

struct RuleState {
  SharedCounter matches;
};

template <typename ActionT>
struct BasicRule {
  std::string name;  // optional, for people
  std::string uuid;  // always set
  uint64_t creation_order = 0;
  SelectorPtr selector;
  std::shared_ptr<const ActionT> action;
  std::shared_ptr<RuleState> state = std::make_shared<RuleState>();
};
using Rule = BasicRule<Action>;
using ResponseRule = BasicRule<ResponseAction>;

template <typename ActionT>
using BasicChain = std::vector<BasicRule<ActionT>>;
using RuleChain = BasicChain<Action>;
using ResponseRuleChain = BasicChain<ResponseAction>;

// Runs the chain until a rule ends it. kContinue means that no rule did.
template <typename ActionT>
Flow RunChain(const BasicChain<ActionT>& chain, Query& query, RuleContext& context) {
  for (const auto& rule : chain) {
    if (!rule.selector->Matches(query, context)) continue;
    rule.selector->matches().Add();
    rule.state->matches.Add();
    const Flow flow = rule.action->Apply(query, context);
    if (flow != Flow::kContinue) return flow;
  }
  return Flow::kContinue;
}

}  // namespace breakwater
