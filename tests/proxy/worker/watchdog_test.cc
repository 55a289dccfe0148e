#include "proxy/worker/watchdog.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

class WatchdogTest : public ::testing::Test {
 protected:
  Counters counters_;
  size_t asked_ = 0;
  Watchdog watchdog_{counters_, [this](size_t) {
                       ++asked_;
                       return std::string("Lua");
                     }};
  static MonoTime At(double seconds) { return MonoTime::FromSeconds(seconds); }
};

TEST_F(WatchdogTest, AWorkerThatTurnsIsNotReported) {
  for (int second = 0; second < 20; ++second) {
    watchdog_.Check({static_cast<uint64_t>(second)}, At(second));
  }
  EXPECT_EQ(counters_.Get(Metric::kWorkerStalls), 0u);
}

TEST_F(WatchdogTest, AStandingLoopIsReportedOnceAfterFiveSeconds) {
  for (int second = 0; second < 5; ++second) watchdog_.Check({7}, At(second));
  EXPECT_EQ(counters_.Get(Metric::kWorkerStalls), 0u);
  for (int second = 5; second < 12; ++second) watchdog_.Check({7}, At(second));
  EXPECT_EQ(counters_.Get(Metric::kWorkerStalls), 1u);
  EXPECT_EQ(asked_, 1u);
}

TEST_F(WatchdogTest, ASecondStallIsReportedAnew) {
  watchdog_.Check({7}, At(0));
  watchdog_.Check({7}, At(6));
  watchdog_.Check({8}, At(7));
  watchdog_.Check({8}, At(13));
  EXPECT_EQ(counters_.Get(Metric::kWorkerStalls), 2u);
}

}  // namespace
}  // namespace breakwater
