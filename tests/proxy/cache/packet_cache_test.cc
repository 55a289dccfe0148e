#include "proxy/cache/packet_cache.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

using test::kOneAddress;
using testing::HasSubstr;

class PacketCacheTest : public test::CacheFixture {};

TEST_F(PacketCacheTest, AnswersWithTheClientsIdAndSpelling) {
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  const Reply reply = Get("WWW.example.COM +id=777");
  EXPECT_EQ(reply.result, CacheResult::kFresh);
  EXPECT_EQ(reply.text,
            test::Describe(Wire("WWW.example.COM +qr / answer www.example.com 300 A 192.0.2.1")));
  EXPECT_EQ(LoadU16(reply.message.data()), 777);
}

TEST_F(PacketCacheTest, MissChangesNothing) {
  const auto query = Wire("www.example.com");
  EXPECT_EQ(Get("www.example.com").message, query);
  EXPECT_EQ(cache().Stats().misses, 1u);
}

TEST_F(PacketCacheTest, KeepsQueriesOfDifferentKeysApart) {
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  for (const char* other : {"AAAA", "CH", "+cd", "+norec", "+dnssec", "+option=3:"}) {
    EXPECT_FALSE(Hits(std::string("www.example.com ") + other)) << other;
  }
  EXPECT_TRUE(Hits("www.example.com"));
}

TEST_F(PacketCacheTest, AgesTtlsAndExpires) {
  EXPECT_TRUE(Put("www.example.com",
                  "/ answer www.example.com 300 A 192.0.2.1"
                  " / authority example.com 100 NS ns.example.com"));
  Advance(99);
  EXPECT_THAT(Get("www.example.com").text, HasSubstr(" 201 A 192.0.2.1"));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr(" 1 NS "));
  Advance(1);
  EXPECT_FALSE(Hits("www.example.com"));
}

TEST_F(PacketCacheTest, DoesNotAgeOnRequest) {
  settings.dont_age = true;
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  Advance(200);
  EXPECT_THAT(Get("www.example.com").text, HasSubstr(" 300 A "));
  Advance(100);
  EXPECT_FALSE(Hits("www.example.com"));
}

TEST_F(PacketCacheTest, ServesExpiredEntriesOnlyWhereAllowed) {
  settings.stale_ttl = 7;
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  Advance(310);
  EXPECT_EQ(GetAs("www.example.com", {.now = clock.Now(), .allow_expired_s = 10}).result,
            CacheResult::kMiss);
  const Reply stale = GetAs("www.example.com", {.now = clock.Now(), .allow_expired_s = 11});
  EXPECT_EQ(stale.result, CacheResult::kStale);
  EXPECT_THAT(stale.text, HasSubstr(" 7 A "));
}

TEST_F(PacketCacheTest, NeverTouchesTheTtlFieldOfTheOpt) {
  EXPECT_TRUE(Put("www.example.com +dnssec", kOneAddress));
  Advance(10);
  const Reply reply = Get("www.example.com +dnssec");
  EXPECT_EQ(reply.result, CacheResult::kFresh);
  EXPECT_EQ(reply.text, test::Describe(Wire("www.example.com +dnssec +qr"
                                            " / answer www.example.com 290 A 192.0.2.1")));
}

TEST_F(PacketCacheTest, AnswerThatDoesNotFitTheBufferIsAMiss) {
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  auto buffer = Wire("www.example.com");
  const auto before = buffer;
  EXPECT_EQ(cache().Lookup(*test::KeyOf(buffer), buffer, 17, {.now = clock.Now()}).result,
            CacheResult::kMiss);
  EXPECT_EQ(buffer, before);
}

TEST_F(PacketCacheTest, ACookieOfOneClientNeverReachesAnother) {
  const std::string query = "www.example.com +option=10:0102030405060708";
  const std::string ede = " +option=15:0003";
  const std::string subnet = " +option=8:00011818c00002";
  EXPECT_TRUE(PutAs(query,
                    "www.example.com +qr +option=10:01020304050607081122334455667788" + ede +
                        " +option=12:00000000" + subnet + " " + kOneAddress,
                    Insertion()));
  Advance(1);
  const Reply reply = Get("www.example.com +edns");
  EXPECT_EQ(reply.result, CacheResult::kFresh);
  EXPECT_EQ(reply.text, test::Describe(Wire("www.example.com +edns +qr" + ede + subnet +
                                            " / answer www.example.com 299 A 192.0.2.1")));
}

TEST_F(PacketCacheTest, OptionsTheKeyCoversStayInTheAnswer) {
  const std::string query = "www.example.com +option=3:";
  const std::string answer = "www.example.com +qr +option=3:6162 " + std::string(kOneAddress);
  EXPECT_TRUE(PutAs(query, answer, Insertion()));
  EXPECT_EQ(Get(query).text, test::Describe(Wire(answer)));
}

TEST_F(PacketCacheTest, TrailingDataIsNotStored) {
  EXPECT_TRUE(PutAs("www.example.com",
                    "www.example.com +qr +trail=deadbeef / answer "
                    "www.example.com 300 A 192.0.2.1",
                    Insertion()));
  EXPECT_EQ(Get("www.example.com").text,
            test::Describe(Wire("www.example.com +qr " + std::string(kOneAddress))));
}

TEST_F(PacketCacheTest, NeverStoresOverAnAnswerAskedForLater) {
  const CacheInsert early = Insertion();
  Advance(1);
  EXPECT_TRUE(Put("www.example.com", "/ answer www.example.com 300 A 192.0.2.2"));
  EXPECT_FALSE(PutAs("www.example.com", "www.example.com +qr " + std::string(kOneAddress), early));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr("192.0.2.2"));
}

TEST_F(PacketCacheTest, NewerAnswerReplacesTheOld) {
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  Advance(1);
  EXPECT_TRUE(Put("www.example.com",
                  "/ answer www.example.com 300 A 192.0.2.9"
                  " / answer www.example.com 300 A 192.0.2.8"));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr("192.0.2.9"));
  EXPECT_EQ(cache().EntryCount(), 1u);
}

TEST_F(PacketCacheTest, FailureNeverDisplacesAnAnswerThatStillCounts) {
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  Advance(1);
  EXPECT_FALSE(Put("www.example.com", "+rcode=2"));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr("192.0.2.1"));
  Advance(300);
  EXPECT_TRUE(Put("www.example.com", "+rcode=2"));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr("SERVFAIL"));
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr("192.0.2.1"));
}

TEST_F(PacketCacheTest, TruncatedAnswersAreForDatagramClientsAlone) {
  EXPECT_FALSE(Put("www.example.com", "+tc"));
  cache_.reset();
  settings.truncated_ttl = 5;
  EXPECT_TRUE(Put("www.example.com", "+tc"));
  EXPECT_TRUE(Hits("www.example.com"));
  EXPECT_EQ(GetAs("www.example.com", {.now = clock.Now(), .datagram = false}).result,
            CacheResult::kMiss);
  // A whole answer stands beside it, and is better.
  CacheInsert over_tcp = Insertion();
  over_tcp.datagram = false;
  EXPECT_TRUE(
      PutAs("www.example.com", "www.example.com +qr " + std::string(kOneAddress), over_tcp));
  EXPECT_THAT(Get("www.example.com").text, HasSubstr("192.0.2.1"));
  EXPECT_EQ(cache().Stats().lookup_collisions, 0u);
}

TEST_F(PacketCacheTest, RefusesAnswersThatAreTooLarge) {
  settings.maximum_entry_size = 80;
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  EXPECT_FALSE(Put("www.example.org",
                   "/ answer www.example.org 300 A 192.0.2.1"
                   " / answer www.example.org 300 A 192.0.2.2"));
}

TEST_F(PacketCacheTest, RefusesAnswersThatAreNotSound) {
  auto answer = Wire("www.example.com +qr " + std::string(kOneAddress));
  const CacheKey key = *test::KeyOf(Wire("www.example.com"));
  for (size_t size = 0; size < answer.size(); ++size) {
    EXPECT_FALSE(cache().Insert(key, std::span(answer).first(size), Insertion())) << size;
  }
  EXPECT_FALSE(cache().Insert(key, Wire("www.example.com"), Insertion()));  // no answer
  EXPECT_FALSE(cache().Insert(
      key, Wire("www.example.com AAAA +qr / answer www.example.com 300 A 192.0.2.1"), Insertion()));
  EXPECT_FALSE(cache().Insert(key,
                              Wire("www.example.com +qr " + std::string(kOneAddress) +
                                   " / additional key.example 0 TYPE250 00"),
                              Insertion()));
  EXPECT_TRUE(cache().Insert(key, answer, Insertion()));
}

TEST_F(PacketCacheTest, ShufflesAddressesOfOneNameAndNothingElse) {
  settings.shuffle = true;
  std::string answer = "/ answer www.example.com 300 CNAME x.example.com";
  for (int i = 1; i <= 4; ++i) {
    answer += " / answer x.example.com 300 A 192.0.2." + std::to_string(i);
  }
  answer += " / answer y.example.com 300 A 192.0.2.77";
  EXPECT_TRUE(Put("www.example.com", answer));
  std::set<std::string> orders;
  for (int i = 0; i < 200; ++i) {
    const Reply reply = Get("www.example.com");
    EXPECT_THAT(reply.text, HasSubstr("y.example.com 300 A 192.0.2.77"));
    for (int address = 1; address <= 4; ++address) {
      EXPECT_THAT(reply.text, HasSubstr("x.example.com 300 A 192.0.2." + std::to_string(address)));
    }
    orders.insert(reply.text);
  }
  EXPECT_GT(orders.size(), 12u);  // of 24
}

TEST_F(PacketCacheTest, TellsHowFullItIs) {
  settings.max_entries = 2;
  EXPECT_TRUE(Put("a.example", "/ answer a.example 300 A 192.0.2.1"));
  EXPECT_FALSE(cache().IsFull());
  EXPECT_EQ(cache().ToString(), "1/2");
  EXPECT_TRUE(Put("b.example", "/ answer b.example 300 A 192.0.2.1"));
  EXPECT_TRUE(cache().IsFull());
}

TEST_F(PacketCacheTest, NeedsRoomForOneEntry) {
  EXPECT_FALSE(PacketCache::Make({.max_entries = 0}, clock));
}

}  // namespace
}  // namespace breakwater
