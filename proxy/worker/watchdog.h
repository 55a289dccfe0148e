// Notices a worker whose loop stands still. Every worker's loop turns at least once a second (it
// has a timer for that); one that has not turned for five seconds is reported, once per stall,
// and again when it goes on. Control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"

namespace breakwater {

class Watchdog {
 public:
  static constexpr MonoTime kStall = MonoTime::FromSeconds(5);

  // `activity` says in words what a worker is doing now ("Lua callback of rule 'abuse'").
  using Activity = std::function<std::string(size_t worker)>;
  Watchdog(Counters& counters, Activity activity)
      : counters_(counters), activity_(std::move(activity)) {}

  // `turns` holds each worker's count of loop turns; call it about once a second.
  void Check(const std::vector<uint64_t>& turns, MonoTime now);

 private:
  struct Seen {
    uint64_t turns = 0;
    MonoTime since;
    bool reported = false;
  };
  Counters& counters_;
  Activity activity_;
  std::vector<Seen> seen_;
};

}  // namespace breakwater
