// Time that stands still until a test moves it.
#pragma once

#include "proxy/base/clock.h"

namespace breakwater::test {

class ManualClock : public Clock {
 public:
  explicit ManualClock(MonoTime start = MonoTime::FromSeconds(1000)) : now_(start) {}
  MonoTime Now() const override { return now_; }
  void Advance(MonoTime by) { now_ = now_ + by; }

 private:
  MonoTime now_;
};

}  // namespace breakwater::test
