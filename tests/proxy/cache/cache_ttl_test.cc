#include "proxy/cache/cache_ttl.h"

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

class CacheTtlTest : public testing::Test {
 protected:
  uint32_t Ttl(const std::string& text) {
    CacheAnswer answer;
    EXPECT_TRUE(ExamineAnswer(test::QueryMaker::Message("a.example +qr " + text), answer)) << text;
    last = DecideStorageTtl(answer, settings, query_ttl);
    return last.seconds;
  }
  PacketCacheSettings settings{.max_entries = 1};
  std::optional<uint32_t> query_ttl;
  StorageTtl last;
};

TEST_F(CacheTtlTest, TakesTheLowestOfAllSections) {
  EXPECT_EQ(Ttl("/ answer a.example 300 A 192.0.2.1 / authority example 200 NS b.example"
                " / additional b.example 100 A 192.0.2.1"),
            100u);
}

TEST_F(CacheTtlTest, RecordsBehindTheOptDoNotCount) {
  EXPECT_EQ(Ttl("/ answer a.example 300 A 192.0.2.1 / additional b.example 20 A 192.0.2.1"), 20u);
}

TEST_F(CacheTtlTest, IsBoundedByMaxTtlAndMinTtl) {
  settings.max_ttl = 60;
  EXPECT_EQ(Ttl("/ answer a.example 300 A 192.0.2.1"), 60u);
  settings.min_ttl = 30;
  EXPECT_EQ(Ttl("/ answer a.example 30 A 192.0.2.1"), 30u);
  EXPECT_FALSE(last.too_short);
  EXPECT_EQ(Ttl("/ answer a.example 29 A 192.0.2.1"), 0u);
  EXPECT_TRUE(last.too_short);
}

TEST_F(CacheTtlTest, NegativeAnswersHaveTheirOwnBound) {
  settings.max_negative_ttl = 50;
  const std::string soa = " / authority example 900 SOA a. b. 1 2 3 4 900";
  EXPECT_EQ(Ttl("+rcode=3" + soa), 50u);
  EXPECT_EQ(Ttl(soa), 50u);
  EXPECT_EQ(Ttl("+rcode=3 / answer a.example 900 CNAME b.example"), 50u);
  EXPECT_EQ(Ttl("/ answer a.example 900 A 192.0.2.1"), 900u);
}

TEST_F(CacheTtlTest, WithoutAnyTtlItIsNotStored) {
  EXPECT_EQ(Ttl(""), 0u);
  EXPECT_EQ(Ttl("+rcode=3"), 0u);
  EXPECT_EQ(Ttl("+rcode=4"), 0u);
  EXPECT_FALSE(last.too_short);
}

TEST_F(CacheTtlTest, FailuresGoByTheirOwnOptionAndTheQuerys) {
  settings.min_ttl = 100;
  EXPECT_EQ(Ttl("+rcode=2"), 60u);
  EXPECT_EQ(Ttl("+rcode=5 / authority example 5 NS a.example"), 60u);
  query_ttl = 7;
  EXPECT_EQ(Ttl("+rcode=2"), 7u);
  query_ttl = 0;
  EXPECT_EQ(Ttl("+rcode=2"), 0u);
}

TEST_F(CacheTtlTest, TruncatedAnswersNeedTruncatedTtl) {
  EXPECT_EQ(Ttl("+tc"), 0u);
  EXPECT_EQ(Ttl("+tc / answer a.example 300 A 192.0.2.1"), 0u);
  settings.truncated_ttl = 9;
  EXPECT_EQ(Ttl("+tc"), 9u);
  EXPECT_EQ(Ttl("+tc / answer a.example 300 A 192.0.2.1"), 9u);
  settings.min_ttl = 10;
  EXPECT_EQ(Ttl("+tc"), 0u);
  EXPECT_TRUE(last.too_short);
}

TEST_F(CacheTtlTest, NonsenseAndEndlessTtlsAreCut) {
  settings.max_ttl = 0xffffffff;
  EXPECT_EQ(Ttl("/ answer a.example 2147483647 A 192.0.2.1"), kLongestStorage_s);
  EXPECT_EQ(Ttl("/ answer a.example 4294967295 A 192.0.2.1"), 0u);
}

TEST_F(CacheTtlTest, ExtendedErrorCodesConcernTheAskerAlone) {
  auto message =
      test::QueryMaker::Message("a.example +qr +edns / answer a.example 300 A 192.0.2.1");
  CacheAnswer answer;
  ASSERT_TRUE(ExamineAnswer(message, answer));
  message[answer.edns.offset + 5] = 1;  // BADVERS
  ASSERT_TRUE(ExamineAnswer(message, answer));
  EXPECT_EQ(DecideStorageTtl(answer, settings, {}).seconds, 0u);
}

}  // namespace
}  // namespace breakwater
