#include "proxy/backend/drills.h"

#include <gmock/gmock.h>

#include "tests/support/manual_clock.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;
using Kind = DrillResult::Kind;

class DrillsTest : public testing::Test {
 protected:
  DrillsTest() {
    BackendSettings settings;
    settings.name = "standby";
    settings.address = *Address::Parse("192.0.2.9:53");
    standby_ = std::make_shared<Backend>(settings);
  }
  uint64_t Begin(double share = 0.01) {
    DrillOrder order;
    order.share = share;
    const auto begun = drills_.Begin(standby_, order, clock_.Now());
    EXPECT_TRUE(begun) << begun.error();
    return begun.value_or(0);
  }
  void Note(uint64_t drill, Kind kind, const std::string& zone = "example.org") {
    drills_.Note({.drill = drill,
                  .kind = kind,
                  .zone = *dns::Name::Parse(zone),
                  .question = "www." + zone + ". A",
                  .difference = difference_});
  }
  void Finish() {
    clock_.Advance(MonoTime::FromSeconds(30));
    drills_.Step(clock_.Now());
  }

  std::string difference_ = "it differs";
  ManualClock clock_;
  Drills drills_;
  BackendPtr standby_;
  Random random_;
};

TEST_F(DrillsTest, RunsForItsTime) {
  EXPECT_FALSE(drills_.running());
  EXPECT_EQ(drills_.Probe(clock_.Now()), nullptr);
  EXPECT_FALSE(drills_.Report());
  const uint64_t id = Begin();
  EXPECT_TRUE(drills_.running());
  EXPECT_EQ(drills_.Probe(clock_.Now())->standby, standby_);
  clock_.Advance(MonoTime::FromSeconds(29));
  drills_.Step(clock_.Now());
  EXPECT_TRUE(drills_.running());
  Finish();
  EXPECT_FALSE(drills_.running());
  EXPECT_EQ(drills_.Report(id)->state, DrillReport::State::kDone);
}

TEST_F(DrillsTest, OneAtATime) {
  const uint64_t id = Begin();
  const auto second = drills_.Begin(standby_, DrillOrder(), clock_.Now());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("drill 1 of 'standby (192.0.2.9:53)' runs"));
  EXPECT_TRUE(drills_.Stop(clock_.Now()));
  EXPECT_FALSE(drills_.Stop(clock_.Now()));
  EXPECT_EQ(drills_.Report()->state, DrillReport::State::kStopped);
  EXPECT_EQ(Begin(), id + 1);
}

TEST_F(DrillsTest, DrawsItsShare) {
  Begin(0.25);
  int drawn = 0;
  for (int i = 0; i < 100'000; ++i) drawn += drills_.Draws(random_) ? 1 : 0;
  EXPECT_NEAR(drawn, 25'000, 1'000);
}

TEST_F(DrillsTest, TheBudgetBoundsWhatAShareMayBe) {
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    clock_.Advance(MonoTime::FromUs(100));
    taken += drills_.TakeFromBudget(clock_.Now()) ? 1 : 0;
  }
  EXPECT_LE(taken, 560);
  EXPECT_GE(taken, 490);
}

TEST_F(DrillsTest, ADifferenceMakesSuspectAndOnlyACleanDrillTakesItAway) {
  uint64_t id = Begin();
  Note(id, Kind::kEqual);
  EXPECT_FALSE(standby_->suspect());
  Note(id, Kind::kDifferent);
  EXPECT_TRUE(standby_->suspect());
  Finish();
  (void)Begin();  // compares nothing
  Finish();
  EXPECT_TRUE(standby_->suspect());
  id = Begin();
  Note(id, Kind::kEqual);
  EXPECT_TRUE(drills_.Stop(clock_.Now()));
  EXPECT_TRUE(standby_->suspect());
  id = Begin();
  Note(id, Kind::kEqual);
  Finish();
  EXPECT_FALSE(standby_->suspect());
  id = Begin();
  Note(id, Kind::kUnanswered);
  EXPECT_TRUE(standby_->suspect());
}

TEST_F(DrillsTest, ShowsADifferenceOnce) {
  const uint64_t id = Begin();
  Note(id, Kind::kDifferent);
  Note(id, Kind::kDifferent);
  const auto report = drills_.Report();
  ASSERT_EQ(report->zones.size(), 1u);
  EXPECT_EQ(report->zones[0].differences, 2u);
  EXPECT_EQ(report->zones[0].samples.size(), 1u);
}

TEST_F(DrillsTest, TellsDifferencesByZoneTheMostFirst) {
  const uint64_t id = Begin();
  Note(id, Kind::kDifferent, "a.example");
  for (int i = 0; i < 5; ++i) {
    difference_ = std::to_string(i);
    Note(id, Kind::kDifferent, i % 2 == 0 ? "B.example" : "b.example");
  }
  Note(id, Kind::kEqual, "c.example");
  const auto report = drills_.Report();
  ASSERT_EQ(report->zones.size(), 2u);
  EXPECT_EQ(report->zones[0].differences, 5u);
  EXPECT_EQ(report->zones[0].samples.size(), Drills::kMostSamples);
  EXPECT_EQ(report->zones[1].zone.ToString(), "a.example.");
  EXPECT_EQ(report->equal, 1u);
  EXPECT_EQ(report->compared, 7u);
}

TEST_F(DrillsTest, ManyZonesAreCountedTogether) {
  const uint64_t id = Begin();
  for (size_t i = 0; i < Drills::kMostZones + 5; ++i) {
    Note(id, Kind::kDifferent, "z" + std::to_string(i) + ".example");
  }
  EXPECT_EQ(drills_.Report()->zones.size(), Drills::kMostZones);
  EXPECT_EQ(drills_.Report()->zones_left_out, 5u);
}

TEST_F(DrillsTest, WhatComesAfterTheEndIsOfNoAccount) {
  const uint64_t old = Begin();
  Finish();
  Note(old, Kind::kDifferent);
  (void)Begin();
  Note(old, Kind::kDifferent);
  EXPECT_EQ(drills_.Report(old)->compared, 0u);
  EXPECT_EQ(drills_.Report()->compared, 0u);
  EXPECT_FALSE(standby_->suspect());
}

TEST_F(DrillsTest, OldReportsGo) {
  for (size_t i = 0; i < Drills::kReportsKept + 1; ++i) {
    (void)Begin();
    Finish();
  }
  EXPECT_FALSE(drills_.Report(1));
  EXPECT_TRUE(drills_.Report(2));
}

}  // namespace
}  // namespace breakwater::test
