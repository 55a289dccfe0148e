// The built-in load-balancing policies, one a file; MakePolicy() in policy.cc names them.
#pragma once

#include "proxy/pool/policy.h"

namespace breakwater::policies {

PolicyPtr MakeLeastOutstanding();
PolicyPtr MakeFirstAvailable();
PolicyPtr MakeWeightedRandom(const PolicySettings& settings);
PolicyPtr MakeWeightedHashed(const PolicySettings& settings);
PolicyPtr MakeConsistentHashed(const PolicySettings& settings);
PolicyPtr MakeRoundRobin(const PolicySettings& settings);
PolicyPtr MakeOrderedWeightedUntag();

// The server that is up and has the fewest queries outstanding; of equal ones that of the lowest
// order, then of the lowest latency. Null where all are down.
BackendPtr ChooseLeastOutstanding(std::span<const BackendPtr> servers);

}  // namespace breakwater::policies
