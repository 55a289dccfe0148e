// The lock of one shard of the cache or the rings: held for the length of a look-up and a copy,
// some 50 ns, so that a waiter spins a little before it sleeps. One word, and inlined: half the
// cost of std::mutex.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/base/guarded.h"

namespace breakwater {

class BW_CAPABILITY("mutex") ShardLock {
 public:
  void lock() BW_ACQUIRE() {
    uint32_t free = kFree;
    if (!state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire)) LockSlowly();
  }
  bool try_lock() BW_TRY_ACQUIRE(true) {
    uint32_t free = kFree;
    return state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire);
  }
  void unlock() BW_RELEASE() {
    if (state_.exchange(kFree, std::memory_order_release) == kAwaited) state_.notify_one();
  }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr uint32_t kAwaited = 2;  // held, and somebody may be asleep
  static constexpr int kSpins = 200;

  void LockSlowly() {
    for (int i = 0; i < kSpins; ++i) {
      uint32_t free = kFree;
      if (state_.load(std::memory_order_relaxed) == kFree &&
          state_.compare_exchange_weak(free, kHeld, std::memory_order_acquire)) {
        return;
      }
    }
    while (state_.exchange(kAwaited, std::memory_order_acquire) != kFree) {
      state_.wait(kAwaited, std::memory_order_relaxed);
    }
  }

  std::atomic<uint32_t> state_{kFree};
};

class BW_SCOPED_CAPABILITY ShardGuard {
 public:
  explicit ShardGuard(ShardLock& lock) BW_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~ShardGuard() BW_RELEASE() { lock_.unlock(); }
  ShardGuard(const ShardGuard&) = delete;
  ShardGuard& operator=(const ShardGuard&) = delete;

 private:
  ShardLock& lock_;
};

}  // namespace breakwater
