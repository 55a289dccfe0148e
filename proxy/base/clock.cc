#include "proxy/base/clock.h"

#include <ctime>

namespace breakwater {

int64_t Clock::WallSeconds() const {
  return WallNow().seconds;
}

MonoTime SystemClock::Now() const {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return {static_cast<int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec};
}

WallTime WallNow() {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return {ts.tv_sec, ts.tv_nsec};
}

}  // namespace breakwater
