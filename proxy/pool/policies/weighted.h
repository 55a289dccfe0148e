// What the weighted policies share: the bound on a server's load, the choice by weight, and the
// hash of a question's name.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/pool/policy.h"

namespace breakwater::policies {

// A server is left out while it has more queries outstanding than `factor` times its fair share,
// by weight, of all that is outstanding at the servers that are up, the present query included.
// Factor 0: no server is left out.
class LoadBound {
 public:
  LoadBound(std::span<const BackendPtr> servers, double factor);
  // True where the server is up and within the bound.
  bool Allows(const Backend& server) const;

 private:
  bool bounded_ = false;
  double per_weight_ = 0;
};

// The server at `draw` modulo the sum of the weights of those that `allows(server)` lets through.
template <typename Allows>
BackendPtr PickByWeight(std::span<const BackendPtr> servers, uint64_t draw, Allows allows) {
  uint64_t sum = 0;
  for (const BackendPtr& server : servers) {
    if (allows(*server)) sum += static_cast<uint64_t>(server->weight());
  }
  if (sum == 0) return nullptr;
  uint64_t left = draw % sum;
  BackendPtr last;
  for (const BackendPtr& server : servers) {
    if (!allows(*server)) continue;
    last = server;
    const auto weight = static_cast<uint64_t>(server->weight());
    if (left < weight) break;
    left -= weight;
  }
  // One that went down between the two passes leaves `left` too large: the last one serves then.
  return last;
}

// The server whose point on the ring is the first at or after `hash`, of those within `bound`.
BackendPtr PickOnRing(std::span<const BackendPtr> servers, uint32_t hash, uint32_t perturbation,
                      const LoadBound& bound);

// Ignores case, so that all spellings of a name go to one server.
uint32_t HashName(const Query& query, uint32_t perturbation);

// The configured perturbation; where none is, one drawn once for the whole process, so that a
// new configuration does not send all names elsewhere.
uint32_t PerturbationOf(const PolicySettings& settings);

}  // namespace breakwater::policies
