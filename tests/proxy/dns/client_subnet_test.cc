#include "proxy/dns/client_subnet.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Option;
using test::Packet;

TEST(ClientSubnetTest, ReadsFamilyPrefixAndScope) {
  const auto v4 = ParseClientSubnet(Bytes{0, 1, 24, 20, 192, 0, 2});
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->source.ToString(), "192.0.2.0/24");
  EXPECT_EQ(v4->scope, 20);
  const auto v6 = ParseClientSubnet(Bytes{0, 2, 36, 0, 0x20, 0x01, 0x0d, 0xb8, 0x10});
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->source.ToString(), "2001:db8:1000::/36");
  EXPECT_EQ(ParseClientSubnet(Bytes{0, 1, 0, 0})->source.ToString(), "0.0.0.0/0");
}

TEST(ClientSubnetTest, WhatTheRfcForbidsIsRefused) {
  for (const Bytes& data : {
           Bytes{}, Bytes{0, 1, 24},           // no scope
           Bytes{0, 3, 0, 0},                  // unknown family
           Bytes{0, 1, 33, 0, 1, 2, 3, 4, 5},  // longer than the address
           Bytes{0, 1, 24, 33, 192, 0, 2},     // scope longer than the address
           Bytes{0, 1, 24, 0, 192, 0},         // an octet short
           Bytes{0, 1, 24, 0, 192, 0, 2, 0},   // an octet too many
           Bytes{0, 1, 20, 0, 192, 0, 2},      // bits behind the prefix
       }) {
    EXPECT_EQ(ParseClientSubnet(data).error(), Error::kBadOption);
  }
}

TEST(ClientSubnetTest, WritesWhatItReads) {
  for (const Bytes& data :
       {Bytes{0, 1, 24, 20, 192, 0, 2}, Bytes{0, 1, 0, 0}, Bytes{0, 1, 32, 32, 1, 2, 3, 4},
        Bytes{0, 2, 36, 0, 0x20, 0x01, 0x0d, 0xb8, 0x10}}) {
    const auto written = WriteClientSubnet(*ParseClientSubnet(data));
    EXPECT_EQ(Bytes(written.span().begin(), written.span().end()), data);
  }
}

TEST(ClientSubnetTest, AddressIsCutToThePrefix) {
  const auto make = [](std::string_view text, unsigned bits) {
    const auto data = WriteClientSubnet(*Address::Parse(text), bits);
    return Bytes(data.span().begin(), data.span().end());
  };
  EXPECT_EQ(make("192.0.2.255:53", 25), (Bytes{0, 1, 25, 0, 192, 0, 2, 128}));
  EXPECT_EQ(make("192.0.2.1", 99), (Bytes{0, 1, 32, 0, 192, 0, 2, 1}));
  EXPECT_EQ(make("::ffff:192.0.2.1", 24), (Bytes{0, 1, 24, 0, 192, 0, 2}));
  EXPECT_EQ(make("2001:db8::1", 128).size(), 20u);
}

TEST(ClientSubnetTest, FoundInAMessage) {
  const Packet packet =
      Packet::Query("a").Opt(Option(10, Bytes(8, 1)) + Option(8, {0, 1, 8, 0, 10}));
  const auto edns = FindEdns(packet.bytes(), packet.question_end());
  EXPECT_EQ(FindClientSubnet(packet.bytes(), *edns)->source.ToString(), "10.0.0.0/8");
  const Packet bad = Packet::Query("a").Opt(Option(8, {0, 1, 8, 0}));
  EXPECT_FALSE(FindClientSubnet(bad.bytes(), *FindEdns(bad.bytes(), bad.question_end())));
  const Packet none = Packet::Query("a");
  EXPECT_FALSE(FindClientSubnet(none.bytes(), *FindEdns(none.bytes(), none.question_end())));
}

}  // namespace
}  // namespace breakwater::dns
