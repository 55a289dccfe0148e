#include "proxy/cache/last_good.h"

#include <gmock/gmock.h>

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

using test::KeyOf;
using test::kOneAddress;
using testing::HasSubstr;

class LastGoodCacheTest : public test::CacheFixture {
 protected:
  LastGoodCacheTest() {
    settings.last_good = LastGoodSettings{.max_age_s = 3600, .ttl_s = 30, .recheck = 5000};
  }
  CacheInsert Bad() {
    CacheInsert how = Insertion();
    how.worth = AnswerClass::kBad;
    return how;
  }
  Reply Last(LastGoodUse use = LastGoodUse::kAny) {
    return GetAs(kName, {.now = clock.Now(), .last_good = use});
  }
  bool Hold() {
    const auto wire = Wire(kName);
    return cache().Hold(*KeyOf(wire), Name(wire),
                        {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache().epoch()});
  }
  bool Adopt(const std::string& query) {
    const auto wire = Wire(query);
    return cache().Adopt(
        *KeyOf(wire, settings.key), Name(wire),
        {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache().epoch()});
  }
  KnownAnswer Known() {
    const auto wire = Wire(kName);
    return cache().Known(*KeyOf(wire), Name(wire), clock.Now());
  }
  static std::span<const uint8_t> Name(const std::vector<uint8_t>& wire) {
    return std::span(wire).subspan(dns::kHeaderSize, dns::ParseQuestion(wire)->name_length);
  }
  static std::string Signed(uint32_t until) {
    char hex[9];
    std::snprintf(hex, sizeof(hex), "%08x", until);
    return std::string(kOneAddress) +
           " / answer www.example.com 300 TYPE46 0001080300000"
           "12c" +
           hex +
           "00000000"
           "1234"
           "00"
           "ffff";
  }
  static constexpr char kName[] = "www.example.com";
};

TEST_F(LastGoodCacheTest, IsServedPastItsTimeWithItsOwnTtl) {
  EXPECT_TRUE(Put(kName, kOneAddress));
  EXPECT_FALSE(Get(kName).result == CacheResult::kLastGood);
  Advance(300);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
  const Reply reply = Last();
  EXPECT_EQ(reply.result, CacheResult::kLastGood);
  EXPECT_THAT(reply.text, HasSubstr(" 30 A 192.0.2.1"));
  EXPECT_EQ(SweepAll(), 0u);
  Advance(3600);
  EXPECT_EQ(Last().result, CacheResult::kMiss);
  EXPECT_EQ(SweepAll(), 1u);
}

TEST_F(LastGoodCacheTest, NothingIsKeptWithoutTheOption) {
  settings.last_good.reset();
  EXPECT_TRUE(Put(kName, kOneAddress));
  Advance(300);
  EXPECT_EQ(Last().result, CacheResult::kMiss);
  EXPECT_FALSE(Known().held);
  EXPECT_EQ(SweepAll(), 1u);
}

TEST_F(LastGoodCacheTest, WhereHeldOneAskerAtATimeGoesToTheBackend) {
  EXPECT_TRUE(Put(kName, kOneAddress));
  Advance(300);
  EXPECT_TRUE(Hold());
  EXPECT_EQ(Get(kName).result, CacheResult::kLastGood);
  Advance(5);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
  EXPECT_EQ(Get(kName).result, CacheResult::kLastGood);
  Advance(5);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
}

TEST_F(LastGoodCacheTest, ABadAnswerIsKeptOnlyWhereNoGoodOneIs) {
  EXPECT_TRUE(PutAs(kName, std::string(kName) + " +qr +rcode=5", Bad()));
  EXPECT_THAT(Get(kName).text, HasSubstr("REFUSED"));
  EXPECT_FALSE(Known().held);
  Advance(1);
  EXPECT_TRUE(Put(kName, kOneAddress));
  Advance(300);
  EXPECT_FALSE(PutAs(kName, std::string(kName) + " +qr +rcode=5", Bad()));
  EXPECT_EQ(Last().result, CacheResult::kLastGood);
}

TEST_F(LastGoodCacheTest, AGoodAnswerReplacesABadOneThatWasAskedForLater) {
  CacheInsert early = Insertion();
  Advance(1);
  EXPECT_TRUE(PutAs(kName, std::string(kName) + " +qr +rcode=5", Bad()));
  early.now = clock.Now();
  EXPECT_TRUE(PutAs(kName, std::string(kName) + " +qr " + kOneAddress, early));
  EXPECT_TRUE(Hits(kName));
}

TEST_F(LastGoodCacheTest, AnOlderAnswerNeverReplacesANewerOne) {
  CacheInsert early = Insertion();
  Advance(1);
  EXPECT_TRUE(Put(kName, kOneAddress));
  early.now = clock.Now();
  EXPECT_FALSE(
      PutAs(kName, std::string(kName) + " +qr / answer www.example.com 300 A 192.0.2.9", early));
  EXPECT_THAT(Get(kName).text, HasSubstr("192.0.2.1"));
}

TEST_F(LastGoodCacheTest, TheEndOfASignatureIsTheEndOfTheAnswer) {
  const auto wall = static_cast<uint32_t>(clock.WallSeconds());
  EXPECT_TRUE(Put(kName, Signed(wall + 1000)));
  // Somebody sets the clock: what was stored does not care.
  clock.StepWall(-100'000);
  Advance(999);
  EXPECT_EQ(Last().result, CacheResult::kLastGood);
  Advance(1);
  EXPECT_EQ(Last().result, CacheResult::kMiss);
}

TEST_F(LastGoodCacheTest, WhatIsSignedForNoLongerIsNoLastGoodAnswer) {
  EXPECT_TRUE(Put(kName, Signed(static_cast<uint32_t>(clock.WallSeconds()) - 5)));
  EXPECT_FALSE(Known().held);
}

TEST_F(LastGoodCacheTest, ASoftFlushKeepsItAlsoWhenItCanNoLongerBeUndone) {
  settings.flush_limits.undo_window = MonoTime::FromSeconds(10);
  EXPECT_TRUE(Put(kName, kOneAddress));
  EXPECT_TRUE(Hold());
  (void)cache().Flush({.name = NameOf("com"), .suffix = true});
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);  // held no more: the change is to be seen
  EXPECT_EQ(Last(LastGoodUse::kUnlessFlushed).result, CacheResult::kMiss);
  EXPECT_EQ(Last().result, CacheResult::kLastGood);
  Advance(11);
  for (int pass = 0; pass < 3; ++pass) EXPECT_EQ(SweepAll(), 0u);
  EXPECT_EQ(Last(LastGoodUse::kUnlessFlushed).result, CacheResult::kMiss);
  EXPECT_EQ(Last().result, CacheResult::kLastGood);
  (void)cache().Flush({.name = NameOf(kName), .hard = true});
  EXPECT_EQ(Last().result, CacheResult::kMiss);
  EXPECT_FALSE(Hold());
}

TEST_F(LastGoodCacheTest, ForgettingSparesWhatWasAskedForLater) {
  const auto wire = Wire(kName);
  const MonoTime early = clock.Now();
  Advance(1);
  EXPECT_TRUE(Put(kName, kOneAddress));
  cache().Forget(*KeyOf(wire), Name(wire), early);
  EXPECT_TRUE(Hits(kName));
  cache().Forget(*KeyOf(wire), Name(wire), clock.Now());
  EXPECT_FALSE(Hits(kName));
}

TEST_F(LastGoodCacheTest, ServesThoseWhoAskTheSameWithOtherFlags) {
  EXPECT_TRUE(Put("www.example.com +dnssec", std::string("+aa +edns ") + kOneAddress));
  Advance(300);
  const CacheLookup how{.now = clock.Now(), .last_good = LastGoodUse::kAny};
  for (const char* other : {"www.example.com", "WWW.example.com +norec +ad", "www.example.com +cd",
                            "www.example.com +edns", "www.example.com +dnssec +cd"}) {
    EXPECT_EQ(GetAs(other, how).result, CacheResult::kLastGood) << other;
    EXPECT_EQ(Get(other).result, CacheResult::kMiss) << other;
  }
  for (const char* other : {"www.example.com AAAA", "www.example.net", "www.example.com CH",
                            "www.example.com +option=3:"}) {
    EXPECT_EQ(GetAs(other, how).result, CacheResult::kMiss) << other;
  }
  EXPECT_EQ(cache().Stats().lookup_collisions, 0u);
}

TEST_F(LastGoodCacheTest, WhatMayBeMissingIsNotGivenToThoseWhoWantIt) {
  // Without authority RD and CD matter; without DO signatures may be missing; without EDNS the OPT.
  EXPECT_TRUE(Put("resolver.example.com", "/ answer resolver.example.com 300 A 192.0.2.1"));
  EXPECT_TRUE(Put(kName, std::string("+aa ") + kOneAddress));
  Advance(300);
  const CacheLookup how{.now = clock.Now(), .last_good = LastGoodUse::kAny};
  for (const char* other : {"resolver.example.com +norec", "resolver.example.com +cd",
                            "www.example.com +edns", "www.example.com +dnssec"}) {
    EXPECT_EQ(GetAs(other, how).result, CacheResult::kMiss) << other;
  }
}

TEST_F(LastGoodCacheTest, SignaturesAreForThoseWhoWantThem) {
  const auto wall = static_cast<uint32_t>(clock.WallSeconds());
  EXPECT_TRUE(Put("www.example.com +dnssec", "+aa +edns " + Signed(wall + 1000)));
  Advance(300);
  const CacheLookup how{.now = clock.Now(), .last_good = LastGoodUse::kAny};
  EXPECT_EQ(GetAs("www.example.com +edns", how).result, CacheResult::kMiss);
  EXPECT_EQ(GetAs("www.example.com +dnssec +cd", how).result, CacheResult::kLastGood);
}

TEST_F(LastGoodCacheTest, ASiblingStandsInForAnEntryWhoseTimeIsOver) {
  const auto wall = static_cast<uint32_t>(clock.WallSeconds());
  EXPECT_TRUE(Put("www.example.com +dnssec +cd", "+aa +edns " + Signed(wall + 400)));
  EXPECT_TRUE(Put("www.example.com +dnssec", "+aa +edns " + Signed(wall + 3000)));
  Advance(401);
  const auto wire = Wire("www.example.com +dnssec +cd");
  EXPECT_TRUE(cache().Hold(*KeyOf(wire), Name(wire), {.now = clock.Now(), .asked = clock.Now()}));
  EXPECT_EQ(Get("www.example.com +dnssec +cd").result, CacheResult::kLastGood);
}

TEST_F(LastGoodCacheTest, ThePlainQuestionsAnswerIsAdoptedForWantOfAllElse) {
  EXPECT_TRUE(Put(kName, std::string("+aa ") + kOneAddress));
  for (const char* other :
       {"www.example.com +edns", "www.example.com +dnssec +cd", "www.example.com +option=3:",
        "www.example.com +dnssec +option=3:", "www.example.com +option=8:00011800cb0071"}) {
    EXPECT_EQ(Get(other).result, CacheResult::kMiss) << other;
    EXPECT_TRUE(Adopt(other)) << other;
    EXPECT_EQ(Get(other).result, CacheResult::kLastGood) << other;
    EXPECT_THAT(Get(other).text, HasSubstr("www.example.com 30 A 192.0.2.1")) << other;
  }
  for (const char* other : {"www.example.com AAAA +edns", "www.example.net +option=3:"}) {
    EXPECT_FALSE(Adopt(other)) << other;
  }
  Advance(5);
  EXPECT_EQ(Get("www.example.com +dnssec +cd").result, CacheResult::kMiss);  // the next try
  EXPECT_EQ(Get("www.example.com +dnssec +cd").result, CacheResult::kLastGood);
  EXPECT_EQ(Get(kName).result, CacheResult::kFresh);
  Advance(3600 + 300);
  EXPECT_EQ(Get("www.example.com +option=3:").result, CacheResult::kMiss);
  EXPECT_FALSE(Adopt("www.example.com +option=3:"));
}

TEST_F(LastGoodCacheTest, WhatWasAskedWithOptionsAloneIsKeptForThoseWithout) {
  EXPECT_TRUE(Put("www.example.com +option=3:6e73", std::string("+aa ") + kOneAddress));
  EXPECT_TRUE(Known().held);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss) << "it is never fresh";
  EXPECT_THAT(Get(kName).text, HasSubstr("www.example.com 30 A 192.0.2.1"));
  const Reply edns = Get("www.example.com +edns");
  EXPECT_EQ(edns.result, CacheResult::kLastGood);
  EXPECT_THAT(edns.text, testing::Not(HasSubstr("6e73")))
      << "a name server's name is for who asked";
  EXPECT_TRUE(Adopt("www.example.com +option=8:00011800cb0071"));
  // A better one takes its place.
  EXPECT_TRUE(Put(kName, std::string("+aa ") + kOneAddress));
  EXPECT_EQ(Get(kName).result, CacheResult::kFresh);
  EXPECT_TRUE(Put("www.example.com +option=3:", std::string("+aa ") + kOneAddress));
  EXPECT_EQ(Get(kName).result, CacheResult::kFresh);
}

TEST_F(LastGoodCacheTest, WhatIsForOneSubnetIsKeptForNobodyElse) {
  EXPECT_TRUE(PutAs("www.example.com +option=8:00011800cb0071",
                    "www.example.com +option=8:00011818cb0071 +qr +aa " + std::string(kOneAddress),
                    Insertion()));
  EXPECT_FALSE(Known().held);
}

TEST_F(LastGoodCacheTest, WhatIsAdoptedGivesWayToAnAnswerOfItsOwn) {
  const std::string aa("+aa ");
  EXPECT_TRUE(PutAs("www.example.com +dnssec", "www.example.com +dnssec +qr +rcode=5", Bad()));
  EXPECT_TRUE(Put(kName, aa + kOneAddress));
  EXPECT_TRUE(Adopt("www.example.com +dnssec"));
  EXPECT_EQ(Get("www.example.com +dnssec").result, CacheResult::kLastGood);
  EXPECT_TRUE(Put("www.example.com +dnssec", "+aa +edns / answer www.example.com 300 A 192.0.2.2"));
  EXPECT_EQ(Get("www.example.com +dnssec").result, CacheResult::kFresh);
  EXPECT_TRUE(Adopt("www.example.com +dnssec"));  // what is there is better
  EXPECT_THAT(Get("www.example.com +dnssec").text, HasSubstr("192.0.2.2"));
  EXPECT_EQ(Get("www.example.com +dnssec").result, CacheResult::kFresh);
}

TEST_F(LastGoodCacheTest, AFlushConcernsWhatIsAdopted) {
  EXPECT_TRUE(Put(kName, std::string("+aa ") + kOneAddress));
  EXPECT_TRUE(Adopt("www.example.com +option=3:"));
  (void)cache().Flush({.name = NameOf(kName)});
  EXPECT_EQ(Get("www.example.com +option=3:").result, CacheResult::kMiss);
  (void)cache().Flush({.name = NameOf(kName), .hard = true});
  EXPECT_FALSE(Adopt("www.example.com +option=3:"));
}

TEST_F(LastGoodCacheTest, WhatMayBeWrongForAnotherIsNotAdopted) {
  settings.key.parse_ecs = true;
  const auto wall = static_cast<uint32_t>(clock.WallSeconds());
  EXPECT_TRUE(Put("www.example.com +dnssec", "+aa +edns " + Signed(wall + 1000)));
  EXPECT_FALSE(Adopt("www.example.com +option=3:"));
  EXPECT_TRUE(Adopt("www.example.com +dnssec +option=3:"));
  EXPECT_TRUE(Put("resolver.example.com", "/ answer resolver.example.com 300 A 192.0.2.1"));
  EXPECT_FALSE(Adopt("resolver.example.com +norec +edns"));
  const std::string one_subnet("near.example.com +option=8:00011800cb0071");
  EXPECT_TRUE(Put(one_subnet, "+aa / answer near.example.com 300 A 192.0.2.1"));
  EXPECT_FALSE(Adopt("near.example.com +option=8:00011800c63364"));
  EXPECT_FALSE(Adopt("near.example.com +dnssec"));
}

TEST_F(LastGoodCacheTest, ABadAnswerIsNotKeptWhereASiblingIsGood) {
  EXPECT_TRUE(PutAs("www.example.com +ad", "www.example.com +ad +qr +rcode=5", Bad()));
  EXPECT_THAT(Get("www.example.com +ad").text, HasSubstr("REFUSED"));
  EXPECT_TRUE(Put(kName, std::string("+aa ") + kOneAddress));
  EXPECT_EQ(Get("www.example.com +ad").result, CacheResult::kMiss);
  Advance(300);
  EXPECT_FALSE(PutAs("www.example.com +cd", "www.example.com +cd +qr +rcode=5", Bad()));
}

TEST_F(LastGoodCacheTest, WhatBecameBetterOrWasFlushedMeanwhileIsNotHeld) {
  const MonoTime asked = clock.Now();
  const uint32_t epoch = cache().epoch();
  const auto wire = Wire(kName);
  const auto hold = [&](MonoTime when, uint32_t then) {
    return cache().Hold(*KeyOf(wire), Name(wire),
                        {.now = clock.Now(), .asked = when, .asked_epoch = then});
  };
  Advance(1);
  EXPECT_TRUE(Put(kName, kOneAddress));
  EXPECT_TRUE(hold(asked, epoch));  // there is one to serve, but another worker has renewed it
  Advance(300);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
  (void)cache().Flush({.name = NameOf(kName)});
  EXPECT_TRUE(hold(clock.Now(), epoch));
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
  EXPECT_TRUE(hold(clock.Now(), cache().epoch()));
  EXPECT_EQ(Get(kName).result, CacheResult::kLastGood);
}

TEST_F(LastGoodCacheTest, ATryThatBroughtNothingIsGivenBack) {
  EXPECT_TRUE(Put(kName, kOneAddress));
  Advance(300);
  EXPECT_TRUE(Hold());
  Advance(5);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
  EXPECT_EQ(Get(kName).result, CacheResult::kLastGood);
  const auto wire = Wire(kName);
  cache().GiveBack(*KeyOf(wire), Name(wire), clock.Now());
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);
}

TEST_F(LastGoodCacheTest, PurgingExpiredEntriesSparesThem) {
  EXPECT_TRUE(Put(kName, kOneAddress));
  Advance(300);
  EXPECT_EQ(cache().PurgeExpired(0), 0u);
  EXPECT_EQ(Last().result, CacheResult::kLastGood);
}

TEST_F(LastGoodCacheTest, TheApexStaysKnownWhereAnAnswerDoesNotTellIt) {
  CacheInsert how = Insertion();
  how.apex_labels = 2;
  EXPECT_TRUE(PutAs(kName, std::string(kName) + " +qr +aa " + kOneAddress, how));
  Advance(1);
  EXPECT_TRUE(Put(kName, std::string("+aa ") + kOneAddress));
  const KnownAnswer known = Known();
  EXPECT_TRUE(known.authoritative);
  EXPECT_EQ(known.apex_labels, 2);
}

}  // namespace
}  // namespace breakwater
