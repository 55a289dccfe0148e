#include "proxy/worker/cache_keeper.h"

#include <algorithm>

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
  std::erase_if(progress_, [](const auto& entry) { return entry.second.cache.expired(); });
  for (const auto& [name, pool] : config.pools) {
    if (pool->cache == nullptr) continue;
    const auto [place, added] = progress_.try_emplace(pool->cache.get());
    Progress& progress = place->second;
    if (added) progress = {.cache = pool->cache, .epoch = pool->cache->epoch()};
  }
  const MonoTime end = clock_.Now() + kBusyPerStep;
  for (auto& [address, progress] : progress_) {
    if (const auto cache = progress.cache.lock()) SweepOne(*cache, progress, config, end);
  }
}

void CacheKeeper::SweepOne(PacketCache& cache, Progress& progress, const Config& config,
                           MonoTime end) {
  const size_t entries = cache.EntryCount();
  if (entries == 0) return;
  if (const uint32_t epoch = cache.epoch(); epoch != progress.epoch) {
    progress.epoch = epoch;
    progress.left_of_fast_pass = 2 * entries;  // a full pass that began after the flush
  }
  const ExpiredEntries expired = FateOfExpired(cache, config);
  const auto delay_s = std::max<size_t>(1, config.settings.cache_cleaning_delay_s);
  const size_t quota =
      std::max<size_t>(64, entries * static_cast<size_t>(kStep.ms()) / (delay_s * 1000));
  (void)cache.Sweep(quota, expired);
  while (progress.left_of_fast_pass > 0 && clock_.Now() < end) {
    (void)cache.Sweep(kBatch, expired);
    progress.left_of_fast_pass -= std::min(progress.left_of_fast_pass, kBatch);
  }
}

}  // namespace breakwater
