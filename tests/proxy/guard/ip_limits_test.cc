#include "proxy/guard/ip_limits.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

Address Ip(const std::string& text) {
  return Address::Parse(text).value();
}
constexpr MonoTime At(double seconds) {
  return MonoTime::FromSeconds(1000 + seconds);
}

IpLimitSettings Settings(uint32_t qps, uint32_t burst) {
  IpLimitSettings settings;
  settings.qps = qps;
  settings.burst = burst;
  return settings;
}

TEST(IpLimitsTest, EachNetworkHasItsOwnBurstAndRate) {
  IpLimits limits(Settings(2, 3));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.Take(Ip("192.0.2.1"), At(0)));
  EXPECT_FALSE(limits.Take(Ip("192.0.2.1"), At(0)));
  EXPECT_TRUE(limits.Take(Ip("192.0.2.2"), At(0)));
  EXPECT_TRUE(limits.Take(Ip("192.0.2.1"), At(0.5)));
  EXPECT_FALSE(limits.Take(Ip("192.0.2.1"), At(0.5)));
}

TEST(IpLimitsTest, MasksPutClientsTogether) {
  IpLimitSettings settings = Settings(1, 1);
  settings.mask_v4 = 24;
  IpLimits limits(settings);
  EXPECT_TRUE(limits.Take(Ip("192.0.2.1"), At(0)));
  EXPECT_FALSE(limits.Take(Ip("192.0.2.200"), At(0)));
  EXPECT_TRUE(limits.Take(Ip("192.0.3.1"), At(0)));
  EXPECT_TRUE(limits.Take(Ip("2001:db8:0:1::1"), At(0)));
  EXPECT_FALSE(limits.Take(Ip("2001:db8:0:1:ffff::1"), At(0)));
  EXPECT_TRUE(limits.Take(Ip("2001:db8:0:2::1"), At(0)));
}

TEST(IpLimitsTest, ThePortDoesNotCount) {
  IpLimits limits(Settings(1, 1));
  EXPECT_TRUE(limits.Take(Ip("192.0.2.1:1000"), At(0)));
  EXPECT_FALSE(limits.Take(Ip("192.0.2.1:2000"), At(0)));
}

TEST(IpLimitsTest, ARateOfZeroLetsNothingPass) {
  IpLimits limits(Settings(0, 0));
  EXPECT_FALSE(limits.Take(Ip("192.0.2.1"), At(0)));
  EXPECT_FALSE(limits.WouldTake(Ip("192.0.2.1"), At(0)));
}

TEST(IpLimitsTest, WouldTakeCountsNothing) {
  IpLimits limits(Settings(1, 1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.WouldTake(Ip("192.0.2.1"), At(0)));
  EXPECT_EQ(limits.size(), 0u);
  EXPECT_TRUE(limits.Take(Ip("192.0.2.1"), At(0)));
  EXPECT_FALSE(limits.WouldTake(Ip("192.0.2.1"), At(0)));
}

TEST(IpLimitsTest, NetworksNotSeenForTheExpirationAreForgotten) {
  IpLimitSettings settings = Settings(1, 1);
  settings.expiration_s = 100;
  settings.cleanup_delay_s = 10;
  settings.scan_fraction = 1;
  settings.shards = 1;
  IpLimits limits(settings);
  for (int i = 0; i < 50; ++i) limits.Take(Ip("192.0.2." + std::to_string(i)), At(0));
  limits.Take(Ip("192.0.2.0"), At(90));
  EXPECT_EQ(limits.size(), 50u);
  limits.Take(Ip("192.0.2.0"), At(110));
  EXPECT_EQ(limits.size(), 1u);
}

TEST(IpLimitsTest, ACleanupLooksAtAFractionOnly) {
  IpLimitSettings settings = Settings(1, 1);
  settings.expiration_s = 1;
  settings.cleanup_delay_s = 1;
  settings.scan_fraction = 10;
  settings.shards = 1;
  IpLimits limits(settings);
  for (int i = 0; i < 100; ++i) limits.Take(Ip("192.0.2." + std::to_string(i)), At(0));
  limits.Take(Ip("192.0.3.1"), At(10));
  EXPECT_EQ(limits.size(), 100u - 11u + 1u);  // a tenth and one looked at, one new
}

TEST(IpLimitsTest, ATableThatGrowsForgetsNobody) {
  IpLimits limits(Settings(1, 1));
  const auto client = [](int i) {
    return Ip("10.2." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  };
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(limits.Take(client(i), At(0)));
  EXPECT_EQ(limits.size(), 5000u);
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(limits.Take(client(i), At(0.5)));
  EXPECT_EQ(limits.size(), 5000u);
}

TEST(IpLimitsTest, AFloodOfAddressesKeepsToTheBoundAndTheBusyClientStaysKnown) {
  IpLimitSettings settings = Settings(1, 1);
  settings.max_entries = 100;
  settings.shards = 4;
  IpLimits limits(settings);
  int passed = 0;
  for (int i = 0; i < 20000; ++i) {
    const MonoTime now = MonoTime{At(0).ns + i};
    limits.Take(Ip("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)), now);
    if (limits.Take(Ip("192.0.2.1"), now)) ++passed;
  }
  EXPECT_LE(limits.size(), 100u);
  EXPECT_EQ(passed, 1);
}

}  // namespace
}  // namespace breakwater
