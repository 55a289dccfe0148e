// A selector says whether a rule is for this message. Immutable and shared by all workers;
// what it counts or limits is atomic. Response chains use the same selectors, query.message()
// is then the answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/base/counter.h"
#include "proxy/query/query.h"
#include "proxy/rules/rule_context.h"

namespace breakwater {

class Selector {
 public:
  virtual ~Selector() = default;
  virtual bool Matches(const Query& query, RuleContext& context) const = 0;
  // The answer without side effects (tokens, counters, Lua), for explain and replay; nothing
  // where that cannot be told.
  virtual std::optional<bool> Peek(const Query& query, RuleContext& context) const {
    return Matches(query, context);
  }
  virtual std::string ToString() const = 0;  // as showRules() prints it

  // DNSRule:getMatches(): counts matches of every rule that uses this selector.
  SharedCounter& matches() const { return matches_; }

 private:
  mutable SharedCounter matches_;
};
using SelectorPtr = std::shared_ptr<const Selector>;

}  // namespace breakwater
