// Walks over the cache in small steps and frees what is of no use any more: expired entries, and
// those that a flush made so. A whole pass makes the count of a flush final, and lets flushes go
// whose time is over. Owned by the PacketCache; one thread at a time, the control thread.
#pragma once

#include <cstddef>

#include "proxy/base/clock.h"
#include "proxy/cache/cache_store.h"

namespace breakwater {

class Sweeper {
 public:
  explicit Sweeper(CacheStore& store) : store_(store) {}

  struct Step {
    MonoTime now;
    size_t max_slots = 0;     // looked at
    bool keep_stale = false;  // expired entries stay
  };
  // Returns how many entries it freed. Stops at the end of a pass.
  size_t Run(const Step& step);

 private:
  // Flushes taken out in one go, under the table's mutex.
  static constexpr size_t kFlushesAtATime = 64;

  bool ShouldGo(CacheEntry& entry, const Step& step) const;
  void FreeOldFlushes();

  CacheStore& store_;
  ScanPosition position_;
  bool in_pass_ = false;
};

}  // namespace breakwater
