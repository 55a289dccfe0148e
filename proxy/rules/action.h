// What a rule does with a query. Applied in place; immutable and shared by all workers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "proxy/base/result.h"
#include "proxy/query/query.h"
#include "proxy/rules/rule_context.h"

namespace breakwater {

// How the chain goes on. The numbers of Lua's DNSAction table are mapped to these in lua/.
enum class Flow : uint8_t {
  kContinue,  // the next rule
  kStop,      // no more rules of this chain; the query (or answer) goes its way
  kAnswer,    // the query was turned into an answer (QR is set): send it
  kDrop,
  kSuspended,  // the query was taken out of the path and will come back by itself
};

class Action {
 public:
  virtual ~Action() = default;
  virtual Flow Apply(Query& query, RuleContext& context) const = 0;
  // Apply without what outlives the query and `context` (limits, logs, Lua), for explain; nothing
  // where that cannot be told.
  virtual std::optional<Flow> Foresee(Query& query, RuleContext& context) const {
    return Apply(query, context);
  }
  virtual std::string ToString() const = 0;
  // getAction(n):getStats(); empty where there are none.
  virtual std::map<std::string, double> Stats() const { return {}; }
  // getAction(n):reload(): files it writes are opened anew. Any thread; waits for the disk.
  virtual TextResult<void> Reload() const { return {}; }
};
using ActionPtr = std::shared_ptr<const Action>;

// The same for answers: of backends, of the cache, self-made. Kept apart so that a response
// action cannot be put into a query chain.
class ResponseAction {
 public:
  virtual ~ResponseAction() = default;
  virtual Flow Apply(Query& query, RuleContext& context) const = 0;
  virtual std::string ToString() const = 0;
  virtual TextResult<void> Reload() const { return {}; }
};
using ResponseActionPtr = std::shared_ptr<const ResponseAction>;

}  // namespace breakwater
