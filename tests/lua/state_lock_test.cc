#include "lua/state_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace breakwater::lua {
namespace {

TEST(TurnLock, AThreadThatComesBackAtOnceDoesNotGoBeforeOneThatWaits) {
  TurnLock lock;
  bool had_it = false;  // under the lock
  lock.Lock();
  std::thread other([&] {
    lock.Lock();
    had_it = true;
    lock.Unlock();
  });
  while (lock.Waiting() == 0) std::this_thread::yield();
  lock.Unlock();
  lock.Lock();
  EXPECT_TRUE(had_it);
  lock.Unlock();
  other.join();
}

TEST(TurnLock, IsRecursive) {
  TurnLock lock;
  bool had_it = false;
  lock.Lock();
  lock.Lock();
  std::thread other([&] {
    lock.Lock();
    had_it = true;
    lock.Unlock();
  });
  while (lock.Waiting() == 0) std::this_thread::yield();
  lock.Unlock();
  EXPECT_EQ(lock.Waiting(), 1u);
  EXPECT_FALSE(had_it);
  lock.Unlock();
  other.join();
  EXPECT_TRUE(had_it);
}

TEST(StateLock, IsLetGoWholeAndTakenBackAfterThoseWhoWait) {
  StateLock lock;
  lock.Lock();
  lock.Lock();
  std::atomic<bool> had_it{false};
  std::thread other([&] {
    ASSERT_TRUE(lock.TryLock(60'000));
    had_it = true;
    lock.Unlock();
  });
  while (!had_it) {
    const int depth = lock.LetGo();
    EXPECT_EQ(depth, 2);
    lock.TakeBack(depth);
  }
  other.join();
  EXPECT_EQ(lock.Unlock(), 1);
  std::thread([&] { EXPECT_FALSE(lock.TryLock(0)); }).join();
  EXPECT_EQ(lock.Unlock(), 0);
}

}  // namespace
}  // namespace breakwater::lua
