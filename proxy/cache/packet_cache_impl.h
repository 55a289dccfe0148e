// What a PacketCache is made of; for the files that implement it alone.
#pragma once

#include "proxy/base/guarded.h"
#include "proxy/base/token_bucket.h"
#include "proxy/cache/cache_store.h"
#include "proxy/cache/packet_cache.h"
#include "proxy/cache/sweeper.h"

namespace breakwater {

// How an entry is given to a client.
struct CacheServing {
  CacheResult result = CacheResult::kMiss;
  TtlRewrite rewrite;
};

// What a look-up found: an entry that may be served; or none, yet perhaps one that is due.
struct CacheCandidate {
  CacheEntry* entry = nullptr;
  CacheServing serving{};
  bool due = false;
};

struct PacketCache::Impl {
  Impl(const PacketCacheSettings& settings, const Clock& the_clock)
      : store(settings), sweeper(store), clock(the_clock) {
    if (const auto& ahead = settings.refresh_ahead) ahead_budget.Set(ahead->rate, ahead->rate);
    if (const auto& good = settings.last_good) {
      recheck_budget.Set(good->recheck_rate, good->recheck_rate);
    }
  }

  struct Search {
    const CacheKey& key;
    uint16_t bits;  // the key's, with or without kKeyTruncated
    std::span<const uint8_t> name;
    const CacheLookup& how;
  };
  // The entry that may be served. What a hard flush took goes to `garbage`.
  CacheCandidate FindServable(CacheShard& shard, const Search& search, CacheEntryPtr& garbage);
  CacheCandidate FindServableSibling(CacheShard& shard, const Search& search,
                                     CacheEntryPtr& garbage);
  // Whether the caller is to refresh it before its end; says so once.
  bool EndsSoon(CacheEntry& entry, MonoTime now);
  CacheCandidate AsLastGood(CacheEntry& entry, const CacheLookup& how);
  bool MayServeLastGood(CacheEntry& entry, const CacheLookup& how);
  bool IsServedWhereHeld(CacheEntry& entry, MonoTime now);
  bool MayReplace(CacheEntry& held, const CacheEntry& offered, const CacheInsert& how);
  bool Store(CacheShard& shard, CacheEntryPtr entry, const CacheKey& key, const CacheInsert& how);
  // The entry that holds a last good answer, of the key or of a sibling, up to date with the
  // flushes; the shard's lock is held. Null where there is none.
  CacheEntry* FindLastGood(CacheShard& shard, const CacheKey& key, std::span<const uint8_t> name,
                           MonoTime now);
  // For Adopt() and Known(): calls `use` with what is held for who asks the same without options
  // and DO, under its shard's lock; not where there is nothing. The caller holds none.
  template <typename Use>
  void WithPlainer(const CacheKey& key, std::span<const uint8_t> name, MonoTime now, Use&& use);
  // Of a good answer to a query with options: kept for who asks without, where they have none.
  void KeepForPlainer(const CacheEntry& entry, const CacheKey& key, const CacheInsert& how);
  // Tells the listener of what is gone at once.
  void TellGone(const FlushRequest& request);

  // The shard's lock is held.
  bool FlushedSince(const CacheKey& key, std::span<const uint8_t> name, uint32_t epoch) const;

  CacheStore store;
  Sweeper sweeper;
  TokenBucket ahead_budget;
  TokenBucket recheck_budget;
  Guarded<std::shared_ptr<const HardFlushListener>> hard_flushes;
  const Clock& clock;
};

}  // namespace breakwater
