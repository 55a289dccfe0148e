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
// so that a server that is restarted each day is drilled as well; one at a time.
class DrillScheduler {
 public:
  static constexpr MonoTime kFirst = MonoTime::FromSeconds(600);

  explicit DrillScheduler(const ControlTarget& target) : target_(target) {}
  // Each second.
  void Step();

 private:
  const ControlTarget& target_;
  std::vector<MonoTime> next_;  // by the configuration's list
};

}  // namespace breakwater
