#include "proxy/backend/zone_health.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <string>

#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

using Which = ZoneHealth::Which;

constexpr BackendNumber kOne = 1;
constexpr BackendNumber kTwo = 2;

class HealthByZoneTest : public testing::Test {
 protected:
  void Good(const std::string& name, uint8_t apex_labels, BackendNumber backend = kOne) {
    const auto wire = test::QueryMaker::WireName(name);
    zones_.Note({.name = wire, .backend = backend, .apex_labels = apex_labels, .now = now_});
  }
  void Bad(const std::string& name, BackendNumber backend = kOne,
           BadKind kind = BadKind::kRefused) {
    const auto wire = test::QueryMaker::WireName(name);
    zones_.Note({.name = wire, .backend = backend, .bad = kind, .now = now_});
  }
  bool Avoids(const std::string& name, BackendNumber backend = kOne) {
    return zones_.Avoids(test::QueryMaker::WireName(name), backend, now_);
  }
  uint8_t Apex(const std::string& name) { return zones_.ApexOf(test::QueryMaker::WireName(name)); }
  void Advance(double seconds) { now_ = now_ + MonoTime::FromSeconds(seconds); }

  ZoneHealth zones_;
  MonoTime now_ = MonoTime::FromSeconds(1000);
};

TEST_F(HealthByZoneTest, LearnsZonesFromGoodAnswersAlone) {
  Bad("www.example.org");
  EXPECT_EQ(zones_.zone_count(), 0u);
  Good("www.example.org", 0);
  EXPECT_EQ(zones_.zone_count(), 0u);
  Good("www.Example.org", 2);
  EXPECT_EQ(zones_.zone_count(), 1u);
  EXPECT_EQ(Apex("a.b.example.ORG"), 2);
  EXPECT_EQ(Apex("example.org"), 2);
  EXPECT_EQ(Apex("example.net"), 0);
  Good("x.sub.example.org", 3);
  EXPECT_EQ(Apex("y.sub.example.org"), 3);
  EXPECT_EQ(Apex("y.example.org"), 2);
}

TEST_F(HealthByZoneTest, WhatNobodyAsksForIsToBeTriedAfterAWhile) {
  const auto trials = [&](size_t most) { return zones_.TakeTrials(most, now_); };
  Good("www.example.org", 2);
  Good("www.example.net", 2, kTwo);
  for (int i = 0; i < 3; ++i) {
    Bad("www.example.org");
    Bad("www.example.net", kTwo);
  }
  Advance(5 + ZoneHealth::kQuiet_s);
  EXPECT_TRUE(trials(10).empty());
  Advance(1);
  const auto first = trials(1);
  ASSERT_EQ(first.size(), 1u);
  const auto second = trials(10);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(first[0].zone, second[0].zone);
  EXPECT_EQ(first[0].backend, first[0].zone.ToString() == "example.org." ? kOne : kTwo);
  EXPECT_TRUE(trials(10).empty());
  // A client that tries is enough.
  Advance(30);
  EXPECT_FALSE(Avoids("www.example.org"));
  Advance(6);
  ASSERT_EQ(trials(10).size(), 1u);
}

TEST_F(HealthByZoneTest, WhatIsDoubtedIsBadOnceAQuestionOfOurOwnHasFailedToo) {
  using Word = ZoneHealth::Word;
  const auto wire = test::QueryMaker::WireName("www.example.org");
  const auto note = [&](Word word, std::optional<BadKind> bad) {
    return zones_.Note({.name = wire, .backend = kOne, .bad = bad, .now = now_, .word = word}).wish;
  };
  Good("www.example.org", 2);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(note(Word::kDoubted, BadKind::kServFail), ZoneHealth::Wish::kCertainty);
  }
  EXPECT_FALSE(zones_.AnyBad());
  // The zone is well: what came before says nothing of it.
  (void)note(Word::kDoubt, std::nullopt);
  (void)note(Word::kDoubt, BadKind::kServFail);
  (void)note(Word::kDoubted, BadKind::kServFail);
  EXPECT_FALSE(zones_.AnyBad());
  (void)note(Word::kDoubted, BadKind::kServFail);
  EXPECT_TRUE(zones_.AnyBad());
  // Good again, it is doubted anew.
  Good("www.example.org", 2);
  Good("www.example.org", 2);
  EXPECT_FALSE(zones_.AnyBad());
  for (int i = 0; i < 3; ++i) (void)note(Word::kDoubted, BadKind::kServFail);
  EXPECT_FALSE(zones_.AnyBad());
  // There is no question of our own to be had.
  zones_.EndDoubt(wire, kTwo, now_);
  EXPECT_FALSE(zones_.AnyBad());
  zones_.EndDoubt(wire, kOne, now_);
  EXPECT_TRUE(zones_.AnyBad());
}

TEST_F(HealthByZoneTest, WhatIsExcusedIsBadNoMore) {
  Good("www.example.org", 2);
  for (int i = 0; i < 3; ++i) Bad("www.example.org");
  EXPECT_TRUE(zones_.AnyBad());
  (void)zones_.TakeChanges();
  zones_.Excuse(test::QueryMaker::WireName("www.example.org"), kTwo, now_);
  EXPECT_TRUE(zones_.AnyBad());
  zones_.Excuse(test::QueryMaker::WireName("www.example.org"), kOne, now_);
  EXPECT_FALSE(zones_.AnyBad());
  ASSERT_EQ(zones_.TakeChanges().size(), 1u);
}

TEST_F(HealthByZoneTest, WhatIsRecalledTakesNobodysPlace) {
  zones_.UseSettings({.max_zones = 1});
  zones_.Recall(test::QueryMaker::WireName("example.org"));
  zones_.Recall(test::QueryMaker::WireName("example.net"));
  zones_.Recall(test::QueryMaker::WireName("org"));
  EXPECT_EQ(zones_.zone_count(), 1u);
  EXPECT_EQ(Apex("www.Example.org"), 2);
  EXPECT_EQ(Apex("www.example.net"), 0);
}

TEST_F(HealthByZoneTest, WishesForTheApexWhereAnAnswerDoesNotNameOneNearTheName) {
  using Wish = ZoneHealth::Wish;
  const auto wish = [&](const std::string& name, uint8_t apex_labels) {
    const auto wire = test::QueryMaker::WireName(name);
    return zones_
        .Note({.name = wire,
               .backend = kOne,
               .authoritative = true,
               .apex_labels = apex_labels,
               .now = now_})
        .wish;
  };
  EXPECT_EQ(wish("www.example.org", 0), Wish::kApex);
  EXPECT_EQ(wish("example.org", 0), Wish::kApex);
  EXPECT_EQ(wish("org", 0), Wish::kNone);
  EXPECT_EQ(wish("www.example.org", 2), Wish::kNone);
  // Now the parent is known, and the apex itself; of a name further below it is not.
  EXPECT_EQ(wish("ftp.example.org", 0), Wish::kNone);
  EXPECT_EQ(wish("example.org", 0), Wish::kNone);
  EXPECT_EQ(wish("www.sub.example.org", 0), Wish::kApex);
}

TEST_F(HealthByZoneTest, WishesForCertaintyAfterABadAnswerUntilTheZoneIsBad) {
  using Wish = ZoneHealth::Wish;
  const auto wire = test::QueryMaker::WireName("www.example.org");
  const auto bad = [&] {
    return zones_.Note({.name = wire, .backend = kOne, .bad = BadKind::kRefused, .now = now_});
  };
  EXPECT_EQ(bad().wish, Wish::kNone);  // no zone is known
  Good("www.example.org", 2);
  EXPECT_EQ(bad().wish, Wish::kCertainty);
  EXPECT_EQ(bad().apex_labels, 2);
  EXPECT_EQ(bad().wish, Wish::kNone);
  EXPECT_TRUE(zones_.IsBad(wire, kOne));
  EXPECT_FALSE(zones_.IsBad(wire, kTwo));
}

TEST_F(HealthByZoneTest, NeverTakesTheRootOrATopLevelDomainForAZone) {
  Good("www.example.org", 1);
  Good("org", 1);
  EXPECT_EQ(zones_.zone_count(), 0u);
  EXPECT_EQ(Apex("www.example.org"), 0);
}

TEST_F(HealthByZoneTest, IsBadAfterThreeOfFiveAndGoodAfterTwoInARow) {
  Good("www.example.org", 2);
  Bad("www.example.org");
  Good("www.example.org", 2);
  Bad("www.example.org");
  EXPECT_FALSE(zones_.AnyBad());
  EXPECT_FALSE(Avoids("www.example.org"));
  Bad("mail.example.org");
  EXPECT_TRUE(Avoids("anything.example.org"));
  EXPECT_FALSE(Avoids("anything.example.org", kTwo));
  EXPECT_FALSE(Avoids("example.net"));
  Good("www.example.org", 2);
  Bad("www.example.org");
  EXPECT_TRUE(Avoids("www.example.org"));
  Good("www.example.org", 2);
  EXPECT_EQ(zones_.bad_count(), 1u);
  Good("www.example.org", 2);
  EXPECT_FALSE(Avoids("www.example.org"));
  EXPECT_EQ(zones_.bad_count(), 0u);
}

TEST_F(HealthByZoneTest, AGoodAnswerOfABadZoneLetsTheNextQueryTry) {
  Good("www.example.org", 2);
  for (int i = 0; i < 3; ++i) Bad("www.example.org");
  Good("www.example.org", 2);
  EXPECT_FALSE(Avoids("www.example.org"));
  EXPECT_TRUE(Avoids("www.example.org"));
}

TEST_F(HealthByZoneTest, ThresholdsCanBeChanged) {
  zones_.UseSettings({.bad = 1, .of = 1, .good = 1});
  Good("www.example.org", 2);
  Bad("www.example.org");
  EXPECT_TRUE(Avoids("www.example.org"));
  Good("www.example.org", 2);
  EXPECT_FALSE(Avoids("www.example.org"));
}

TEST_F(HealthByZoneTest, LetsOneQueryTryNowAndThen) {
  Good("www.example.org", 2);
  for (int i = 0; i < 3; ++i) Bad("www.example.org");
  EXPECT_TRUE(Avoids("www.example.org"));
  Advance(5);
  EXPECT_FALSE(Avoids("www.example.org"));
  EXPECT_TRUE(Avoids("www.example.org"));
}

TEST_F(HealthByZoneTest, TellsOfChangesOnce) {
  Good("www.example.org", 2);
  for (int i = 0; i < 3; ++i) Bad("www.example.org", kTwo, BadKind::kLame);
  auto changes = zones_.TakeChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].zone.ToString(), "example.org.");
  EXPECT_EQ(changes[0].backend, kTwo);
  EXPECT_TRUE(changes[0].is_bad);
  EXPECT_EQ(changes[0].kind, BadKind::kLame);
  for (int i = 0; i < 2; ++i) Good("www.example.org", 2, kTwo);
  changes = zones_.TakeChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].is_bad);
  EXPECT_TRUE(zones_.TakeChanges().empty());
}

TEST_F(HealthByZoneTest, ReportsCountsByKindAndTheUnknownApart) {
  Good("www.example.org", 2);
  Good("www.example.org", 2);
  Bad("www.example.org", kTwo, BadKind::kTimeout);
  Bad("no.zone.example.net", kTwo, BadKind::kServFail);
  const auto reports = zones_.Report(Which::kAll, 10);
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(reports[0].backends.size(), 2u);
  EXPECT_EQ(reports[0].backends[0].good, 2u);
  EXPECT_EQ(reports[0].backends[1].bad[static_cast<size_t>(BadKind::kTimeout)], 1u);
  EXPECT_EQ(reports[0].backends[1].AllBad(), 1u);
  EXPECT_TRUE(zones_.Report(Which::kBad, 10).empty());
  const auto unknown = zones_.Unknown();
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0].AllBad(), 1u);
}

TEST_F(HealthByZoneTest, AFloodOfMadeUpNamesPushesNothingOut) {
  zones_.UseSettings({.max_zones = 64});
  Good("www.example.org", 2);
  for (int i = 0; i < 10'000; ++i) Bad("r" + std::to_string(i) + ".flood.example");
  EXPECT_EQ(zones_.zone_count(), 1u);
  EXPECT_EQ(Apex("www.example.org"), 2);
}

TEST_F(HealthByZoneTest, TheLeastAskedGoesFirstAndABadOneNever) {
  zones_.UseSettings({.max_zones = 640});
  Good("www.bad.example", 2);
  for (int i = 0; i < 3; ++i) Bad("www.bad.example");
  for (int i = 0; i < 5000; ++i) {
    for (int often = 0; often < 3; ++often) Good("www.busy.example", 2);
    Good("www.zone" + std::to_string(i) + ".example", 2);
  }
  EXPECT_LE(zones_.zone_count(), 640u);
  EXPECT_GT(zones_.zone_count(), 500u);
  EXPECT_EQ(Apex("www.bad.example"), 2);
  EXPECT_EQ(Apex("www.busy.example"), 2);
  EXPECT_EQ(zones_.bad_count(), 1u);
}

TEST_F(HealthByZoneTest, ServersThatComeAndGoLeaveLittleBehind) {
  Good("www.example.org", 2, 1);
  for (BackendNumber backend = 2; backend < 1000; ++backend) {
    for (int i = 0; i < 3; ++i) Bad("www.example.org", backend);
  }
  EXPECT_LE(zones_.Report(Which::kAll, 10)[0].backends.size(), 8u);
  EXPECT_LE(zones_.bad_count(), 8u);
  EXPECT_TRUE(Avoids("www.example.org", 999));
}

TEST_F(HealthByZoneTest, WhatIsMeantToBeGoneIsForgotten) {
  Good("www.example.org", 2);
  Good("www.sub.example.org", 3);
  Good("www.example.net", 2);
  for (int i = 0; i < 3; ++i) Bad("www.sub.example.org");
  zones_.Forget(std::vector{*dns::Name::Parse("EXAMPLE.org"), *dns::Name::Parse("example.info")});
  EXPECT_EQ(zones_.zone_count(), 1u);
  EXPECT_EQ(zones_.bad_count(), 0u);
  EXPECT_EQ(Apex("www.sub.example.org"), 0);
  EXPECT_EQ(Apex("www.example.net"), 2);
}

TEST_F(HealthByZoneTest, AHundredThousandZonesTakeSixteenMegabytes) {
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "www.customer" + std::to_string(i) + ".example";
    Good(name, 2, kOne);
    Good(name, 2, kTwo);
  }
  EXPECT_EQ(zones_.zone_count(), 100'000u);
  EXPECT_LE(mallinfo2().uordblks - before, 16'000'000u);
}

}  // namespace
}  // namespace breakwater
