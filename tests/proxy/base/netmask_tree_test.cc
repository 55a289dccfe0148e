#include "proxy/base/netmask_tree.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

Address At(std::string_view text) {
  return *Address::Parse(text);
}

NetmaskGroup Group(std::initializer_list<std::string_view> texts) {
  NetmaskGroup group;
  for (const auto text : texts) EXPECT_TRUE(group.Add(text)) << text;
  return group;
}

TEST(NetmaskGroup, EmptyMatchesNothing) {
  const NetmaskGroup group;
  EXPECT_FALSE(group.Matches(At("192.0.2.1")));
  EXPECT_FALSE(group.Matches(At("::1")));
  EXPECT_TRUE(group.empty());
}

TEST(NetmaskGroup, LongestNetworkDecides) {
  const auto group = Group({"10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24"});
  EXPECT_TRUE(group.Matches(At("10.0.0.1")));
  EXPECT_FALSE(group.Matches(At("10.1.0.1")));
  EXPECT_TRUE(group.Matches(At("10.1.2.3")));
  EXPECT_FALSE(group.Matches(At("11.0.0.1")));
}

TEST(NetmaskGroup, OrderOfAdditionDoesNotMatter) {
  const auto group = Group({"10.1.2.0/24", "!10.1.0.0/16", "10.0.0.0/8"});
  EXPECT_FALSE(group.Matches(At("10.1.0.1")));
  EXPECT_TRUE(group.Matches(At("10.1.2.3")));
}

TEST(NetmaskGroup, FamiliesAreApart) {
  const auto group = Group({"0.0.0.0/0"});
  EXPECT_TRUE(group.Matches(At("255.255.255.255")));
  EXPECT_FALSE(group.Matches(At("::")));
  EXPECT_FALSE(group.Matches(At("::ffff:192.0.2.1")));
}

TEST(NetmaskGroup, AddressAloneIsItsFullLength) {
  const auto group = Group({"::/0", "!2001:db8::1"});
  EXPECT_FALSE(group.Matches(At("2001:db8::1")));
  EXPECT_TRUE(group.Matches(At("2001:db8::2")));
}

TEST(NetmaskGroup, NetworkGivenTwiceKeepsItsPlaceAndTheLastWord) {
  auto group = Group({"192.0.2.0/24", "198.51.100.0/24"});
  EXPECT_TRUE(group.Add("!192.0.2.77/24"));
  EXPECT_EQ(group.ToString(), "!192.0.2.0/24, 198.51.100.0/24");
  EXPECT_FALSE(group.Matches(At("192.0.2.1")));
}

TEST(NetmaskGroup, RemoveUncoversTheShorterNetwork) {
  auto group = Group({"10.0.0.0/8", "!10.1.0.0/16"});
  EXPECT_TRUE(group.Remove(*Netmask::Parse("10.1.0.0/16")));
  EXPECT_FALSE(group.Remove(*Netmask::Parse("10.1.0.0/16")));
  EXPECT_TRUE(group.Matches(At("10.1.0.1")));
  EXPECT_EQ(group.size(), 1u);
}

TEST(NetmaskGroup, AddAllTakesExclusionsAlong) {
  auto group = Group({"10.0.0.0/8"});
  group.AddAll(Group({"!10.2.0.0/16", "2001:db8::/32"}));
  group.AddAll(group);
  EXPECT_FALSE(group.Matches(At("10.2.0.1")));
  EXPECT_TRUE(group.Matches(At("2001:db8::5")));
  EXPECT_EQ(group.size(), 3u);
}

// A few networks are compared one by one, many are looked up in the tree.
TEST(NetmaskGroup, AFewAndManyAnswerAlike) {
  const auto few = Group({"0.0.0.0/1", "!10.0.0.0/8", "10.1.2.3", "10.128.0.0/9", "2001:db8::/32",
                          "!2001:db8::/65", "2001:db8::8000:0:0:0/66", "!2001:db8::1"});
  auto many = few;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(many.Add("203.0.113." + std::to_string(i)));
  for (const auto text :
       {"9.9.9.9", "10.0.0.1", "10.1.2.3", "10.1.2.4", "10.200.0.1", "11.0.0.0", "127.255.255.255",
        "128.0.0.0", "192.0.2.1", "2001:db8::1", "2001:db8::2", "2001:db8::8000:0:0:1",
        "2001:db8::c000:0:0:1", "2001:db8:1::", "2001:db9::"}) {
    EXPECT_EQ(few.Matches(At(text)), many.Matches(At(text))) << text;
  }
  EXPECT_TRUE(few.Matches(At("2001:db8::8000:0:0:1")));
  EXPECT_FALSE(few.Matches(At("2001:db8::2")));
}

TEST(NetmaskGroup, BadTextIsAnErrorAndChangesNothing) {
  auto group = Group({"10.0.0.0/8"});
  EXPECT_FALSE(group.Add("10.0.0.0/33"));
  EXPECT_FALSE(group.Add("!example"));
  EXPECT_FALSE(group.Add(""));
  EXPECT_EQ(group.ToString(), "10.0.0.0/8");
}

TEST(NetmaskGroup, ClearForgetsEverything) {
  auto group = Group({"0.0.0.0/0", "::/0"});
  group.Clear();
  EXPECT_FALSE(group.Matches(At("192.0.2.1")));
  EXPECT_EQ(group.ToString(), "");
}

}  // namespace
}  // namespace breakwater
