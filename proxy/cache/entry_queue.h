// A first-in first-out queue of cache entries, linked through the entries themselves: an entry
// that is flushed or expires leaves from the middle at once. Part of a CacheShard, under its lock.
#pragma once

#include <cstddef>

#include "proxy/cache/cache_entry.h"

namespace breakwater {

class EntryQueue {
 public:
  size_t size() const { return size_; }
  CacheEntry* oldest() const { return oldest_; }

  void Push(CacheEntry* entry) {
    entry->newer = nullptr;
    entry->older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = entry;
    newest_ = entry;
    ++size_;
  }
  void Remove(CacheEntry* entry) {
    (entry->newer != nullptr ? entry->newer->older : newest_) = entry->older;
    (entry->older != nullptr ? entry->older->newer : oldest_) = entry->newer;
    --size_;
  }
  // `entry` takes the place of `old`.
  void Replace(CacheEntry* old, CacheEntry* entry) {
    entry->newer = old->newer;
    entry->older = old->older;
    (entry->newer != nullptr ? entry->newer->older : newest_) = entry;
    (entry->older != nullptr ? entry->older->newer : oldest_) = entry;
  }

 private:
  CacheEntry* newest_ = nullptr;
  CacheEntry* oldest_ = nullptr;
  size_t size_ = 0;
};

}  // namespace breakwater
