#include "proxy/config/caches.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakwater {

std::vector<NamedCache> CachesOf(const Config& config) {
  std::vector<NamedCache> caches;
  for (const auto& [name, pool] : config.pools) {
    if (pool->cache == nullptr) continue;
    auto found = std::ranges::find(caches, pool->cache, &NamedCache::cache);
    if (found == caches.end()) found = caches.insert(caches.end(), {{}, pool->cache});
    found->pools.push_back(name);
  }
  return caches;
}

TextResult<std::vector<std::shared_ptr<PacketCache>>> CachesToFlush(
    const Config& config, const std::optional<std::string>& pool_name) {
  std::vector<std::shared_ptr<PacketCache>> caches;
  if (pool_name) {
    const Pool* pool = config.FindPool(*pool_name);
    if (pool == nullptr) return Fail(fmt::format("there is no pool '{}'", *pool_name));
    if (pool->cache == nullptr) return Fail(fmt::format("the pool '{}' has no cache", *pool_name));
    caches.push_back(pool->cache);
    return caches;
  }
  for (auto& [pools, cache] : CachesOf(config)) caches.push_back(cache);
  if (caches.empty()) return Fail(std::string("no pool has a cache"));
  return caches;
}

uint64_t FlushesLeft(std::span<const std::shared_ptr<PacketCache>> caches,
                     std::string_view caller) {
  uint64_t left = UINT64_MAX;
  for (const auto& cache : caches) {
    const FlushShare share = cache->ShareOf(caller);
    left = std::min(left, share.most - std::min(share.held, share.most));
  }
  return left;
}

void TellZonesOfFlush(ZoneHealth& zones, std::span<const FlushRequest> flushed, MonoTime now) {
  std::vector<dns::Name> gone;
  for (const FlushRequest& flush : flushed) {
    const bool all = flush.suffix && !flush.type && flush.name.CountLabels() == 0;
    if (all && !flush.hard) {
      zones.ExpectRepair(now);
    } else if (flush.hard && flush.suffix && !flush.type) {
      gone.push_back(flush.name);
    } else {
      zones.ExpectNewSerial(flush.name.wire(), now);
    }
  }
  zones.Forget(gone);
}

}  // namespace breakwater
