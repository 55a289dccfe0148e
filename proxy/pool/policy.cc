#include "proxy/pool/policy.h"

#include "proxy/pool/policies/balancers.h"

namespace breakwater {

PolicyPtr MakePolicy(std::string_view name, const PolicySettings& settings) {
  if (name == "leastOutstanding") return policies::MakeLeastOutstanding();
  if (name == "firstAvailable") return policies::MakeFirstAvailable();
  if (name == "wrandom") return policies::MakeWeightedRandom(settings);
  if (name == "whashed") return policies::MakeWeightedHashed(settings);
  if (name == "chashed") return policies::MakeConsistentHashed(settings);
  if (name == "roundrobin") return policies::MakeRoundRobin(settings);
  if (name == "orderedWrandUntag") return policies::MakeOrderedWeightedUntag();
  return nullptr;
}

}  // namespace breakwater
