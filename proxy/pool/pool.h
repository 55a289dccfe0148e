// A named set of servers with, perhaps, a cache and a policy of its own. A value: the
// configuration copies it when something changes and publishes the copy; workers see it
// unchanged for as long as they hold the snapshot.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/cache/packet_cache.h"
#include "proxy/pool/policy.h"

namespace breakwater {

struct Pool {
  std::string name;                 // empty: the default pool
  std::vector<BackendPtr> servers;  // sorted by order, then as configured
  // The same by tier, the first tier first; empty where all are of one.
  std::vector<std::vector<BackendPtr>> tiers;
  std::shared_ptr<PacketCache> cache;  // null: none
  PolicyPtr policy;                    // null: the global one
  bool explicit_ecs = false;           // setECS, for pools whose servers disagree or are none
  bool explicit_zero_scope = true;

  void SortIntoTiers();
  bool AnyUp() const;
  // What decides the client subnet before a server is chosen: the servers', where they agree.
  bool UsesClientSubnet() const;
  bool ZeroScope() const;
  uint64_t Outstanding() const;
};

}  // namespace breakwater
