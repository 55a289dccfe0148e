// A part of the cache under one lock: an index of open addressing, and the two queues of S3-FIFO
// (MECHANISMS.md, 2). The caller takes lock() around every other method, and frees the entries
// that come back after it has let go.
//
// The shard's part of the index (cache_index.h) is sized once; deletion shifts the cluster back.
// Every entry lies between its home slot and the next empty one, wherever it moves: a scan by home
// slots meets each entry exactly once, whatever happens between its steps.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/base/shard_lock.h"
#include "proxy/cache/cache_entry.h"
#include "proxy/cache/cache_index.h"
#include "proxy/cache/entry_queue.h"

namespace breakwater {

// Of all shards of a cache; changed where an entry comes or goes, never by a hit.
struct alignas(64) CacheTotals {
  std::atomic<size_t> entries{0};
  std::atomic<size_t> bytes{0};
};

struct ShardCounters {
  uint64_t hits = 0, misses = 0;
  uint64_t lookup_collisions = 0, insert_collisions = 0;
  uint64_t ttl_too_shorts = 0, evictions = 0;
  uint64_t last_good_hits = 0;
};

class alignas(64) CacheShard {
 public:
  // Room for `max_entries`. The index and `totals` must outlive the shard.
  CacheShard(size_t max_entries, SlotRange slots, CacheTotals& totals);
  ~CacheShard();
  CacheShard(const CacheShard&) = delete;
  CacheShard& operator=(const CacheShard&) = delete;

  ShardLock& lock() { return lock_; }
  ShardCounters& counters() { return counters_; }
  uint64_t& random() { return random_; }
  // Of a refresh (PacketCache::BeginRefresh), never 0.
  uint8_t NextTicket() { return ++ticket_ == 0 ? ++ticket_ : ticket_; }
  size_t size() const { return probation_.size() + main_.size(); }
  bool IsFull() const { return size() >= max_entries_; }
  size_t home_slots() const { return slots_.count; }

  struct Found {
    CacheEntry* entry = nullptr;
    bool collision = false;  // an entry of equal hash and another key was met
  };
  // `bits` are the key's, with or without kKeyTruncated.
  Found Find(const CacheKey& key, uint16_t bits, std::span<const uint8_t> name) const;

  // For want of an entry with the key: the newest last good answer to the same question, asked
  // with other flags (kKeySiblingBits). Null where there is none, or none without signatures for
  // a client that wants none.
  CacheEntry* FindSibling(const CacheKey& key, std::span<const uint8_t> name, MonoTime now) const;

  // There is a good answer, `stored`: who asks the same with other flags has the server asked
  // again.
  void LetGoSiblings(const CacheEntry& stored, const CacheKey& key);

  // A hit: counts for the eviction.
  static void Touch(CacheEntry* entry) {
    if (entry->hits < kMaxHits) ++entry->hits;
  }

  // No entry with that key may be here, and IsFull() must be false.
  struct PutOptions {
    uint64_t hash = 0;           // the key's
    bool cache_is_full = false;  // else the oldest on probation moves on unasked: there is room
  };
  void Put(CacheEntryPtr entry, const PutOptions& options);
  // `entry`, of the same key, takes the place of `old`, in the queues too.
  CacheEntryPtr Replace(CacheEntry* old, CacheEntryPtr entry);
  CacheEntryPtr Remove(CacheEntry* entry);
  // The entry S3-FIFO can do without best; null where the shard is empty.
  CacheEntryPtr EvictOne();

  // Visits the entries whose home lies in [first, first + count). Where `visit(entry)` says true
  // the entry is removed and appended to `removed`.
  template <typename Visit>
  void ScanHomes(size_t first, size_t count, std::vector<CacheEntryPtr>& removed, Visit&& visit) {
    const size_t end = std::min(first + count, slots_.count);
    if (first >= end) return;
    size_t slot = first;
    // Past `end` a cluster's tail may still hold entries from before it, round the corner too.
    for (size_t walked = 0; walked < slots_.count;) {
      if (slots_.Tag(slot) == kEmptyTag) {
        if (first + walked + 1 >= end) return;
      } else if (const size_t home = slots_.Home(slots_.Entry(slot)->hash);
                 home >= first && home < end && visit(*slots_.Entry(slot))) {
        removed.push_back(Remove(slots_.Entry(slot)));
        continue;  // the rest of the cluster has moved up
      }
      slot = slots_.Next(slot);
      ++walked;
    }
  }

 private:
  static constexpr uint8_t kMaxHits = 3;

  size_t SlotOf(const CacheEntry* entry) const;
  void EraseSlot(size_t slot);
  EntryQueue& QueueOf(const CacheEntry* entry) { return entry->in_main ? main_ : probation_; }
  // Over a tenth. One is always allowed, or a small cache would never take a new name.
  bool ProbationIsOver() const { return probation_.size() > 1 + size() / 10; }
  void MoveToMain(CacheEntry* entry);
  void Count(const CacheEntry& entry, int sign);

  ShardLock lock_;
  ShardCounters counters_;
  uint64_t random_;
  uint8_t ticket_ = 0;
  size_t max_entries_;
  SlotRange slots_;
  EntryQueue probation_;
  EntryQueue main_;
  CacheTotals& totals_;
};

}  // namespace breakwater
