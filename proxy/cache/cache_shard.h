// A part of the cache under one lock: an index of open addressing, and the two queues of S3-FIFO
// (MECHANISMS.md, 2). The caller takes lock() around every other method, and frees the entries
// that come back after it has let go.
//
// The index is sized once. Tags (16 bits of the hash, 0: empty) and pointers lie apart, so that a
// probe mostly reads tags; deletion shifts the cluster back. Every entry lies between its home
// slot and the next empty one, wherever it moves: a scan by home slots meets each entry exactly
// once, whatever happens between its steps.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/base/prefetch.h"
#include "proxy/base/shard_lock.h"
#include "proxy/cache/cache_entry.h"
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
  // Room for `max_entries`. `totals` must outlive the shard.
  CacheShard(size_t max_entries, CacheTotals& totals);
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
  size_t home_slots() const { return slot_count_; }

  struct Found {
    CacheEntry* entry = nullptr;
    bool collision = false;  // an entry of equal hash and another key was met
  };
  // Hints of a Find to come, without the lock: first the home slot is fetched from memory, later
  // the entry that most likely is meant.
  void FetchIndex(uint64_t hash) const {
    const size_t home = Home(static_cast<uint32_t>(hash));
    Prefetch(&tags_[home]);
    Prefetch(&slots_[home]);
  }
  void FetchEntry(uint64_t hash) const;
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
    const size_t end = std::min(first + count, slot_count_);
    if (first >= end) return;
    size_t slot = first;
    // Past `end` a cluster's tail may still hold entries from before it, round the corner too.
    for (size_t walked = 0; walked < slot_count_;) {
      if (Tag(slot) == kEmpty) {
        if (first + walked + 1 >= end) return;
      } else if (const size_t home = Home(Slot(slot)->hash);
                 home >= first && home < end && visit(*Slot(slot))) {
        removed.push_back(Remove(Slot(slot)));
        continue;  // the rest of the cluster has moved up
      }
      slot = Next(slot);
      ++walked;
    }
  }

 private:
  static constexpr uint16_t kEmpty = 0;
  static constexpr uint8_t kMaxHits = 3;

  static uint16_t TagOf(uint64_t hash) {
    const auto tag = static_cast<uint16_t>(hash >> 32);
    return tag == kEmpty ? uint16_t{1} : tag;
  }
  size_t Home(uint32_t hash) const {
    return static_cast<size_t>((static_cast<uint64_t>(hash) * slot_count_) >> 32);
  }
  size_t Next(size_t slot) const { return slot + 1 == slot_count_ ? 0 : slot + 1; }
  uint16_t Tag(size_t slot) const { return tags_[slot].load(std::memory_order_relaxed); }
  CacheEntry* Slot(size_t slot) const { return slots_[slot].load(std::memory_order_relaxed); }
  void Set(size_t slot, uint16_t tag, CacheEntry* entry) {
    tags_[slot].store(tag, std::memory_order_relaxed);
    slots_[slot].store(entry, std::memory_order_relaxed);
  }
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
  size_t slot_count_;
  // Atomic, relaxed, for FetchEntry alone, which reads them without the lock.
  template <typename T>
  using Relaxed = std::unique_ptr<std::atomic<T>[]>;
  Relaxed<uint16_t> tags_;
  Relaxed<CacheEntry*> slots_;
  EntryQueue probation_;
  EntryQueue main_;
  CacheTotals& totals_;
};

}  // namespace breakwater
