#include "proxy/config/backend_upgrade.h"

#include <algorithm>

namespace breakwater {
namespace {

bool Contains(const std::vector<BackendPtr>& servers, const BackendPtr& server) {
  return std::find(servers.begin(), servers.end(), server) != servers.end();
}

// What the operator forced stays forced, but a server that stays beside its successor leaves it to
// health checks; what checks found holds until the successor's own first check.
void CarryState(const Backend& server, Backend& upgraded) {
  const HealthState& now = server.health();
  const DiscoverySettings& how = *server.settings().discovery;
  if (now.forced() && !now.IsUp()) {
    upgraded.ForceDown();
  } else if (now.forced() && !how.keep) {
    upgraded.health().ForceUp();
  } else if (now.forced() ? how.lazy_auto : now.lazy()) {
    upgraded.health().SetLazyAuto(now.IsUp());
  } else {
    upgraded.health().SetActiveAuto(now.IsUp());
  }
}

}  // namespace

bool UpgradeBackend(ConfigBuilder& builder, const BackendPtr& server, const BackendPtr& upgraded) {
  if (!Contains(builder.config().backends, server)) return false;
  const DiscoverySettings& how = *server->settings().discovery;
  std::vector<std::string> pools;
  if (!how.pool.empty()) {
    pools.push_back(how.pool);
  } else {
    for (const auto& [name, pool] : builder.config().pools) {
      if (Contains(pool->servers, server)) pools.push_back(name);
    }
  }
  CarryState(*server, *upgraded);
  builder.AddBackend(upgraded);
  for (const std::string& pool : pools) builder.AddBackendToPool(upgraded, pool);
  if (!how.keep) builder.RemoveBackend(server);
  return true;
}

}  // namespace breakwater
