#include "proxy/net/neighbour_table.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/neighbour_news.h"

namespace breakwater {
namespace {

using test::About;
using test::Bytes;
using test::kMac;
using test::Message;

std::optional<MacAddress> Find(NeighbourTable& table, const std::string& address) {
  return table.Find(*Address::Parse(address));
}

TEST(NeighbourTable, HoldsWhatTheKernelTellsAndForgetsIt) {
  NeighbourTable table;
  EXPECT_FALSE(table.Take(About({.address = "192.0.2.1"})));
  table.Take(About({.address = "2001:db8::1"}));
  EXPECT_EQ(Find(table, "192.0.2.1:4711"), kMac);
  EXPECT_EQ(Find(table, "::ffff:192.0.2.1"), kMac);
  EXPECT_EQ(Find(table, "2001:db8::1"), kMac);
  EXPECT_EQ(Find(table, "192.0.2.2"), std::nullopt);
  constexpr MacAddress kOther = {2, 0, 0x5e, 0, 0x53, 9};
  table.Take(About({.address = "192.0.2.1", .mac = kOther}));
  EXPECT_EQ(Find(table, "192.0.2.1"), kOther);
  table.Take(About({.address = "192.0.2.1", .type = RTM_DELNEIGH}));
  table.Take(About({.address = "2001:db8::1", .state = NUD_FAILED}));
  EXPECT_EQ(table.size(), 0U);
}

TEST(NeighbourTable, LinkLocalAddressesAreTheirInterfaces) {
  NeighbourTable table;
  table.Take(About({.address = "fe80::1", .interface = 1}));
  Address host = *Address::Parse("fe80::1");
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(host.mutable_sockaddr());
  v6->sin6_scope_id = 1;
  EXPECT_EQ(table.Find(host), kMac);
  v6->sin6_scope_id = 2;
  EXPECT_EQ(table.Find(host), std::nullopt);
}

TEST(NeighbourTable, WhatIsNotUnderstoodChangesNothing) {
  NeighbourTable table;
  const Bytes good = About({.address = "192.0.2.1"});
  for (size_t size = 0; size < good.size(); ++size) {
    Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
    table.Take(cut);  // its length says more than there is
    if (size < sizeof(nlmsghdr)) continue;
    const auto length = static_cast<uint32_t>(size);
    std::memcpy(cut.data(), &length, sizeof(length));
    table.Take(cut);
  }
  table.Take(About({.address = "192.0.2.1", .mac = std::span(kMac).first(5)}));
  EXPECT_EQ(table.size(), 0U);
}

TEST(NeighbourTable, TheEndOfADumpForgetsWhatWasNotInIt) {
  NeighbourTable table;
  Bytes two = About({.address = "192.0.2.1"});
  const Bytes end = Message(NLMSG_DONE, Bytes(4));
  two.insert(two.end(), end.begin(), end.end());
  EXPECT_TRUE(table.Take(two));
  EXPECT_EQ(table.size(), 1U);
}

TEST(NeighbourTable, IsBoundedAndCountsWhatDoesNotFit) {
  NeighbourTable table;
  for (uint32_t i = 0; i < 2 * NeighbourTable::kMost; ++i) {
    table.Take(About({.address = "10." + std::to_string(i >> 16) + "." +
                                 std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255)}));
  }
  EXPECT_LE(table.size(), NeighbourTable::kMost);
  EXPECT_GT(table.size(), NeighbourTable::kMost * 9 / 10);
  Counters counters;
  table.Count(counters);
  table.Count(counters);
  EXPECT_EQ(counters.Get(Metric::kNeighbourErrors), 2 * NeighbourTable::kMost - table.size());
}

TEST(NeighbourTable, ItsThreadReadsTheKernelsAndEndsAtOnce) {
  NeighbourTable table;
  table.KeepIfWanted();
  table.Want();
  table.KeepIfWanted();
  table.KeepIfWanted();
  table.Stop();
  Counters counters;
  table.Count(counters);
  EXPECT_EQ(counters.Get(Metric::kNeighbourErrors), 0U);
}

}  // namespace
}  // namespace breakwater
