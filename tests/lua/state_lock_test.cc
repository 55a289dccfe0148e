#include "lua/state_lock.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace breakwater::lua
