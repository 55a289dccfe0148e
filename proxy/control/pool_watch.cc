#include "proxy/control/pool_watch.h"

#include <algorithm>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

constexpr int kLooks = 2;

bool IsDown(const Pool& pool) {
  const auto& first = pool.tiers.empty() ? pool.servers : pool.tiers.front();
  bool failed = false;
  for (const BackendPtr& server : first) {
    if (server->IsUp()) return false;
    failed |= !server->health().forced();
  }
  return failed;
}

}  // namespace

std::vector<PoolNews> PoolWatch::Look(const Config& config, MonoTime now) {
  std::vector<PoolNews> news;
  for (auto at = states_.begin(); at != states_.end();) {
    const Pool* pool = config.FindPool(at->first);
    if (pool != nullptr && IsDown(*pool)) {
      ++at;
      continue;
    }
    if (at->second.told) news.push_back({.pool = at->first, .is_down = false, .when = now});
    at = states_.erase(at);
  }
  for (const auto& [name, pool] : config.pools) {
    if (!IsDown(*pool)) continue;
    State& state = states_[name];
    if (++state.looks < kLooks || state.told) continue;
    state.told = true;
    news.push_back({.pool = name, .is_down = true, .when = now});
  }
  return news;
}

void LogPoolNews(const std::vector<PoolNews>& news) {
  for (const PoolNews& one : news) {
    if (one.is_down) {
      LogError("pools", "no server of the first tier of pool \"{}\" is up", one.pool);
    } else {
      LogInfo("pools", "pool \"{}\" has a server that is up again", one.pool);
    }
  }
}

}  // namespace breakwater
