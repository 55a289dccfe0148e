// When something was by the wall clock, for log lines and collectors; never for a decision.
#pragma once

#include "proxy/base/clock.h"

namespace breakwater {

// The wall time of a moment of CLOCK_MONOTONIC. The distance between the two clocks is measured
// once and kept for as long as it is right, so that one moment is told alike by all who tell it,
// however much later: collectors pair a query and its answer by the nanosecond. It is measured
// anew when the wall clock was set by more than a millisecond. Any thread.
WallTime WallAt(MonoTime when);

}  // namespace breakwater
