#include "proxy/cache/cache_key.h"

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

using test::KeyOf;
using test::QueryMaker;

CacheKey Key(const std::string& text, const CacheKeyOptions& options = {}) {
  const auto key = KeyOf(QueryMaker::Message(text), options);
  EXPECT_TRUE(key) << text;
  return key.value_or(CacheKey{});
}

bool Same(const std::string& a, const std::string& b, const CacheKeyOptions& options = {}) {
  const CacheKey one = Key(a, options);
  const CacheKey two = Key(b, options);
  return one.hash == two.hash && one.bits == two.bits;
}

TEST(CacheKey, IgnoresTheCaseOfTheName) {
  EXPECT_TRUE(Same("www.example.com", "wWw.EXAMPLE.com"));
  EXPECT_FALSE(Same("www.example.com", "www.example.org"));
}

TEST(CacheKey, CountsTypeClassAndFlags) {
  for (const char* other : {"AAAA", "CH", "+norec", "+cd", "+ad", "+edns", "+dnssec"}) {
    EXPECT_FALSE(Same("www.example.com", std::string("www.example.com ") + other)) << other;
  }
  EXPECT_FALSE(Same("www.example.com +edns", "www.example.com +dnssec"));
}

TEST(CacheKey, SiblingsHaveOneHomeAndDifferentTags) {
  const auto hash = [](const std::string& query) {
    return KeyOf(QueryMaker::Message(query))->hash;
  };
  constexpr uint64_t kTag = uint64_t{0xffff} << 32;
  const uint64_t plain = hash("www.example.com");
  for (const char* other : {"+norec", "+cd", "+ad", "+edns", "+dnssec"}) {
    const uint64_t sibling = hash(std::string("www.example.com ") + other);
    EXPECT_EQ(sibling & ~kTag, plain & ~kTag) << other;
    EXPECT_NE(sibling & kTag, plain & kTag) << other;
  }
  for (const char* other : {"AAAA", "CH", "+option=3:"}) {
    EXPECT_NE(hash(std::string("www.example.com ") + other) & ~kTag, plain & ~kTag) << other;
  }
}

TEST(CacheKey, LeavesIdTransportAndUdpSizeOut) {
  EXPECT_TRUE(Same("www.example.com +id=1", "www.example.com +id=2 +tcp"));
  EXPECT_TRUE(Same("www.example.com +bufsize=512", "www.example.com +bufsize=4096"));
}

TEST(CacheKey, RanksTheUdpSizeWhereAsked) {
  const CacheKeyOptions options{.payload_ranks = {512, 1232, 4096}};
  EXPECT_TRUE(Same("a.example +bufsize=1232", "a.example +bufsize=1400", options));
  EXPECT_FALSE(Same("a.example +bufsize=1232", "a.example +bufsize=1231", options));
  EXPECT_FALSE(Same("a.example +bufsize=400", "a.example +bufsize=401", options));
}

TEST(CacheKey, SkipsCookieAndPaddingButCountsOtherOptions) {
  EXPECT_TRUE(Same("a.example +edns", "a.example +option=10:0102030405060708"));
  EXPECT_TRUE(Same("a.example +edns", "a.example +option=12:0000"));
  EXPECT_FALSE(Same("a.example +edns", "a.example +option=3:"));
  EXPECT_FALSE(Same("a.example +option=65001:01", "a.example +option=65001:02"));
  const CacheKeyOptions hash_cookies{.skip_options = {12}};
  EXPECT_FALSE(Same("a.example +edns", "a.example +option=10:0102030405060708", hash_cookies));
}

TEST(CacheKey, OrderOfOptionsDoesNotMatter) {
  EXPECT_TRUE(
      Same("a.example +option=65001:01 +option=3:", "a.example +option=3: +option=65001:01"));
}

TEST(CacheKey, CountsTheClientSubnetAndLeavesItOutOnRequest) {
  const std::string plain = "a.example +edns";
  const std::string one = "a.example +option=8:00011800c00002";
  const std::string two = "a.example +option=8:00011800c63364";
  EXPECT_FALSE(Same(one, two, {.parse_ecs = true}));
  EXPECT_FALSE(Same(one, plain));
  const CacheKeyOptions options{.parse_ecs = true};
  EXPECT_EQ(KeyOf(QueryMaker::Message(one), options, KeySubnet::kLeftOut)->hash,
            Key(plain, options).hash);
  // Even where it is listed as an option to skip.
  EXPECT_FALSE(Same(one, two, {.skip_options = {8}, .parse_ecs = true}));
  EXPECT_TRUE(Same(one, two, {.skip_options = {8}}));
}

TEST(CacheKey, CountsVersionAndUnknownFlagsOfEdns) {
  EXPECT_FALSE(Same("a.example +edns", "a.example +edns-version=1"));
  auto flagged = QueryMaker::Message("a.example +edns");
  flagged[flagged.size() - 3] |= 0x40;  // the flag behind DO
  EXPECT_NE(KeyOf(flagged)->hash, Key("a.example +edns").hash);
}

TEST(CacheKey, RefusesWhatMustNotBeShared) {
  for (const char* text :
       {"a.example AXFR", "a.example IXFR", "a.example +opcode=4", "a.example +opcode=5",
        "a.example +trail=00", "a.example +edns +trail=00", "a.example +tc", "a.example +aa",
        "a.example +qr", "a.example / additional a.example 0 TYPE250 00",
        "a.example +edns / additional a.example 0 TYPE24 00",
        "a.example / answer a.example 0 A 192.0.2.1",
        "a.example / authority a.example 0 NS a.example"}) {
    EXPECT_FALSE(KeyOf(QueryMaker::Message(text))) << text;
  }
  EXPECT_TRUE(KeyOf(QueryMaker::Message("a.example ANY")));
}

TEST(CacheKey, RefusesOptionsTooLongToCompare) {
  EXPECT_TRUE(KeyOf(QueryMaker::Message("a.example +option=65001:" + std::string(120, '0'))));
  EXPECT_FALSE(KeyOf(QueryMaker::Message("a.example +option=65001:" + std::string(122, '0'))));
  std::string many = "a.example";
  for (int i = 0; i < 9; ++i) many += " +option=6500" + std::to_string(i) + ":";
  EXPECT_FALSE(KeyOf(QueryMaker::Message(many)));
}

}  // namespace
}  // namespace breakwater
