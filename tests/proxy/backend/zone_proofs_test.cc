// What is believed of a server's answers where they may come from a cache of its own, or from a
// wildcard above the zone.
#include <gmock/gmock.h>

#include <vector>

#include "proxy/backend/zone_health.h"
#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

using Standing = ZoneHealth::Standing;

constexpr BackendNumber kOne = 1;
constexpr BackendNumber kTwo = 2;
constexpr uint8_t kLabels = 2;  // of example.org

class ZoneProofsTest : public testing::Test {
 protected:
  ZoneProofsTest()
      : zones_({.bad = 2,
                .of = 5,
                .good = 2,
                .serials = {.on = true, .lag = 300, .interval = 60, .accept_older_after = 3600}}) {
    Asked(kOne, 100);
    Asked(kTwo, 100);
  }

  ZoneHealth::Asked Of(BackendNumber backend) {
    return {.name = www_, .backend = backend, .comebacks = comebacks_, .now = now_};
  }
  // The server was asked for it.
  void Asked(BackendNumber backend, uint32_t serial) {
    zones_.TellSerial(Of(backend), kLabels, serial);
  }
  // A client's answer tells it.
  void Answer(BackendNumber backend, uint32_t serial) {
    zones_.TellSerial(Of(backend), kLabels, serial, SerialSource::kAnswer);
  }
  void Vanished(BackendNumber backend, uint8_t apex_labels) {
    zones_.Note({.name = www_,
                 .backend = backend,
                 .bad = BadKind::kVanished,
                 .apex_labels = apex_labels,
                 .now = now_});
  }
  Standing StandingOf(BackendNumber backend) { return zones_.StandingOf(Of(backend)).standing; }
  bool IsBad(BackendNumber backend) { return zones_.IsBad(www_, backend); }
  void Advance(double seconds) { now_ = now_ + MonoTime::FromSeconds(seconds); }

  const std::vector<uint8_t> www_ = test::QueryMaker::WireName("www.example.org");
  const std::vector<uint8_t> apex_ = test::QueryMaker::WireName("example.org");
  ZoneHealth zones_;
  MonoTime now_ = MonoTime::FromSeconds(1000);
  uint32_t comebacks_ = 1;
};

TEST_F(ZoneProofsTest, AnAnswerOfAServersCacheDoesNotMakeItBad) {
  Asked(kOne, 101);
  Answer(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kUnproved);
  EXPECT_FALSE(IsBad(kOne));
  Asked(kOne, 101);
  EXPECT_EQ(StandingOf(kOne), Standing::kCurrent);
  Advance(500);
  Answer(kOne, 100);
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, AServerThatTellsAnOlderOneWhenAskedHasGoneBack) {
  Asked(kOne, 101);
  Answer(kOne, 100);
  Asked(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kOlder);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, TwoCachesOfAServerMayTellTwoSerialsForAWhile) {
  Answer(kOne, 101);
  Asked(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kCurrent);
  EXPECT_FALSE(IsBad(kOne));
  Advance(60);
  Answer(kOne, 101);
  Asked(kOne, 100);
  EXPECT_FALSE(IsBad(kOne));
  // No cache lasts for so long, whoever told it meanwhile.
  Advance(30);
  Answer(kOne, 101);
  Asked(kOne, 100);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, SoTheyMayInOneThatIsBehindForAWhile) {
  Asked(kTwo, 102);
  Answer(kOne, 101);
  Asked(kOne, 100);
  EXPECT_FALSE(IsBad(kOne));
  Asked(kOne, 101);
  Asked(kOne, 100);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, WhoWasAwayMeanwhileHasGoneBack) {
  Answer(kOne, 101);
  ++comebacks_;
  Answer(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kUnproved);
  EXPECT_FALSE(IsBad(kOne));
  Asked(kOne, 100);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, ACacheDoesNotMakeABadOneGoodEither) {
  Asked(kOne, 101);
  Asked(kOne, 100);
  Answer(kOne, 101);
  EXPECT_EQ(StandingOf(kOne), Standing::kUnproved);
  EXPECT_TRUE(IsBad(kOne));
  Asked(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kOlder);
  Asked(kOne, 101);
  EXPECT_FALSE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, AfterARestartOfOursTheServerIsAskedFirst) {
  zones_.Forget(std::vector{*dns::Name::Parse("org")});
  zones_.RecallSerial({.apex = apex_, .serial = 101}, now_);
  Answer(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kUnproved);
  EXPECT_FALSE(IsBad(kOne));
  Asked(kOne, 100);
  EXPECT_TRUE(IsBad(kOne));
}

TEST_F(ZoneProofsTest, WhatAnAnswerAloneHasToldIsAskedForSoon) {
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  Answer(kOne, 101);
  EXPECT_FALSE(zones_.TakeSerialTurn(apex_, now_));
  Advance(1);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
  Asked(kOne, 100);
  Advance(4);
  EXPECT_FALSE(zones_.TakeSerialTurn(apex_, now_));
  Advance(1);
  EXPECT_TRUE(zones_.TakeSerialTurn(apex_, now_));
}

TEST_F(ZoneProofsTest, AServerThatDeniesTheZoneIsNotBelievedUntilItTellsItsSoa) {
  Vanished(kOne, 1);
  EXPECT_EQ(StandingOf(kOne), Standing::kLost);
  EXPECT_EQ(zones_.StandingOf(Of(kOne)).apex_labels, kLabels);
  EXPECT_EQ(StandingOf(kTwo), Standing::kCurrent);
  Advance(2);
  EXPECT_EQ(StandingOf(kTwo), Standing::kLost) << "they may share a database";
  Asked(kTwo, 100);
  EXPECT_EQ(StandingOf(kTwo), Standing::kCurrent);
  // That may be of a cache.
  Answer(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kLost);
  Asked(kOne, 100);
  EXPECT_EQ(StandingOf(kOne), Standing::kCurrent);
}

TEST_F(ZoneProofsTest, AZoneBelowThatIsNotKnownIsNotLostForThat) {
  Vanished(kOne, kLabels);
  EXPECT_EQ(StandingOf(kOne), Standing::kCurrent);
}

TEST_F(ZoneProofsTest, AHardFlushAndSerialsThatDoNotCountForgiveIt) {
  Vanished(kOne, 1);
  zones_.Forget(std::vector{*dns::Name::Parse("example.org")});
  EXPECT_EQ(StandingOf(kOne), Standing::kCurrent);
  Asked(kOne, 100);
  Vanished(kOne, 1);
  zones_.UseSettings({});
  EXPECT_EQ(StandingOf(kOne), Standing::kCurrent);
}

}  // namespace
}  // namespace breakwater
