// What a flight remembers that takes part in a drill (drills.h).
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/drill_settings.h"

namespace breakwater {

struct DrillProbe {
  enum class Stage : uint8_t {
    kFirstTier,  // a question of ours to the first tier, for a query the cache has answered
    kStandby,
  };
  uint64_t drill = 0;  // its number
  BackendPtr standby;
  DrillMode mode = DrillMode::kMirror;
  Stage stage = Stage::kStandby;
  // The first tier's answer, and who gave it; empty at first where `stage` is kFirstTier.
  std::vector<uint8_t> answer;
  BackendPtr from;
  bool datagram = false;
};

}  // namespace breakwater
