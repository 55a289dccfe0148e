#include "proxy/backend/zone_serials.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <map>
#include <string>
#include <vector>

#include "proxy/backend/zone_health.h"
#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

using Standing = ZoneHealth::Standing;
using Which = ZoneHealth::Which;

constexpr BackendNumber kOne = 1;
constexpr BackendNumber kTwo = 2;
constexpr BackendNumber kStandby = 3;
constexpr uint8_t kLabels = 2;  // of example.org

TEST(SerialTest, ComparesAsRfc1982Says) {
  EXPECT_TRUE(IsOlderSerial(1, 2));
  EXPECT_FALSE(IsOlderSerial(2, 1));
  EXPECT_FALSE(IsOlderSerial(7, 7));
  EXPECT_TRUE(IsOlderSerial(0xffffffff, 0));
  EXPECT_TRUE(IsOlderSerial(0xfffffff0, 5));
  EXPECT_FALSE(IsOlderSerial(5, 0xfffffff0));
  EXPECT_TRUE(IsOlderSerial(0, 0x7fffffff));
  // As far apart as can be: neither.
  EXPECT_FALSE(IsOlderSerial(0, 0x80000000));
  EXPECT_FALSE(IsOlderSerial(0x80000000, 0));
}

TEST(SerialTest, IsToldWithWhatItIsBehind) {
  EXPECT_EQ((ToldSerial{.serial = 3, .newest = 3}.ToString()), "serial 3");
  EXPECT_EQ((ToldSerial{.serial = 1, .newest = 3}.ToString()), "serial 1, behind 3");
}

class ZoneSerialsTest : public testing::Test {
 protected:
  ZoneSerialsTest() : zones_(Settings()) { Good(kOne); }

  static ZoneHealthSettings Settings() {
    return {.serials = {.on = true, .lag = 30, .interval = 10, .accept_older_after = 100}};
  }
  ZoneHealth::Asked Asked(BackendNumber backend) {
    return {.name = www_, .backend = backend, .comebacks = comebacks_, .now = now_};
  }
  void Tell(BackendNumber backend, uint32_t serial) {
    zones_.TellSerial(Asked(backend), kLabels, serial);
  }
  ZoneHealth::Noted Good(BackendNumber backend) {
    return zones_.Note({.name = www_, .backend = backend, .apex_labels = kLabels, .now = now_});
  }
  Standing Of(BackendNumber backend) { return zones_.StandingOf(Asked(backend)).standing; }
  bool IsBad(BackendNumber backend) { return zones_.IsBad(www_, backend); }
  void Advance(double seconds) { now_ = now_ + MonoTime::FromSeconds(seconds); }
  std::optional<ToldSerial> Told(BackendNumber backend) {
    const auto report = zones_.Peek(www_);
    for (const ZoneOnBackend& one : report->backends) {
      if (one.backend == backend) return one.serial;
    }
    return std::nullopt;
  }

  const std::vector<uint8_t> www_ = test::QueryMaker::WireName("www.example.org");
  const std::vector<uint8_t> apex_ = test::QueryMaker::WireName("example.org");
  ZoneHealth zones_;
  MonoTime now_ = MonoTime::FromSeconds(1000);
  uint32_t comebacks_ = 1;
};

TEST_F(ZoneSerialsTest, AnOrdinarySecondaryMayStandBehindForAWhile) {
  Tell(kOne, 7);
  Tell(kTwo, 7);
  Tell(kOne, 8);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
  Advance(29);
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
  EXPECT_FALSE(IsBad(kTwo));
  Advance(1);
  // What it told in its time of grace is not held against it.
  EXPECT_EQ(Of(kTwo), Standing::kUnproved);
  EXPECT_FALSE(IsBad(kTwo));
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kOlder);
  EXPECT_EQ(Of(kOne), Standing::kCurrent);
  EXPECT_TRUE(IsBad(kTwo));
  EXPECT_TRUE(zones_.Avoids(www_, kTwo, now_));
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, OneThatFollowsStepByStepIsNotHeldUp) {
  Tell(kOne, 1);
  Tell(kTwo, 1);
  for (uint32_t serial = 2; serial < 20; ++serial) {
    Tell(kOne, serial);
    Advance(20);
    Tell(kTwo, serial - 1);
    EXPECT_EQ(Of(kTwo), Standing::kCurrent) << serial;
  }
}

TEST_F(ZoneSerialsTest, OneThatGoesBackIsBadAtOnceAndGoodOnceItHasCaughtUp) {
  Tell(kOne, 8);
  Tell(kTwo, 8);
  Tell(kTwo, 5);
  EXPECT_EQ(Of(kTwo), Standing::kOlder);
  EXPECT_TRUE(IsBad(kTwo));
  auto changes = zones_.TakeChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, BadKind::kOlder);
  EXPECT_EQ(changes[0].serial->ToString(), "serial 5, behind 8");
  // It is on its way, and not there.
  Tell(kTwo, 6);
  EXPECT_TRUE(IsBad(kTwo));
  Tell(kTwo, 8);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
  EXPECT_FALSE(IsBad(kTwo));
  EXPECT_EQ(zones_.bad_count(), 0u);
  changes = zones_.TakeChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].is_bad);
  EXPECT_FALSE(changes[0].accepted);
}

TEST_F(ZoneSerialsTest, ClientsDoNotTryWhatIsOlder) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  Advance(20);
  EXPECT_TRUE(zones_.Avoids(www_, kOne, now_));
  Advance(20);
  EXPECT_TRUE(zones_.Avoids(www_, kOne, now_));
}

TEST_F(ZoneSerialsTest, GoodAnswersDoNotMakeAnOlderZoneGood) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  for (int i = 0; i < 5; ++i) Good(kOne);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, WhatElseIsWrongStaysWrong) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  zones_.Note({.name = www_, .backend = kOne, .bad = BadKind::kRefused, .now = now_});
  Tell(kOne, 8);
  EXPECT_TRUE(IsBad(kOne));
  Good(kOne);
  Good(kOne);
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, SerialsWrapAround) {
  Tell(kOne, 0xffffffff);
  Tell(kTwo, 0xffffffff);
  Tell(kOne, 3);
  EXPECT_EQ(Told(kTwo)->newest, 3u);
  Tell(kTwo, 3);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
  Tell(kTwo, 0xffffffff);
  EXPECT_EQ(Of(kTwo), Standing::kOlder);
}

TEST_F(ZoneSerialsTest, WhoCameBackIsUnprovedUntilItTells) {
  EXPECT_EQ(Of(kOne), Standing::kCurrent);  // nothing is known
  Tell(kOne, 8);
  EXPECT_EQ(Of(kTwo), Standing::kUnproved);
  Tell(kTwo, 8);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
  ++comebacks_;
  EXPECT_EQ(Of(kTwo), Standing::kUnproved);
  EXPECT_EQ(zones_.StandingOf(Asked(kTwo)).apex_labels, kLabels);
  Tell(kTwo, 8);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
}

TEST_F(ZoneSerialsTest, AServerThatToldNothingBeforeHasItsGraceWhileTheNewestIsNew) {
  Tell(kOne, 8);
  Advance(29);
  Tell(kOne, 8);
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
  Advance(30);
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kOlder);
  Tell(kStandby, 7);
  EXPECT_EQ(Of(kStandby), Standing::kOlder);
}

TEST_F(ZoneSerialsTest, AServerThatComesLateWithAnOlderOneIsAcceptedNoSooner) {
  Tell(kOne, 8);
  Advance(500);
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kOlder);
  Advance(99);
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kOlder);
  Advance(1);
  Tell(kTwo, 7);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
}

TEST_F(ZoneSerialsTest, WhatWasToldLongAgoIsToBeAskedForOnceMore) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  Advance(10);
  EXPECT_EQ(Of(kOne), Standing::kOlder);
  Advance(1);
  EXPECT_EQ(Of(kOne), Standing::kUnproved);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, WhereAllAgreeOnAnOlderOneForLongItIsMeant) {
  Tell(kOne, 8);
  Tell(kTwo, 8);
  Tell(kOne, 5);
  Tell(kTwo, 5);
  EXPECT_EQ(zones_.bad_count(), 2u);
  for (int i = 0; i < 9; ++i) {
    Advance(10);
    Tell(kOne, 5);
    Tell(kTwo, 5);
  }
  EXPECT_EQ(zones_.bad_count(), 2u);
  zones_.TakeChanges();
  Advance(10);
  Tell(kOne, 5);
  EXPECT_EQ(zones_.bad_count(), 0u);
  const auto changes = zones_.TakeChanges();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_TRUE(changes[0].accepted);
  EXPECT_TRUE(changes[1].accepted);
  EXPECT_EQ(changes[0].serial->ToString(), "serial 5, behind 8");
  // From now on that is what counts.
  Tell(kOne, 6);
  EXPECT_EQ(Told(kTwo)->newest, 6u);
  EXPECT_EQ(Of(kTwo), Standing::kCurrent);
}

TEST_F(ZoneSerialsTest, AZoneThatChangesOftenIsAcceptedAllTheSame) {
  Tell(kOne, 90);
  Tell(kTwo, 90);
  uint32_t serial = 10;
  for (int i = 0; i < 12; ++i) {
    Tell(kOne, serial);
    Tell(kTwo, serial++);
    EXPECT_EQ(zones_.bad_count(), 2u);
    Advance(10);
  }
  Tell(kOne, serial);
  EXPECT_EQ(zones_.bad_count(), 2u) << "they do not agree";
  Tell(kTwo, serial);
  EXPECT_EQ(zones_.bad_count(), 0u);
  EXPECT_EQ(Told(kOne)->newest, serial);
}

TEST_F(ZoneSerialsTest, SilenceIsNoTimeInWhichTheyAgree) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  Advance(1000);
  Tell(kOne, 6);
  EXPECT_TRUE(IsBad(kOne));
  Advance(10);
  Tell(kOne, 7);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, AfterARepairWhatAllAgreeOnIsMeant) {
  Tell(kOne, 10);
  Tell(kTwo, 10);
  Tell(kTwo, 99);  // once, by mistake
  Tell(kTwo, 10);
  EXPECT_TRUE(IsBad(kTwo));
  EXPECT_FALSE(zones_.TakeSerialTurn(apex_, now_));
  zones_.ExpectRepair(now_);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  Tell(kOne, 11);
  EXPECT_TRUE(IsBad(kTwo));
  Tell(kTwo, 11);
  EXPECT_EQ(zones_.bad_count(), 0u);
  EXPECT_EQ(Told(kTwo)->newest, 11u);
  // It is for what was known then.
  Tell(kTwo, 99);
  Tell(kTwo, 11);
  Tell(kOne, 11);
  EXPECT_TRUE(IsBad(kTwo));
}

TEST_F(ZoneSerialsTest, OneThatTellsTheNewerOneKeepsItFromBeingForgotten) {
  Tell(kOne, 8);
  Tell(kTwo, 8);
  Tell(kStandby, 8);
  for (int i = 0; i < 30; ++i) {
    Advance(10);
    Tell(kOne, 5);
    Tell(kTwo, 5);
    Tell(kStandby, 8);
  }
  EXPECT_TRUE(IsBad(kOne));
  // Gone for longer than three intervals: the others are all that answer.
  for (int i = 0; i < 4; ++i) {
    Advance(10);
    Tell(kOne, 5);
    Tell(kTwo, 5);
  }
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, AServerWhoseAnswersAreBadDoesNotKeepIt) {
  Tell(kOne, 8);
  Tell(kTwo, 8);
  Tell(kOne, 5);
  Advance(99);
  Tell(kTwo, 8);
  zones_.Note({.name = www_, .backend = kTwo, .bad = BadKind::kServFail, .now = now_});
  Advance(1);
  Tell(kOne, 5);
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, AHardFlushForgetsIt) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  zones_.Forget(std::vector{*dns::Name::Parse("org")});
  EXPECT_EQ(zones_.bad_count(), 0u);
  Tell(kOne, 5);
  EXPECT_EQ(Of(kOne), Standing::kCurrent);
  EXPECT_EQ(Told(kOne)->newest, 5u);
}

TEST_F(ZoneSerialsTest, WhoTellsAnOlderOneThanWasRecalledHasNoGrace) {
  zones_.RecallSerial({.apex = apex_, .serial = 8}, now_);
  EXPECT_EQ(Of(kOne), Standing::kUnproved);
  Tell(kOne, 7);
  EXPECT_EQ(Of(kOne), Standing::kOlder);
  EXPECT_TRUE(IsBad(kOne));
  EXPECT_EQ(Told(kOne)->newest, 8u);
  // It is an ordinary serial as soon as somebody has told it.
  Tell(kTwo, 8);
  Tell(kStandby, 7);
  EXPECT_FALSE(IsBad(kStandby));
}

TEST_F(ZoneSerialsTest, WhatIsRecalledIsNoNewsWhereMoreIsKnown) {
  Tell(kOne, 8);
  zones_.RecallSerial({.apex = apex_, .serial = 7}, now_);
  EXPECT_EQ(Told(kOne)->newest, 8u);
  const std::vector<uint8_t> other = test::QueryMaker::WireName("example.net");
  zones_.RecallSerial({.apex = other, .serial = 3}, now_);
  std::map<std::vector<uint8_t>, uint32_t> all;
  zones_.EachSerial(now_, [&](const KnownSerial& known) {
    all[{known.apex.begin(), known.apex.end()}] = known.serial;
  });
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(all[apex_], 8u);
}

TEST_F(ZoneSerialsTest, HowLongAllStoodBehindIsRecalledToo) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  Advance(48);
  uint32_t older_s = 0;
  zones_.EachSerial(now_, [&](const KnownSerial& known) { older_s = known.older_s; });
  EXPECT_GE(older_s, 32u);
  EXPECT_LE(older_s, 48u);
  zones_.Forget(std::vector{*dns::Name::Parse("org")});
  zones_.RecallSerial({.apex = apex_, .serial = 8, .older_s = 64}, now_);
  const auto tell_for = [&](int seconds) {
    for (; seconds > 0; seconds -= 10) {
      Tell(kOne, 5);
      Advance(10);
    }
    Tell(kOne, 5);
  };
  tell_for(20);
  EXPECT_EQ(Of(kOne), Standing::kOlder);
  tell_for(40);
  EXPECT_EQ(Of(kOne), Standing::kCurrent);
  EXPECT_EQ(Told(kOne)->newest, 5u);
}

TEST_F(ZoneSerialsTest, TurnsToAskComeOnceAnIntervalAndSoonWhereOneIsBehind) {
  EXPECT_TRUE(Good(kOne).serials_due);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  EXPECT_FALSE(zones_.TakeSerialTurn(apex_, now_));
  EXPECT_FALSE(Good(kOne).serials_due);
  Tell(kOne, 8);
  Advance(9);
  EXPECT_FALSE(Good(kOne).serials_due);
  Advance(1);
  EXPECT_TRUE(Good(kOne).serials_due);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  // News: the others are asked a second later, and then every five.
  Tell(kOne, 5);
  Advance(1);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  Advance(5);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
}

TEST_F(ZoneSerialsTest, AFlushMakesThemDue) {
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  zones_.ExpectNewSerial(www_, now_);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
}

TEST_F(ZoneSerialsTest, NothingIsKeptWhereTheyDoNotCount) {
  zones_.UseSettings({});
  Tell(kOne, 8);
  Tell(kOne, 5);
  EXPECT_EQ(Of(kOne), Standing::kCurrent);
  EXPECT_FALSE(Told(kOne));
  EXPECT_FALSE(Good(kOne).serials_due);
}

TEST_F(ZoneSerialsTest, SwitchedOffTheyAreForgiven) {
  Tell(kOne, 8);
  Tell(kOne, 5);
  zones_.UseSettings({});
  EXPECT_EQ(Of(kOne), Standing::kCurrent);
  Advance(5);
  EXPECT_FALSE(zones_.Avoids(www_, kOne, now_));
  Good(kOne);
  Good(kOne);
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneSerialsTest, ATopLevelDomainIsNobodysZone) {
  zones_.TellSerial(Asked(kOne), 1, 8);
  zones_.TellSerial(Asked(kOne), 9, 8);
  EXPECT_EQ(zones_.zone_count(), 1u);
  EXPECT_FALSE(Told(kOne));
}

TEST_F(ZoneSerialsTest, AHundredThousandZonesTakeSixteenMegabytesWithTheirSerials) {
  ZoneHealth zones(Settings());
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 100'000; ++i) {
    const auto name = test::QueryMaker::WireName("www.customer" + std::to_string(i) + ".example");
    for (const BackendNumber backend : {kOne, kTwo}) {
      zones.TellSerial({.name = name, .backend = backend, .comebacks = 1, .now = now_}, 2, 8);
      zones.Note({.name = name, .backend = backend, .apex_labels = 2, .now = now_});
    }
  }
  EXPECT_EQ(zones.zone_count(), 100'000u);
  EXPECT_LE(mallinfo2().uordblks - before, 16'000'000u);
}

}  // namespace
}  // namespace breakwater
