// The lock of one shard of the cache or the rings: held for the length of a look-up and a copy,
// some 50 ns, so that a waiter spins, then yields, and sleeps only where the holder itself does
// not run. Unlocking is a plain store: nobody need be woken, and the processor does not wait for
// all that was written before.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "proxy/base/guarded.h"

namespace breakwater {

class BW_CAPABILITY("mutex") ShardLock {
 public:
  void lock() BW_ACQUIRE() {
    if (!Take()) LockSlowly();
  }
  bool try_lock() BW_TRY_ACQUIRE(true) { return Take(); }
  void unlock() BW_RELEASE() { held_.store(false, std::memory_order_release); }

 private:
  static constexpr int kSpins = 200;
  static constexpr int kYields = 200;

  bool Take() { return !held_.exchange(true, std::memory_order_acquire); }

  void LockSlowly() {
    for (int tries = 0;; ++tries) {
      if (!held_.load(std::memory_order_relaxed) && Take()) return;
      if (tries > kSpins + kYields) {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      } else if (tries > kSpins) {
        std::this_thread::yield();
      }
    }
  }

  std::atomic<bool> held_{false};
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
