#include "proxy/pool/policies/balancers.h"
#include "proxy/pool/policies/weighted.h"

namespace breakwater::policies {
namespace {

// A ring on which each server has as many points as its weight; a name goes to the server whose
// point is the first at or after the name's. A server that comes or goes moves only the names of
// its own points.
class ConsistentHashed : public Policy {
 public:
  explicit ConsistentHashed(const PolicySettings& settings)
      : factor_(settings.consistent_hashing_balancing_factor),
        perturbation_(PerturbationOf(settings)) {}

  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    const LoadBound bound(servers, factor_);
    return PickOnRing(servers, HashName(context.query, perturbation_), perturbation_, bound);
  }
  std::optional<BackendPtr> Peek(std::span<const BackendPtr> servers,
                                 PolicyContext& context) const override {
    return Choose(servers, context);
  }
  std::string Name() const override { return "chashed"; }

 private:
  double factor_;
  uint32_t perturbation_;
};

}  // namespace

BackendPtr PickOnRing(std::span<const BackendPtr> servers, uint32_t hash, uint32_t perturbation,
                      const LoadBound& bound) {
  const BackendPtr* after = nullptr;  // the nearest point at or after the hash
  const BackendPtr* first = nullptr;  // the first point of the ring, where there is none
  uint32_t after_at = 0;
  uint32_t first_at = 0;
  for (const BackendPtr& server : servers) {
    if (!bound.Allows(*server)) continue;
    const auto weight = static_cast<uint32_t>(server->weight());
    const auto& ring = server->hash_points().Get(server->id(), perturbation, weight);
    if (const auto at = ring.AtOrAfter(hash, weight)) {
      if (after == nullptr || *at < after_at) {
        after = &server;
        after_at = *at;
      }
    } else if (const auto start = ring.AtOrAfter(0, weight)) {
      if (first == nullptr || *start < first_at) {
        first = &server;
        first_at = *start;
      }
    }
  }
  if (after != nullptr) return *after;
  return first == nullptr ? nullptr : *first;
}

PolicyPtr MakeConsistentHashed(const PolicySettings& settings) {
  return std::make_shared<ConsistentHashed>(settings);
}

}  // namespace breakwater::policies
