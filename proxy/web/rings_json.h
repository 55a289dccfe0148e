// .../rings of the API: what the rings hold, as dnsdist's RingEntry objects. Reads copies; any
// thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/control/control_target.h"

namespace breakwater {

// The newest entries, so many of each kind at most.
struct RingLimits {
  size_t queries = SIZE_MAX;
  size_t responses = SIZE_MAX;
};

// {"queries": [...], "responses": [...]}, each oldest first. "mac" has a character, U+0000 to
// U+00FF, for each octet: octets as they are would be no JSON.
std::string JsonRings(const ControlTarget& target, const RingLimits& limits);

}  // namespace breakwater
