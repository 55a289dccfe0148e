#include "proxy/pool/policies/balancers.h"
#include "proxy/pool/policies/weighted.h"

namespace breakwater::policies {
namespace {

class WeightedRandom : public Policy {
 public:
  explicit WeightedRandom(const PolicySettings& settings)
      : factor_(settings.weighted_balancing_factor) {}

  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    const LoadBound bound(servers, factor_);
    return PickByWeight(servers, context.random.U64(),
                        [&](const Backend& server) { return bound.Allows(server); });
  }
  std::string Name() const override { return "wrandom"; }

 private:
  double factor_;
};

}  // namespace

PolicyPtr MakeWeightedRandom(const PolicySettings& settings) {
  return std::make_shared<WeightedRandom>(settings);
}

}  // namespace breakwater::policies
