#include "proxy/rules/actions/flow_actions.h"

#include <fmt/format.h>

#include "proxy/rules/actions/simple_action.h"
#include "proxy/rules/rate_limit.h"

namespace breakwater {
namespace {

Flow ToPool(Query& query, const std::string& pool, AfterPool after) {
  query.pool_name = pool;
  query.pool_set = true;
  return after == AfterPool::kStop ? Flow::kStop : Flow::kContinue;
}

class ContinueAction : public Action {
 public:
  explicit ContinueAction(ActionPtr inner) : inner_(std::move(inner)) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    // A suspended query is no longer ours to go on with.
    const Flow flow = inner_->Apply(query, context);
    return flow == Flow::kSuspended ? flow : Flow::kContinue;
  }
  std::optional<Flow> Foresee(Query& query, RuleContext& context) const override {
    const std::optional<Flow> flow = inner_->Foresee(query, context);
    return flow && *flow != Flow::kSuspended ? Flow::kContinue : flow;
  }
  std::string ToString() const override { return "continue after: " + inner_->ToString(); }
  std::map<std::string, double> Stats() const override { return inner_->Stats(); }

 private:
  ActionPtr inner_;
};

class QpsAction : public Action {
 public:
  explicit QpsAction(uint32_t qps) : qps_(qps), limit_(qps, qps) {}
  Flow Apply(Query&, RuleContext& context) const override {
    return limit_.Take(context.now) ? Flow::kContinue : Flow::kDrop;
  }
  std::optional<Flow> Foresee(Query&, RuleContext& context) const override {
    return limit_.WouldTake(context.now) ? Flow::kContinue : Flow::kDrop;
  }
  std::string ToString() const override { return fmt::format("qps limit to {}", qps_); }

 private:
  uint32_t qps_;
  RateLimit limit_;
};

class QpsPoolAction : public Action {
 public:
  QpsPoolAction(uint32_t qps, std::string pool, AfterPool after)
      : qps_(qps), pool_(std::move(pool)), after_(after), limit_(qps, qps) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    return limit_.Take(context.now) ? ToPool(query, pool_, after_) : Flow::kContinue;
  }
  std::optional<Flow> Foresee(Query& query, RuleContext& context) const override {
    return limit_.WouldTake(context.now) ? ToPool(query, pool_, after_) : Flow::kContinue;
  }
  std::string ToString() const override { return fmt::format("max {} to pool {}", qps_, pool_); }

 private:
  uint32_t qps_;
  std::string pool_;
  AfterPool after_;
  RateLimit limit_;
};

}  // namespace

ActionPtr MakeAllowAction() {
  return MakeSimpleAction("allow", [](Query&, RuleContext&) { return Flow::kStop; });
}

ActionPtr MakeDropAction() {
  return MakeSimpleAction("drop", [](Query&, RuleContext&) { return Flow::kDrop; });
}

ActionPtr MakeNoneAction() {
  return MakeSimpleAction("no op", [](Query&, RuleContext&) { return Flow::kContinue; });
}

ActionPtr MakeContinueAction(ActionPtr inner) {
  return std::make_shared<ContinueAction>(std::move(inner));
}

ActionPtr MakePoolAction(std::string pool, AfterPool after) {
  std::string text = "to pool " + pool;
  return MakeSimpleAction(std::move(text),
                          [pool = std::move(pool), after](Query& query, RuleContext&) {
                            return ToPool(query, pool, after);
                          });
}

ActionPtr MakeQpsAction(uint32_t qps) {
  return std::make_shared<QpsAction>(qps);
}

ActionPtr MakeQpsPoolAction(uint32_t qps, std::string pool, AfterPool after) {
  return std::make_shared<QpsPoolAction>(qps, std::move(pool), after);
}

ActionPtr MakeDelayAction(uint32_t delay_ms) {
  return MakeSimpleAction(fmt::format("delay by {} msec", delay_ms),
                          [delay_ms](Query& query, RuleContext&) {
                            query.delay_ms = delay_ms;
                            return Flow::kContinue;
                          });
}

}  // namespace breakwater
