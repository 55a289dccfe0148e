#include "proxy/control/carbon_sender.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

TEST(CarbonDelay, IsTheIntervalAndDoublesAfterFailures) {
  const CarbonServerSettings settings{.server = {}, .host = "h", .interval_s = 30};
  EXPECT_EQ(CarbonDelay(settings, 0), 30u);
  EXPECT_EQ(CarbonDelay(settings, 1), 1u);
  EXPECT_EQ(CarbonDelay(settings, 2), 2u);
  EXPECT_EQ(CarbonDelay(settings, 10), 512u);
  EXPECT_EQ(CarbonDelay(settings, 11), 600u);
  EXPECT_EQ(CarbonDelay(settings, 4'000'000'000), 600u);
}

}  // namespace
}  // namespace breakwater
