#include "proxy/pool/pool.h"

#include <algorithm>
#include <map>
#include <utility>

namespace breakwater {
namespace {

// What all servers say; `otherwise` where they differ or there are none.
template <typename Says>
bool Agreed(const std::vector<BackendPtr>& servers, bool otherwise, Says says) {
  if (servers.empty()) return otherwise;
  const bool first = says(servers.front()->settings());
  const bool all = std::all_of(servers.begin(), servers.end(), [&](const BackendPtr& server) {
    return says(server->settings()) == first;
  });
  return all ? first : otherwise;
}

}  // namespace

void Pool::SortIntoTiers() {
  std::map<int, std::vector<BackendPtr>> by_tier;
  for (const BackendPtr& server : servers) by_tier[server->settings().tier].push_back(server);
  tiers.clear();
  if (by_tier.size() < 2) return;
  for (auto& [tier, members] : by_tier) tiers.push_back(std::move(members));
}

bool Pool::AnyUp() const {
  return std::any_of(servers.begin(), servers.end(),
                     [](const BackendPtr& server) { return server->IsUp(); });
}

bool Pool::UsesClientSubnet() const {
  return Agreed(servers, explicit_ecs,
                [](const BackendSettings& settings) { return settings.use_client_subnet; });
}

bool Pool::ZeroScope() const {
  return Agreed(servers, explicit_zero_scope,
                [](const BackendSettings& settings) { return !settings.disable_zero_scope; });
}

uint64_t Pool::Outstanding() const {
  uint64_t sum = 0;
  for (const BackendPtr& server : servers) sum += server->outstanding();
  return sum;
}

}  // namespace breakwater
