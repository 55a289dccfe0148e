// What a cache holds for one question, as PacketCache::Peek tells it. A value.
#pragma once

#include <cstdint>

#include "proxy/cache/flush_table.h"
#include "proxy/dns/header.h"

namespace breakwater {

struct CachePeek {
  enum class State : uint8_t {
    kNothing,
    kFresh,
    kStale,  // over, and served all the same for want of a server
    kHeld,   // its refresh failed or is late: the last good answer is given at once
    kDue,    // over or flushed: the next to ask has it refreshed, else gets the last good answer
    kOver,   // in memory still, and served to nobody
  };
  State state = State::kNothing;
  dns::RCode rcode{};
  bool bad = false;      // no good answer, kept for seconds
  bool sibling = false;  // kept for other flags than those asked with
  FlushId flush = 0;     // the newest that concerns it; 0: none
  uint32_t age_s = 0;
  uint32_t ttl_left_s = 0;   // kFresh
  int64_t good_left_s = 0;   // kHeld, kDue: for how long it may be given
  uint32_t retry_in_ms = 0;  // kHeld
};

}  // namespace breakwater
