// Where the entries of a cache are found: slots of open addressing, a part of them for each shard
// (cache_shard.h), under its lock. Tags (16 bits of the hash, 0: empty) and pointers lie apart, so
// that a probe mostly reads tags, and those of all shards together: a hint of a look-up to come
// reads nothing that the last one did not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/prefetch.h"
#include "proxy/cache/cache_entry.h"

namespace breakwater {

inline constexpr uint16_t kEmptyTag = 0;

inline uint16_t TagOf(uint64_t hash) {
  const auto tag = static_cast<uint16_t>(hash >> 32);
  return tag == kEmptyTag ? uint16_t{1} : tag;
}

inline size_t HomeOf(uint32_t hash, size_t slots) {
  return static_cast<size_t>((static_cast<uint64_t>(hash) * slots) >> 32);
}

// The slots of one shard. A value that points into the index.
struct SlotRange {
  // Atomic, relaxed, for CacheIndex::FetchEntry() alone, which reads them without a lock.
  std::atomic<uint16_t>* tags;
  std::atomic<CacheEntry*>* entries;
  size_t count;

  size_t Home(uint32_t hash) const { return HomeOf(hash, count); }
  size_t Next(size_t slot) const { return slot + 1 == count ? 0 : slot + 1; }
  uint16_t Tag(size_t slot) const { return tags[slot].load(std::memory_order_relaxed); }
  CacheEntry* Entry(size_t slot) const { return entries[slot].load(std::memory_order_relaxed); }
  void Set(size_t slot, uint16_t tag, CacheEntry* entry) {
    tags[slot].store(tag, std::memory_order_relaxed);
    entries[slot].store(entry, std::memory_order_relaxed);
  }
};

// Sized once. Owns no entry. Must outlive its shards.
class CacheIndex {
 public:
  // Four slots out of five in use: probes stay short, and there is always an empty one.
  CacheIndex(size_t shards, size_t entries_each)
      : slots_each_(entries_each + entries_each / 4 + 8),
        tags_(shards * slots_each_),
        entries_(shards * slots_each_) {}

  SlotRange Of(size_t shard) {
    return {&tags_[shard * slots_each_], &entries_[shard * slots_each_], slots_each_};
  }

  // Hints, on any thread: first the home slot of the hash is fetched from memory, later the entry
  // that most likely is meant.
  void FetchSlot(size_t shard, uint64_t hash) const {
    const size_t slot = shard * slots_each_ + HomeOf(static_cast<uint32_t>(hash), slots_each_);
    Prefetch(&tags_[slot]);
    Prefetch(&entries_[slot]);
  }
  void FetchEntry(size_t shard, uint64_t hash) {
    const SlotRange slots = Of(shard);
    size_t slot = slots.Home(static_cast<uint32_t>(hash));
    const uint16_t tag = TagOf(hash);
    while (slots.Tag(slot) != tag && slots.Tag(slot) != kEmptyTag) slot = slots.Next(slot);
    const auto* const entry = reinterpret_cast<const uint8_t*>(slots.Entry(slot));
    Prefetch(entry);
    Prefetch(entry + 64);
  }

 private:
  const size_t slots_each_;
  std::vector<std::atomic<uint16_t>> tags_;
  std::vector<std::atomic<CacheEntry*>> entries_;
};

}  // namespace breakwater
