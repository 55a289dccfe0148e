#include "proxy/worker/cache_keeper.h"

#include <algorithm>

#include "proxy/config/caches.h"

namespace breakwater {
namespace {

constexpr size_t kBatch = 1024;

// setCacheCleaningPercentage: so many percent of a cache are kept free of expired entries, and
// where fewer entries are held there is no need to.
bool HasRoom(const PacketCache& cache, const Config& config) {
  const uint64_t percent = config.settings.cache_cleaning_percentage;
  return cache.EntryCount() <= cache.settings().max_entries * (100 - percent) / 100;
}

// keepStaleData: expired entries stay while a pool that uses the cache has servers, none of
// them up (meaning-operation.md).
ExpiredEntries FateOfExpired(const PacketCache& cache, const Config& config) {
  if (HasRoom(cache, config)) return ExpiredEntries::kKeep;
  if (!cache.settings().keep_stale_data) return ExpiredEntries::kFree;
  const bool alone = std::any_of(config.pools.begin(), config.pools.end(), [&](const auto& entry) {
    const Pool& pool = *entry.second;
    return pool.cache.get() == &cache && !pool.servers.empty() && !pool.AnyUp();
  });
  return alone ? ExpiredEntries::kKeep : ExpiredEntries::kFree;
}

}  // namespace

void CacheKeeper::Step(const Config& config) {
  const MonoTime end = clock_.Now() + kBusyPerStep;
  for (const auto& [pools, cache] : CachesOf(config)) SweepOne(*cache, config, end);
}

void CacheKeeper::SweepOne(PacketCache& cache, const Config& config, MonoTime end) {
  // Of a cache without entries what is held of flushes must go all the same.
  const auto held = [&cache] { return cache.HeldFlushes(); };
  if (cache.EntryCount() == 0 && held() == PacketCache::FlushesHeld::kNone) return;
  const ExpiredEntries expired = FateOfExpired(cache, config);
  const auto delay_s = std::max<size_t>(1, config.settings.cache_cleaning_delay_s);
  const size_t quota =
      std::max<size_t>(64, cache.SlotCount() * static_cast<size_t>(kStep.ms()) / (delay_s * 1000));
  (void)cache.Sweep(quota, expired);
  while (held() == PacketCache::FlushesHeld::kUnswept && clock_.Now() < end) {
    (void)cache.Sweep(kBatch, expired);
  }
}

}  // namespace breakwater
