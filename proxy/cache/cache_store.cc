#include "proxy/cache/cache_store.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace breakwater {
namespace {

// Below this many entries a shard has too little to choose from when it must evict.
constexpr size_t kLeastEntriesOfShard = 32;
constexpr size_t kMaxShards = 4096;

size_t ShardCount(const PacketCacheSettings& settings) {
  const size_t wanted = std::max<size_t>(settings.number_of_shards, 4 * settings.workers);
  const size_t sensible = std::max<size_t>(1, settings.max_entries / kLeastEntriesOfShard);
  return std::min(
      {std::bit_ceil(std::max<size_t>(wanted, 1)), std::bit_floor(sensible), kMaxShards});
}

// The share of a shard and what chance may put on top of it (six standard deviations).
size_t ShardCapacity(const PacketCacheSettings& settings) {
  const double mean =
      static_cast<double>(settings.max_entries) / static_cast<double>(ShardCount(settings));
  const auto capacity = static_cast<size_t>(mean + 6 * std::sqrt(mean)) + 16;
  return std::min(capacity, settings.max_entries + 1);
}

}  // namespace

CacheStore::CacheStore(const PacketCacheSettings& settings)
    : settings_(settings),
      flushes_(settings.flush_limits),
      index_(ShardCount(settings), ShardCapacity(settings)) {
  const size_t count = ShardCount(settings);
  shards_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<CacheShard>(ShardCapacity(settings), index_.Of(i), totals_));
  }
}

bool CacheStore::IsOverBounds() const {
  return entry_count() > settings_.max_entries ||
         (settings_.max_bytes != 0 && byte_count() > settings_.max_bytes);
}

bool CacheStore::WouldBeOver(size_t bytes) const {
  return entry_count() + 1 > settings_.max_entries ||
         (settings_.max_bytes != 0 && byte_count() + bytes > settings_.max_bytes);
}

bool CacheStore::IsGoneSlowly(CacheEntry& entry, uint32_t now) const {
  const FlushVerdict verdict =
      flushes_.Judge({entry.name(), entry.type(), entry.asked_epoch, entry.checked_epoch, now});
  // Without last good answers a flush that cannot be undone leaves nothing to keep the entry for.
  if (verdict.gone || (verdict.settled && !settings_.last_good)) return true;
  if (verdict.settled) entry.due_for_good = true;
  entry.due = verdict.due || entry.due_for_good;
  // Whoever flushed wants to see the change, not what was held for want of an answer, nor what was
  // asked for before.
  if (verdict.newly_due) {
    entry.held = false;
    entry.refresh = 0;
  }
  entry.checked_epoch = now;
  // What no flush concerns is as good as asked for now: 32 bits never wrap over a live entry.
  if (!verdict.due || verdict.settled) entry.asked_epoch = now;
  return false;
}

void CacheStore::EvictElsewhere(size_t first_shard) {
  // A large answer may take the place of many small ones: several rounds, yet not for ever.
  for (size_t i = 1; i <= 64 * shards_.size() && IsOverBounds(); ++i) {
    CacheShard& other = *shards_[(first_shard + i) & (shards_.size() - 1)];
    CacheEntryPtr evicted;
    const ShardGuard guard(other.lock());
    evicted = other.EvictOne();
    if (evicted) ++other.counters().evictions;
  }
}

}  // namespace breakwater
