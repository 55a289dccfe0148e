#include "proxy/config/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "proxy/config/caches.h"
#include "proxy/config/standby.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

std::string Called(const Pool& pool) {
  return pool.name.empty() ? std::string("the default pool") : fmt::format("pool '{}'", pool.name);
}

// Answers of servers that are asked without the client's subnet must not be shared under a key
// that holds it, so a cache serves such a pool badly (MECHANISMS, 1).
void CheckClientSubnet(const Pool& pool, std::vector<std::string>* findings) {
  if (pool.servers.empty() || !pool.cache) return;
  const auto uses = [](const BackendPtr& server) { return server->settings().use_client_subnet; };
  const bool first = uses(pool.servers.front());
  if (std::all_of(pool.servers.begin(), pool.servers.end(),
                  [&](const BackendPtr& server) { return uses(server) == first; })) {
    return;
  }
  findings->push_back(fmt::format(
      "the servers of {} differ in useClientSubnet: answers of those without it are not cached",
      Called(pool)));
}

void CheckBackendIds(const Config& config, std::vector<std::string>* findings) {
  std::set<std::string> seen;
  for (const BackendPtr& backend : config.backends) {
    if (!seen.insert(backend->id()).second) {
      findings->push_back(fmt::format("more than one server has the id {}", backend->id()));
    }
  }
}

// What a standby answers from has to be there when it is needed.
void CheckZoneFiles(const Config& config, std::vector<std::string>* findings) {
  std::set<std::string> seen;
  for (const BackendPtr& backend : config.backends) {
    if (backend->zones() == nullptr) continue;
    const std::string& path = backend->zones()->settings().path;
    std::error_code error;
    if (!seen.insert(path).second || std::filesystem::is_directory(path, error)) continue;
    findings->push_back(fmt::format("newZoneServer: the directory '{}' cannot be used: {}", path,
                                    error ? error.message() : "it is no directory"));
  }
}

void CheckPool(const Pool& pool, std::vector<std::string>* findings) {
  if (!pool.name.empty() && pool.servers.empty()) {
    findings->push_back(fmt::format("{} has no servers", Called(pool)));
  }
  CheckClientSubnet(pool, findings);
}

void CheckDrills(const Config& config, std::vector<std::string>* findings) {
  for (const DrillSchedule& drill : config.settings.drills) {
    if (const auto found = FindStandby(config, drill.order.server); !found) {
      findings->push_back("addDrill: " + found.error());
    }
  }
}

}  // namespace

std::vector<std::string> CheckConfig(const Config& config) {
  std::vector<std::string> findings;
  CheckBackendIds(config, &findings);
  for (const auto& [name, pool] : config.pools) CheckPool(*pool, &findings);
  CheckDrills(config, &findings);
  CheckZoneFiles(config, &findings);
  if (!config.settings.cache_snapshot.path.empty() && CachesOf(config).empty()) {
    findings.push_back("setCacheSnapshot is set, and no pool has a cache");
  }
  if (config.acl.empty()) findings.push_back("the access list is empty: nobody may ask");
  if (config.settings.control_socket.IsSet() && config.settings.console_key.empty()) {
    findings.push_back("controlSocket is set, setKey is not: the console refuses everybody");
  }
  return findings;
}

}  // namespace breakwater
