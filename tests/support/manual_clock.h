// Time that stands still until a test moves it.
#pragma once

#include "proxy/base/clock.h"

namespace breakwater::test {

class ManualClock : public Clock {
 public:
  explicit ManualClock(MonoTime start = MonoTime::FromSeconds(1000)) : now_(start) {}
  MonoTime Now() const override { return now_; }
  int64_t WallSeconds() const override { return kWallStart + now_.seconds() + wall_step_; }
  void Advance(MonoTime by) { now_ = now_ + by; }
  // Somebody sets the wall clock.
  void StepWall(int64_t seconds) { wall_step_ += seconds; }

 private:
  static constexpr int64_t kWallStart = 1'800'000'000;  // at the monotonic clock's zero
  int64_t wall_step_ = 0;
  MonoTime now_;
};

}  // namespace breakwater::test
