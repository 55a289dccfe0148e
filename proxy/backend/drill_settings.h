// What a drill of a standby is to do: addDrill, and the control socket's "drill". See drills.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace breakwater {

enum class DrillMode : uint8_t {
  kMirror,  // the client gets the first tier's answer
  kLive,    // the standby's, where it is equal and comes in time
};

struct DrillOrder {
  std::string server;   // name, id or address of the standby
  double share = 0.01;  // of the queries
  uint32_t length_s = 30;
  DrillMode mode = DrillMode::kMirror;
};

struct DrillSchedule {
  DrillOrder order;
  uint32_t every_s = 86400;
  std::optional<uint32_t> at_s{};  // instead: each day, so long after midnight, local time
};

}  // namespace breakwater
