// A rate limit shared by all threads: one 64-bit atomic that holds the time at which the bucket
// will be full again (the generic cell rate algorithm), so that taking a token is one
// compare-and-swap and nothing is refilled.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/base/clock.h"

namespace breakwater {

class TokenBucket {
 public:
  // `rate` tokens a second, at most `burst` at once. Rate 0: every Take succeeds.
  TokenBucket(double rate, double burst) { Set(rate, burst); }
  TokenBucket() : TokenBucket(0, 0) {}

  void Set(double rate, double burst) {
    interval_ns_.store(rate > 0 ? static_cast<int64_t>(1e9 / rate) : 0, std::memory_order_relaxed);
    depth_ns_.store(rate > 0 ? static_cast<int64_t>(burst * 1e9 / rate) : 0,
                    std::memory_order_relaxed);
  }
  bool Take(MonoTime now) {
    const int64_t interval = interval_ns_.load(std::memory_order_relaxed);
    if (interval == 0) return true;
    const int64_t depth = depth_ns_.load(std::memory_order_relaxed);
    int64_t full_at = full_at_ns_.load(std::memory_order_relaxed);
    for (;;) {
      const int64_t base = full_at > now.ns ? full_at : now.ns;
      if (base + interval - now.ns > depth) return false;
      if (full_at_ns_.compare_exchange_weak(full_at, base + interval, std::memory_order_relaxed)) {
        return true;
      }
    }
  }
  // What Take would answer, without taking.
  bool WouldTake(MonoTime now) const {
    const int64_t interval = interval_ns_.load(std::memory_order_relaxed);
    if (interval == 0) return true;
    const int64_t full_at = full_at_ns_.load(std::memory_order_relaxed);
    const int64_t base = full_at > now.ns ? full_at : now.ns;
    return base + interval - now.ns <= depth_ns_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> interval_ns_{0};
  std::atomic<int64_t> depth_ns_{0};
  std::atomic<int64_t> full_at_ns_{0};
};

}  // namespace breakwater
