// Timers of one worker, driven by whoever owns the clock: the libuv loop in the program, the
// manual clock in scenarios. Callbacks run inside RunDue, in order of time, and may add or
// cancel timers. For thousands of timers of one length (query time-outs) use a FIFO of deadlines
// and one timer here for its head.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "proxy/base/clock.h"

namespace breakwater {

using TimerId = uint64_t;  // 0 is no timer

class TimerQueue {
 public:
  TimerId Add(MonoTime when, std::function<void()> callback);
  // Nothing happens when the timer has run or was cancelled.
  void Cancel(TimerId id);
  // Runs every timer due at `now`; returns how many ran.
  size_t RunDue(MonoTime now);
  std::optional<MonoTime> Next() const;

 private:
  using Key = std::pair<MonoTime, TimerId>;
  std::map<Key, std::function<void()>> timers_;
  std::map<TimerId, MonoTime> when_;
  TimerId next_id_ = 1;
};

}  // namespace breakwater
