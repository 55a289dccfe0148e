#include "proxy/backend/backend.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

BackendSettings AtAddress(const char* address) {
  BackendSettings settings;
  settings.address = *Address::Parse(address, 53);
  return settings;
}

TEST(Backend, DrawsAnIdOfItsOwnWhereNoneIsSet) {
  const Backend a(AtAddress("192.0.2.1"));
  const Backend b(AtAddress("192.0.2.1"));
  EXPECT_EQ(a.id().size(), 36U);
  EXPECT_EQ(a.id()[14], '4');
  EXPECT_NE(a.id(), b.id());
  BackendSettings settings = AtAddress("192.0.2.1");
  settings.id = "mine";
  EXPECT_EQ(Backend(settings).id(), "mine");
}

TEST(Backend, NameWithAddressIsTheAddressAloneWithoutAName) {
  Backend backend(AtAddress("2001:db8::1"));
  EXPECT_EQ(backend.NameWithAddress(), "[2001:db8::1]:53");
  backend.set_name("one");
  EXPECT_EQ(backend.NameWithAddress(), "one ([2001:db8::1]:53)");
}

TEST(Backend, LatencyIsSmoothedAndForgottenWhenForcedDown) {
  Backend backend(AtAddress("192.0.2.1"));
  backend.AddUdpLatency(1280);
  EXPECT_DOUBLE_EQ(backend.udp_latency_us(), 10);
  for (int i = 0; i < 5000; ++i) backend.AddUdpLatency(500);
  EXPECT_NEAR(backend.udp_latency_us(), 500, 1);
  backend.AddTcpLatency(128);
  EXPECT_DOUBLE_EQ(backend.PolicyLatency(), backend.udp_latency_us());
  backend.ForceDown();
  EXPECT_FALSE(backend.IsUp());
  EXPECT_EQ(backend.udp_latency_us(), 0);
  EXPECT_EQ(backend.tcp_latency_us(), 0);
}

TEST(Backend, TheQpsLimitMayChange) {
  Backend backend(AtAddress("192.0.2.1"));
  const MonoTime now = MonoTime::FromSeconds(10);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(backend.qps().Take(now));
  backend.set_qps_limit(2);
  EXPECT_EQ(backend.qps_limit(), 2u);
  EXPECT_TRUE(backend.qps().Take(now));
  EXPECT_TRUE(backend.qps().Take(now));
  EXPECT_FALSE(backend.qps().Take(now));
}

}  // namespace
}  // namespace breakwater
