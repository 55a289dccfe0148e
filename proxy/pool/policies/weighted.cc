#include "proxy/pool/policies/weighted.h"

#include <array>

#include "proxy/base/hash.h"

namespace breakwater::policies {

LoadBound::LoadBound(std::span<const BackendPtr> servers, double factor) {
  if (factor <= 0) return;
  double load = 1;
  double weights = 0;
  for (const BackendPtr& server : servers) {
    if (!server->IsUp()) continue;
    load += static_cast<double>(server->outstanding());
    weights += server->weight();
  }
  if (weights <= 0) return;
  bounded_ = true;
  per_weight_ = load / weights * factor;
}

bool LoadBound::Allows(const Backend& server) const {
  if (!server.IsUp()) return false;
  return !bounded_ || static_cast<double>(server.outstanding()) <= per_weight_ * server.weight();
}

uint32_t HashName(const Query& query, uint32_t perturbation) {
  const auto name = query.name();
  std::array<uint8_t, dns::kMaxNameLength> folded;
  for (size_t i = 0; i < name.size(); ++i) folded[i] = dns::FoldByte(name[i]);
  return static_cast<uint32_t>(HashBytes({folded.data(), name.size()}, perturbation));
}

uint32_t PerturbationOf(const PolicySettings& settings) {
  if (settings.whashed_perturbation != 0) return settings.whashed_perturbation;
  return static_cast<uint32_t>(ProcessHashSeed());
}

}  // namespace breakwater::policies
