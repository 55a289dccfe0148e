#include "proxy/base/shard_lock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace breakwater {
namespace {

TEST(ShardLock, OneAtATime) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  ShardLock lock;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        const ShardGuard guard(lock);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kEach);
}

// Held for far longer than a waiter spins: it must neither get in nor miss the end.
TEST(ShardLock, WaiterOutlastsASlowHolder) {
  ShardLock lock;
  std::atomic<bool> waiting{false};
  bool released = false;
  lock.lock();
  EXPECT_FALSE(lock.try_lock());
  std::thread waiter([&] {
    waiting = true;
    const ShardGuard guard(lock);
    EXPECT_TRUE(released);
  });
  while (!waiting) std::this_thread::yield();
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  released = true;
  lock.unlock();
  waiter.join();
}

}  // namespace
}  // namespace breakwater
