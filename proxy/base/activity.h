// What a thread is busy with, for the watchdog's report. The owner sets it around work that may
// take long (a Lua callback); anyone reads. The texts are kept by whoever runs the work for as
// long as the program lives, so that a reader never sees freed memory.
#pragma once

#include <atomic>

namespace breakwater {

class Activity {
 public:
  static Activity& OfThisThread() {
    thread_local Activity activity;
    return activity;
  }
  const char* what() const { return what_.load(std::memory_order_relaxed); }
  void Set(const char* what) { what_.store(what, std::memory_order_relaxed); }

 private:
  std::atomic<const char*> what_{"polling"};
};

// Names the work of a scope.
class ActivityScope {
 public:
  explicit ActivityScope(const char* what)
      : activity_(Activity::OfThisThread()), before_(activity_.what()) {
    activity_.Set(what);
  }
  ~ActivityScope() { activity_.Set(before_); }
  ActivityScope(const ActivityScope&) = delete;
  ActivityScope& operator=(const ActivityScope&) = delete;

 private:
  Activity& activity_;
  const char* before_;
};

}  // namespace breakwater
