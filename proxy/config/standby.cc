#include "proxy/config/standby.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakwater {
namespace {

TextResult<BackendPtr> FindServer(const Config& config, const std::string& name) {
  BackendPtr found;
  for (const BackendPtr& backend : config.backends) {
    if (backend->name() != name && backend->id() != name && backend->AddressText() != name) {
      continue;
    }
    if (found != nullptr) {
      return Fail(fmt::format("several servers are called '{}': use the id", name));
    }
    found = backend;
  }
  if (found == nullptr) return Fail(fmt::format("there is no server '{}'", name));
  return found;
}

// Pool::tiers are made when a configuration is published, this is asked of one that is checked,
// too.
bool IsBehind(const Pool& pool, const BackendPtr& server) {
  return std::ranges::find(pool.servers, server) != pool.servers.end() &&
         std::ranges::any_of(pool.servers, [&](const BackendPtr& other) {
           return other->settings().tier < server->settings().tier;
         });
}

}  // namespace

TextResult<BackendPtr> FindStandby(const Config& config, const std::string& name) {
  auto server = FindServer(config, name);
  if (!server) return server;
  for (const auto& [pool_name, pool] : config.pools) {
    if (IsBehind(*pool, *server)) return server;
  }
  return Fail(fmt::format(
      "'{}' is no standby: in no pool is there a server of a lower tier to compare it with", name));
}

}  // namespace breakwater
