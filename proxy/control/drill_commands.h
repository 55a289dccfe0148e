// Drills (backend/drills.h) as people start them, by the control socket or by the clock, and what
// they get to see. On the control thread.
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "proxy/backend/drills.h"
#include "proxy/control/control_target.h"

namespace breakwater {

// The error says what is wrong: no such server, one of the first tier, another drill that runs.
TextResult<uint64_t> BeginDrill(const ControlTarget& target, const DrillOrder& order);

// "state", "compared", "different", "unanswered", and "zones" with differences and samples.
nlohmann::json DrillReportJson(const DrillReport& report, MonoTime now);

// addDrill. The first drill of each begins ten minutes after the start, or `every` if that is less,
// so that a server that is restarted each day is drilled as well; one at a time. Those with a time
// of day begin then, by the wall clock and the local time zone, on days that have that hour; where
// another runs, after it, and no later than an hour after their time.
class DrillScheduler {
 public:
  static constexpr MonoTime kFirst = MonoTime::FromSeconds(600);

  explicit DrillScheduler(const ControlTarget& target) : target_(target) {}
  // Each second.
  void Step();

 private:
  struct Next {
    MonoTime every{};    // the next one, of those that come each so many seconds
    int64_t day_s = -1;  // the next one by the wall clock, seconds since 1970; -1: not known
    std::string server;  // whose drill, and when: another in its place in the list begins anew
    std::optional<uint32_t> at_s;
  };
  bool IsDue(const DrillSchedule& schedule, Next& next) const;

  const ControlTarget& target_;
  std::vector<Next> next_;  // by the configuration's list
};

// The first time not before `now_s` (seconds since 1970) that is `at_s` after a local midnight.
int64_t NextTimeOfDay(int64_t now_s, uint32_t at_s);

}  // namespace breakwater
