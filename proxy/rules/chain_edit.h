// Changing and showing a chain of rules, for the bindings of every chain's family of functions
// (addAction, rmRule, mvRule, getTopRules, showRules ...). Works on the ConfigBuilder's copy, on
// the script thread. A rule is named by its position or by a text: a text that is a UUID
// is one, any other is a name (and several rules may have the same).
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/uuid.h"
#include "proxy/rules/rule_chain.h"
#include "proxy/rules/rule_table.h"

namespace breakwater {

struct RuleIdentity {
  std::string name;
  std::string uuid;             // made when empty
  uint64_t creation_order = 0;  // counts over all chains
};

// An error where the UUID given is none.
template <typename ActionT>
TextResult<BasicRule<ActionT>> MakeRule(const SelectorPtr& selector,
                                        const std::shared_ptr<const ActionT>& action,
                                        const RuleIdentity& identity) {
  BasicRule<ActionT> rule;
  Uuid uuid = Uuid::Random();
  if (!identity.uuid.empty()) {
    const auto given = Uuid::Parse(identity.uuid);
    if (!given) return Fail("\"" + identity.uuid + "\" is no UUID");
    uuid = *given;
  }
  rule.name = identity.name;
  rule.uuid = uuid.ToString();
  rule.creation_order = identity.creation_order;
  rule.selector = selector;
  rule.action = action;
  return rule;
}

// Says whether a rule is the one, or one of those, that `text` names.
class RuleNameMatch {
 public:
  explicit RuleNameMatch(std::string_view text) : text_(text) {
    if (const auto uuid = Uuid::Parse(text)) uuid_ = uuid->ToString();
  }
  template <typename ActionT>
  bool operator()(const BasicRule<ActionT>& rule) const {
    return uuid_.empty() ? rule.name == text_ : rule.uuid == uuid_;
  }

 private:
  std::string text_;
  std::string uuid_;
};

// The first that fits, or null.
template <typename ActionT>
const BasicRule<ActionT>* FindRule(const BasicChain<ActionT>& chain, std::string_view text) {
  const auto found = std::find_if(chain.begin(), chain.end(), RuleNameMatch(text));
  return found == chain.end() ? nullptr : &*found;
}

// How many went: none where there is no such position, all that have the name.
template <typename ActionT>
size_t RemoveRule(BasicChain<ActionT>& chain, size_t position) {
  if (position >= chain.size()) return 0;
  chain.erase(chain.begin() + static_cast<std::ptrdiff_t>(position));
  return 1;
}
template <typename ActionT>
size_t RemoveRule(BasicChain<ActionT>& chain, std::string_view text) {
  return std::erase_if(chain, RuleNameMatch(text));
}

// Puts the rule at `from` in front of the one that is at `to` before the move; `to` may be the
// chain's size. False, and nothing changed, for a wrong position.
template <typename ActionT>
bool MoveRule(BasicChain<ActionT>& chain, size_t from, size_t to) {
  if (from >= chain.size() || to > chain.size()) return false;
  const auto at = [&](size_t i) { return chain.begin() + static_cast<std::ptrdiff_t>(i); };
  if (from < to) {
    std::rotate(at(from), at(from + 1), at(to));
  } else {
    std::rotate(at(to), at(from), at(from + 1));
  }
  return true;
}

// The newest rule becomes the first one.
template <typename ActionT>
void MoveLastRuleToTop(BasicChain<ActionT>& chain) {
  if (!chain.empty()) MoveRule(chain, chain.size() - 1, 0);
}

// At most `count`, those with most matches first, else in their order.
template <typename ActionT>
std::vector<const BasicRule<ActionT>*> TopRules(const BasicChain<ActionT>& chain, size_t count) {
  std::vector<std::pair<uint64_t, const BasicRule<ActionT>*>> counted;
  for (const auto& rule : chain) counted.emplace_back(rule.state->matches.Get(), &rule);
  std::stable_sort(counted.begin(), counted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (counted.size() > count) counted.resize(count);
  std::vector<const BasicRule<ActionT>*> top;
  for (const auto& [matches, rule] : counted) top.push_back(rule);
  return top;
}

template <typename ActionT>
void AddRow(RuleTable& table, const BasicRule<ActionT>& rule) {
  table.Add({rule.name, rule.uuid, rule.creation_order, rule.state->matches.Get(),
             rule.selector->ToString(), rule.action->ToString()});
}

template <typename ActionT>
std::string ShowRules(const BasicChain<ActionT>& chain, const RuleTableOptions& options) {
  RuleTable table(options);
  for (const auto& rule : chain) AddRow(table, rule);
  return table.text();
}

template <typename ActionT>
std::string ShowTopRules(const BasicChain<ActionT>& chain, size_t count,
                         const RuleTableOptions& options) {
  RuleTable table(options);
  for (const auto* rule : TopRules(chain, count)) AddRow(table, *rule);
  return table.text();
}

}  // namespace breakwater
