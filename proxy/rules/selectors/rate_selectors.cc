#include "proxy/rules/selectors/rate_selectors.h"

#include <fmt/format.h>

#include "proxy/rules/rate_limit.h"

namespace breakwater {
namespace {

class MaxQpsSelector : public Selector {
 public:
  MaxQpsSelector(uint32_t qps, uint32_t burst) : qps_(qps), limit_(qps, burst) {}
  bool Matches(const Query&, RuleContext& context) const override {
    return limit_.Take(context.now);
  }
  std::optional<bool> Peek(const Query&, RuleContext& context) const override {
    return limit_.WouldTake(context.now);
  }
  std::string ToString() const override { return fmt::format("Max {} qps", qps_); }

 private:
  uint32_t qps_;
  RateLimit limit_;
};

class MaxQpsIpSelector : public Selector {
 public:
  explicit MaxQpsIpSelector(const IpLimitSettings& settings) : limits_(settings) {}
  bool Matches(const Query& query, RuleContext& context) const override {
    return !limits_.Take(query.client, context.now);
  }
  std::optional<bool> Peek(const Query& query, RuleContext& context) const override {
    return !limits_.WouldTake(query.client, context.now);
  }
  std::string ToString() const override {
    const IpLimitSettings& settings = limits_.settings();
    return fmt::format("IP (/{}, /{}) match for QPS over {} burst {}", settings.mask_v4,
                       settings.mask_v6, settings.qps, settings.burst);
  }

 private:
  mutable IpLimits limits_;
};

class ProbaSelector : public Selector {
 public:
  explicit ProbaSelector(double probability) : probability_(probability) {}
  bool Matches(const Query&, RuleContext& context) const override {
    return context.random.Unit() < probability_;
  }
  std::optional<bool> Peek(const Query&, RuleContext&) const override {
    if (probability_ <= 0) return false;
    if (probability_ >= 1) return true;
    return std::nullopt;
  }
  std::string ToString() const override {
    return fmt::format("match with prob. {:.2f}", probability_);
  }

 private:
  double probability_;
};

}  // namespace

SelectorPtr MakeMaxQpsSelector(uint32_t qps, uint32_t burst) {
  return std::make_shared<MaxQpsSelector>(qps, burst);
}
SelectorPtr MakeMaxQpsIpSelector(const IpLimitSettings& settings) {
  return std::make_shared<MaxQpsIpSelector>(settings);
}
SelectorPtr MakeProbaSelector(double probability) {
  return std::make_shared<ProbaSelector>(probability);
}

}  // namespace breakwater
