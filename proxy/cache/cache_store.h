// The entries of a cache and the flushes that concern them: what look-ups, the sweeper, the dump
// and the expunge functions share. Owned by the PacketCache; used from any thread, each shard
// under its lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/cache/cache_shard.h"
#include "proxy/cache/flush_table.h"
#include "proxy/cache/packet_cache.h"

namespace breakwater {

// Every scan holds a shard for this many slots at most.
inline constexpr size_t kScanStep = 64;

// Where a scan stands: a shard, and a home slot in it.
struct ScanPosition {
  size_t shard = 0;
  size_t slot = 0;
};

class CacheStore {
 public:
  explicit CacheStore(const PacketCacheSettings& settings);

  const PacketCacheSettings& settings() const { return settings_; }
  FlushTable& flushes() { return flushes_; }
  const FlushTable& flushes() const { return flushes_; }
  size_t entry_count() const { return totals_.entries.load(std::memory_order_relaxed); }
  size_t byte_count() const { return totals_.bytes.load(std::memory_order_relaxed); }
  bool IsFull() const { return entry_count() >= settings_.max_entries; }
  // Whole passes in search of expired entries.
  std::atomic<uint64_t>& cleanup_count() { return cleanup_count_; }
  bool IsOverBounds() const;
  bool WouldBeOver(size_t bytes) const;

  size_t shard_count() const { return shards_.size(); }
  size_t slot_count() const { return shards_.size() * shards_.front()->home_slots(); }
  CacheShard& shard(size_t index) const { return *shards_[index]; }
  size_t ShardIndex(uint64_t hash) const { return (hash >> 48) & (shards_.size() - 1); }
  // Hints of a look-up to come, one after the other.
  void FetchSlot(uint64_t hash) const {
    const size_t index = ShardIndex(hash);
    index_.FetchSlot(index, hash);
    Prefetch(shards_[index].get());
  }
  void FetchEntry(uint64_t hash) { index_.FetchEntry(ShardIndex(hash), hash); }

  // Brings what the entry knows of the flushes up to date. True where it is gone: the caller
  // removes it. Afterwards entry.due says whether a soft flush has passed over it. The shard's
  // lock is held.
  bool IsGone(CacheEntry& entry) const {
    const uint32_t now = flushes_.epoch();
    return entry.checked_epoch != now && IsGoneSlowly(entry, now);
  }
  // The same, and looks even at what it has looked at before.
  bool IsGoneSlowly(CacheEntry& entry, uint32_t now) const;

  // Evicts from the shards behind `first_shard`, one after the other, until the bounds hold.
  void EvictElsewhere(size_t first_shard);

  // One step of a scan: visits the entries of at most kScanStep home slots, removes those for
  // which `visit` says true, and moves on. False at the end, where it starts over. Returns the
  // number removed through `removed`.
  template <typename Visit>
  bool ScanStep(ScanPosition& position, size_t& removed, Visit&& visit) const {
    std::vector<CacheEntryPtr> garbage;
    garbage.reserve(kScanStep);
    CacheShard& shard = *shards_[position.shard];
    {
      const ShardGuard guard(shard.lock());
      shard.ScanHomes(position.slot, kScanStep, garbage, visit);
    }
    removed += garbage.size();
    position.slot += kScanStep;
    if (position.slot < shard.home_slots()) return true;
    position.slot = 0;
    if (++position.shard < shards_.size()) return true;
    position.shard = 0;
    return false;
  }

 private:
  const PacketCacheSettings settings_;
  CacheTotals totals_;
  FlushTable flushes_;
  std::atomic<uint64_t> cleanup_count_{0};
  CacheIndex index_;
  std::vector<std::unique_ptr<CacheShard>> shards_;
};

}  // namespace breakwater
