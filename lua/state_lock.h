// The locks of the guarded Lua state. Any thread.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace breakwater::lua {

// Recursive for the thread that holds it, and workers wait for it only so long.
class StateLock {
 public:
  void Lock() {
    std::unique_lock<std::mutex> lock(mutex_);
    free_.wait(lock, [&] { return MayTake(); });
    Take();
  }
  // Lets go of it, however often the caller holds it; TakeBack() takes what this gave.
  int LetGo() {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int depth = depth_;
    depth_ = 0;
    owner_ = std::thread::id();
    takes_when_let_go_ = takes_;
    free_.notify_one();
    return depth;
  }
  // After those who waited when it was let go, or at least one of them.
  void TakeBack(int depth) {
    std::unique_lock<std::mutex> lock(mutex_);
    free_.wait(lock,
               [&] { return depth_ == 0 && (waiting_ == 0 || takes_ != takes_when_let_go_); });
    Take();
    depth_ = depth;
  }
  // False when it was not to be had within `timeout_ms`.
  bool TryLock(uint32_t timeout_ms) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!MayTake()) {
      ++waiting_;
      const bool free =
          free_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return MayTake(); });
      --waiting_;
      if (!free) {
        free_.notify_one();  // who takes it back may have waited for this one
        return false;
      }
    }
    Take();
    return true;
  }
  // Returns how often the caller still holds it.
  int Unlock() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--depth_ == 0) {
      owner_ = std::thread::id();
      free_.notify_one();
    }
    return depth_;
  }
  // Calls `with` with the thread that holds it, which cannot let go of it meanwhile. False where
  // nobody holds it.
  bool WithOwner(const std::function<void(pthread_t)>& with) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (depth_ == 0) return false;
    with(thread_);
    return true;
  }

 private:
  bool MayTake() const { return depth_ == 0 || owner_ == std::this_thread::get_id(); }
  void Take() {
    owner_ = std::this_thread::get_id();
    thread_ = pthread_self();
    ++depth_;
    ++takes_;
  }

  std::mutex mutex_;
  std::condition_variable free_;
  std::thread::id owner_;
  pthread_t thread_{};  // of the owner
  int depth_ = 0;
  int waiting_ = 0;  // in TryLock
  uint64_t takes_ = 0;
  uint64_t takes_when_let_go_ = 0;
};

// Of the script side, recursive too. Those who wait are served in their order: a thread with one
// call after another must not keep the others out.
class TurnLock {
 public:
  void Lock() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (owner_ != std::this_thread::get_id()) {
      const uint64_t turn = next_turn_++;
      passed_on_.wait(lock, [&] { return turn == turn_; });
      owner_ = std::this_thread::get_id();
    }
    ++depth_;
  }
  void Unlock() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--depth_ > 0) return;
    owner_ = std::thread::id();
    ++turn_;
    passed_on_.notify_all();
  }
  // Waits until nobody holds it nor waits for it; false where that does not come in time.
  bool AwaitFree(std::chrono::milliseconds patience) {
    std::unique_lock<std::mutex> lock(mutex_);
    return passed_on_.wait_for(lock, patience, [&] { return next_turn_ == turn_; });
  }
  uint64_t Waiting() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return next_turn_ - turn_ - (depth_ > 0 ? 1 : 0);
  }

 private:
  std::mutex mutex_;
  std::condition_variable passed_on_;
  std::thread::id owner_;
  int depth_ = 0;
  uint64_t turn_ = 0;  // whose turn it is
  uint64_t next_turn_ = 0;
};

}  // namespace breakwater::lua
