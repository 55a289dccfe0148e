#include "proxy/guard/client_limits.h"

#include <gtest/gtest.h>

#include <string>

namespace breakwater {
namespace {

using Verdict = ClientLimits::Verdict;

Address At(std::string_view text) {
  return *Address::Parse(text);
}
MonoTime S(int64_t seconds) {
  return MonoTime::FromMs(seconds * 1000);
}

Verdict Open(ClientLimits& limits, std::string_view client, MonoTime now = S(1000)) {
  return limits.Opened(limits.KeyOf(At(client)), now);
}
void Close(ClientLimits& limits, std::string_view client, MonoTime now = S(1000)) {
  limits.Closed(limits.KeyOf(At(client)), now);
}

TEST(ClientLimits, ConnectionsAtOnceAreLimitedByClient) {
  ClientLimits limits({.max_connections_per_client = 2, .overload_threshold_percent = 0});
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kTooManyConnections);
  EXPECT_EQ(Open(limits, "192.0.2.2"), Verdict::kAllowed);
  Close(limits, "192.0.2.1");
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
}

TEST(ClientLimits, NearTheLimitConnectionsAreRestricted) {
  ClientLimits limits({.max_connections_per_client = 10, .overload_threshold_percent = 90});
  for (int i = 1; i <= 8; ++i) EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed) << i;
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kRestricted);
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kRestricted);
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kTooManyConnections);
}

TEST(ClientLimits, MasksJoinClients) {
  ClientLimits limits({.max_connections_per_client = 1,
                       .mask_v4 = 24,
                       .mask_v6 = 64,
                       .overload_threshold_percent = 0});
  EXPECT_EQ(Open(limits, "192.0.2.1:1000"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.200:2000"), Verdict::kTooManyConnections);
  EXPECT_EQ(Open(limits, "192.0.3.1:1000"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "[2001:db8::1]:1"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "[2001:db8::2]:1"), Verdict::kTooManyConnections);
}

TEST(ClientLimits, PortMaskSplitsOneV4Address) {
  ClientLimits limits(
      {.max_connections_per_client = 1, .mask_v4_port = 2, .overload_threshold_percent = 0});
  EXPECT_EQ(Open(limits, "192.0.2.1:1"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.1:16383"), Verdict::kTooManyConnections);
  EXPECT_EQ(Open(limits, "192.0.2.1:16384"), Verdict::kAllowed);
}

TEST(ClientLimits, PortMaskCountsOnlyWithTheWholeAddress) {
  ClientLimits limits({.max_connections_per_client = 1,
                       .mask_v4 = 31,
                       .mask_v4_port = 16,
                       .overload_threshold_percent = 0});
  EXPECT_EQ(Open(limits, "192.0.2.1:1"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.1:60000"), Verdict::kTooManyConnections);
}

TEST(ClientLimits, RateOverTheLimitIsRefusedThenBanned) {
  ClientLimits limits({.max_connection_rate = 3, .ban_for_rate_s = 10});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
    Close(limits, "192.0.2.1");
  }
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kTooFastConnections);
  EXPECT_EQ(Open(limits, "192.0.2.1", S(1009)), Verdict::kBanned);
  EXPECT_EQ(Open(limits, "192.0.2.2"), Verdict::kAllowed);
  // 4 connections in 11 seconds are well under 3 a second.
  EXPECT_EQ(Open(limits, "192.0.2.1", S(1010)), Verdict::kAllowed);
}

TEST(ClientLimits, RateIsTheAverageSinceTheOldestCountedMinute) {
  ClientLimits limits({.max_connection_rate = 1, .rate_interval_min = 2});
  for (int64_t second = 0; second < 600; ++second) {
    EXPECT_EQ(Open(limits, "192.0.2.1", S(1000 + second)), Verdict::kAllowed) << second;
  }
  // The sum since the oldest minute is one a second; one more within the same second is over it.
  EXPECT_EQ(Open(limits, "192.0.2.1", S(1599)), Verdict::kTooFastConnections);
}

TEST(ClientLimits, MinutesOlderThanTheIntervalAreForgotten) {
  ClientLimits limits({.max_connection_rate = 10, .rate_interval_min = 1, .ban_for_rate_s = 1});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kTooFastConnections);
  // Had the first minute counted, the burst below would be an average of 21 over 121 seconds.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Open(limits, "192.0.2.1", S(1120)), Verdict::kAllowed);
  EXPECT_EQ(Open(limits, "192.0.2.1", S(1120)), Verdict::kTooFastConnections);
}

TEST(ClientLimits, TlsSessionsMeetTheLimitAtTheNextConnection) {
  ClientLimits limits({.max_tls_new_session_rate = 1, .max_tls_resumed_session_rate = 2});
  const auto a = limits.KeyOf(At("192.0.2.1"));
  const auto b = limits.KeyOf(At("192.0.2.2"));
  for (const auto& key : {a, b}) EXPECT_EQ(limits.Opened(key, S(1000)), Verdict::kAllowed);
  for (int i = 0; i < 2; ++i) limits.CountTlsSession(a, ClientLimits::TlsSession::kNew, S(1000));
  for (int i = 0; i < 3; ++i)
    limits.CountTlsSession(b, ClientLimits::TlsSession::kResumed, S(1000));
  EXPECT_EQ(limits.Opened(a, S(1000)), Verdict::kTooManyNewSessions);
  EXPECT_EQ(limits.Opened(b, S(1000)), Verdict::kTooManyResumedSessions);
}

TEST(ClientLimits, BanForReadsLastsItsTimeAndLeavesConnectionsCounted) {
  ClientLimits limits({.ban_for_read_ios_s = 60});
  const auto key = limits.KeyOf(At("192.0.2.1"));
  EXPECT_EQ(limits.Opened(key, S(1000)), Verdict::kAllowed);
  limits.BanForReadIos(key, S(1000));
  limits.Closed(key, S(1000));
  EXPECT_EQ(limits.Opened(key, S(1059)), Verdict::kBanned);
  EXPECT_EQ(limits.Opened(key, S(1060)), Verdict::kAllowed);
}

TEST(ClientLimits, WithoutAnyLimitNothingIsKept) {
  ClientLimits limits({.max_read_ios_per_query = 0});
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
  EXPECT_EQ(limits.known_clients(), 0u);
  Close(limits, "192.0.2.1");
}

TEST(ClientLimits, ClientWithoutHistoryIsForgottenWhenItLeaves) {
  ClientLimits limits({});
  EXPECT_EQ(Open(limits, "192.0.2.1"), Verdict::kAllowed);
  EXPECT_EQ(limits.known_clients(), 1u);
  Close(limits, "192.0.2.1");
  EXPECT_EQ(limits.known_clients(), 0u);
}

TEST(ClientLimits, MemoryIsBoundedAndConnectionsAreNotForgotten) {
  ClientLimits limits({.max_connections_per_client = 1,
                       .max_connection_rate = 100,
                       .overload_threshold_percent = 0},
                      1600);
  EXPECT_EQ(Open(limits, "198.51.100.1"), Verdict::kAllowed);
  const auto banned = limits.KeyOf(At("198.51.100.2"));
  limits.BanForReadIos(banned, S(1000));
  for (uint32_t i = 0; i < 50'000; ++i) {
    const uint8_t raw[4] = {10, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
                            static_cast<uint8_t>(i)};
    const auto key = limits.KeyOf(Address::FromRaw(raw));
    ASSERT_EQ(limits.Opened(key, S(1000)), Verdict::kAllowed);
    limits.Closed(key, S(1000));
  }
  EXPECT_LE(limits.known_clients(), 1700u);
  EXPECT_EQ(Open(limits, "198.51.100.1"), Verdict::kTooManyConnections);
  EXPECT_EQ(limits.Opened(banned, S(1000)), Verdict::kBanned);
}

TEST(ClientLimits, MadeOnlyOfBannedClientsStillBounded) {
  ClientLimits limits({}, 160);
  for (uint32_t i = 0; i < 5000; ++i) {
    const uint8_t raw[4] = {10, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    limits.BanForReadIos(limits.KeyOf(Address::FromRaw(raw)), S(1000));
  }
  EXPECT_LE(limits.known_clients(), 160u);
}

}  // namespace
}  // namespace breakwater
