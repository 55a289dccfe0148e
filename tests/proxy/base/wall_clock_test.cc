#include "proxy/base/wall_clock.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t Ns(const WallTime& time) {
  return time.seconds * kSecond + time.nanoseconds;
}

TEST(WallClock, AMomentIsToldAlikeHoweverOften) {
  const MonoTime moment = SystemClock().Now();
  const int64_t told = Ns(WallAt(moment));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(Ns(WallAt(moment)), told);
  EXPECT_EQ(Ns(WallAt(moment + MonoTime{1})), told + 1);
}

TEST(WallClock, TheTimeIsThatOfTheWallClock) {
  constexpr int64_t kTolerance = 1'000'000;
  const int64_t before = Ns(WallNow());
  const int64_t told = Ns(WallAt(SystemClock().Now()));
  EXPECT_GE(told, before - kTolerance);
  EXPECT_LE(told, Ns(WallNow()) + kTolerance);
}

}  // namespace
}  // namespace breakwater
