#include "proxy/cache/notify_flush.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

using Outcome = NotifyFlush::Outcome;

NetmaskGroup Listed() {
  NetmaskGroup from;
  EXPECT_TRUE(from.Add("192.0.2.0/24"));
  EXPECT_TRUE(from.Add("!192.0.2.66"));
  return from;
}

class NotifyFlushTest : public testing::Test {
 protected:
  Outcome Decide(const std::string& zone, int64_t ms, const char* sender = "192.0.2.1") {
    const auto decision =
        notify_.Decide(*Address::Parse(sender), *dns::Name::Parse(zone), MonoTime::FromMs(ms));
    when_ms_ = decision.when.ms();
    return decision.outcome;
  }
  NotifyFlush notify_{Listed()};
  int64_t when_ms_ = 0;
};

TEST_F(NotifyFlushTest, ListedSendersAlone) {
  EXPECT_EQ(Decide("example.com", 0), Outcome::kNow);
  EXPECT_EQ(Decide("example.net", 0, "198.51.100.1"), Outcome::kNotAllowed);
  EXPECT_EQ(Decide("example.net", 0, "192.0.2.66"), Outcome::kNotAllowed);
}

TEST_F(NotifyFlushTest, TheRootAndSingleLabelsNever) {
  EXPECT_EQ(Decide(".", 0), Outcome::kRefused);
  EXPECT_EQ(Decide("com", 0), Outcome::kRefused);
}

TEST_F(NotifyFlushTest, AZoneOnceASecondAndNoChangeIsLost) {
  EXPECT_EQ(Decide("example.com", 1000), Outcome::kNow);
  EXPECT_EQ(Decide("example.com", 1300), Outcome::kLater);
  EXPECT_EQ(when_ms_, 2000);
  EXPECT_EQ(Decide("EXAMPLE.com", 1999), Outcome::kCovered);
  EXPECT_EQ(Decide("example.org", 1999), Outcome::kNow);
  // The later flush has been made; this NOTIFY may tell of something newer.
  EXPECT_EQ(Decide("example.com", 2000), Outcome::kLater);
  EXPECT_EQ(when_ms_, 3000);
  EXPECT_EQ(Decide("example.com", 4000), Outcome::kNow);
}

TEST_F(NotifyFlushTest, AFloodOfZonesMakesNoMoreRecordsThanTheTableTakes) {
  size_t flushes = 0;
  for (int i = 0; i < 200'000; ++i) {
    if (Decide("zone" + std::to_string(i) + ".example", i / 100) == Outcome::kNow) ++flushes;
  }
  // Two seconds of flood: the burst, and what comes in them.
  EXPECT_GE(flushes, 50'000u);
  EXPECT_LE(flushes, 50'300u);
  EXPECT_EQ(Decide("one-more.example", 1999), Outcome::kRefused);
  EXPECT_EQ(Decide("one-more.example", 3000), Outcome::kNow);
}

}  // namespace
}  // namespace breakwater
