#include "proxy/pool/policies/balancers.h"
#include "proxy/pool/policies/weighted.h"

namespace breakwater::policies {
namespace {

// Equal names go to equal servers, as long as the set of servers that are up stays the same.
class WeightedHashed : public Policy {
 public:
  explicit WeightedHashed(const PolicySettings& settings)
      : factor_(settings.weighted_balancing_factor), perturbation_(PerturbationOf(settings)) {}

  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    const LoadBound bound(servers, factor_);
    return PickByWeight(servers, HashName(context.query, perturbation_),
                        [&](const Backend& server) { return bound.Allows(server); });
  }
  std::optional<BackendPtr> Peek(std::span<const BackendPtr> servers,
                                 PolicyContext& context) const override {
    return Choose(servers, context);
  }
  std::string Name() const override { return "whashed"; }

 private:
  double factor_;
  uint32_t perturbation_;
};

}  // namespace

PolicyPtr MakeWeightedHashed(const PolicySettings& settings) {
  return std::make_shared<WeightedHashed>(settings);
}

}  // namespace breakwater::policies
