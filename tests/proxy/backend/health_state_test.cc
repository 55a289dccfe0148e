#include "proxy/backend/health_state.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

using Change = HealthState::Change;

// Goes round once a second, as the checker does.
class HealthStateTest : public testing::Test {
 protected:
  HealthStateTest() { settings_.lazy_failed_interval_s = 10; }

  void Make(HealthCheckMode mode) {
    settings_.mode = mode;
    state_ = std::make_unique<HealthState>(settings_);
  }
  // A lazy server that has failed a start-up check.
  void MakeFailed() {
    Make(HealthCheckMode::kLazy);
    state_->OnCheckResult({.good = false, .initial = true}, now_);
  }
  void MakePotentialFailure() {
    Make(HealthCheckMode::kLazy);
    state_->AddSample(HealthState::Sample::kFailed);
    ASSERT_TRUE(Due());
  }

  bool Due() { return state_->CheckDue(now_); }
  Change Result(bool good) { return state_->OnCheckResult({.good = good}, now_); }
  void Second() { now_ = now_ + MonoTime::FromMs(1000); }
  // Seconds until a check is due, at most 5000.
  int SecondsToCheck() {
    for (int i = 1; i <= 5000; ++i) {
      Second();
      if (Due()) return i;
    }
    return -1;
  }
  void Samples(int good, int bad) {
    for (int i = 0; i < good; ++i) state_->AddSample(HealthState::Sample::kGood);
    for (int i = 0; i < bad; ++i) state_->AddSample(HealthState::Sample::kFailed);
  }

  HealthCheckSettings settings_;
  std::unique_ptr<HealthState> state_;
  MonoTime now_ = MonoTime::FromSeconds(1000);
};

TEST_F(HealthStateTest, ActiveStartsDownAndIsDueAtOnce) {
  Make(HealthCheckMode::kActive);
  EXPECT_FALSE(state_->IsUp());
  EXPECT_EQ(state_->StateText(), "down");
  EXPECT_TRUE(Due());
  EXPECT_EQ(Result(true), Change::kUp);
  EXPECT_EQ(state_->StateText(), "up");
}

TEST_F(HealthStateTest, ActiveChecksEachInterval) {
  settings_.interval_s = 3;
  Make(HealthCheckMode::kActive);
  EXPECT_TRUE(Due());
  EXPECT_EQ(SecondsToCheck(), 3);
  EXPECT_EQ(SecondsToCheck(), 3);
}

TEST_F(HealthStateTest, ARoundThatComesALittleEarlyIsNotMissed) {
  Make(HealthCheckMode::kActive);
  EXPECT_TRUE(Due());
  now_ = now_ + MonoTime::FromMs(998);
  EXPECT_TRUE(Due());
}

TEST_F(HealthStateTest, TheFirstResultDecidesWhateverRiseAndFailuresSay) {
  settings_.rise = 3;
  settings_.max_failures = 3;
  Make(HealthCheckMode::kActive);
  EXPECT_EQ(state_->OnCheckResult({.good = true, .initial = true}, now_), Change::kUp);
  EXPECT_TRUE(state_->IsUp());
  EXPECT_EQ(state_->OnCheckResult({.good = false, .initial = true}, now_), Change::kDown);
  EXPECT_FALSE(state_->IsUp());
  EXPECT_EQ(state_->OnCheckResult({.good = false, .initial = true}, now_), Change::kDown);
}

TEST_F(HealthStateTest, ComebacksAreCountedWhenItComesUpAndWhenSilenceEnds) {
  using Silence = HealthState::Silence;
  Make(HealthCheckMode::kActive);
  EXPECT_EQ(state_->comebacks(), 0u);
  state_->OnCheckResult({.good = true, .initial = true}, now_);
  EXPECT_EQ(state_->comebacks(), 1u);
  state_->ForceDown();
  EXPECT_EQ(state_->comebacks(), 1u);
  state_->ForceUp();
  state_->ForceUp();
  EXPECT_EQ(state_->comebacks(), 2u);
  // An answer that is lost is no silence, three in a row are.
  for (int i = 0; i < 10; ++i) {
    state_->NoteSilence(Silence::kOnce);
    state_->NoteSilence(Silence::kOnce);
    state_->NoteAnswer();
  }
  EXPECT_EQ(state_->comebacks(), 2u);
  for (int i = 0; i < 3; ++i) state_->NoteSilence(Silence::kOnce);
  EXPECT_EQ(state_->comebacks(), 2u);
  state_->NoteAnswer();
  state_->NoteAnswer();
  EXPECT_EQ(state_->comebacks(), 3u);
  // A closed port is news at once.
  state_->NoteSilence(Silence::kGone);
  state_->NoteAnswer();
  EXPECT_EQ(state_->comebacks(), 4u);
}

TEST_F(HealthStateTest, ActiveGoesDownAfterMaxFailuresInARow) {
  settings_.max_failures = 3;
  Make(HealthCheckMode::kActive);
  state_->OnCheckResult({.good = true, .initial = true}, now_);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_EQ(Result(true), Change::kNone);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_TRUE(state_->IsUp());
  EXPECT_EQ(Result(false), Change::kDown);
  EXPECT_EQ(Result(false), Change::kNone);
}

TEST_F(HealthStateTest, ActiveComesUpAfterRiseSuccessesInARow) {
  settings_.rise = 2;
  Make(HealthCheckMode::kActive);
  EXPECT_EQ(Result(true), Change::kNone);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_EQ(Result(true), Change::kNone);
  EXPECT_EQ(Result(true), Change::kUp);
}

TEST_F(HealthStateTest, ForcedStatesAreNeitherCheckedNorChanged) {
  for (const bool up : {true, false}) {
    Make(up ? HealthCheckMode::kUp : HealthCheckMode::kDown);
    EXPECT_EQ(state_->IsUp(), up);
    EXPECT_TRUE(state_->forced());
    EXPECT_EQ(state_->StateText(), up ? "UP" : "DOWN");
    EXPECT_FALSE(Due());
    EXPECT_EQ(Result(!up), Change::kNone);
    EXPECT_EQ(state_->IsUp(), up);
  }
}

TEST_F(HealthStateTest, AutoBringsBackTheLastKnownFlagOrTheOneGiven) {
  Make(HealthCheckMode::kActive);
  state_->OnCheckResult({.good = true, .initial = true}, now_);
  state_->ForceDown();
  EXPECT_FALSE(state_->IsUp());
  state_->SetAuto(std::nullopt);
  EXPECT_TRUE(state_->IsUp());
  state_->ForceUp();
  state_->SetAuto(false);
  EXPECT_FALSE(state_->IsUp());
  EXPECT_EQ(state_->StateText(), "down");
  state_->SetActiveAuto(true);
  EXPECT_TRUE(state_->IsUp());
}

TEST_F(HealthStateTest, AutoKeepsLazyModeAndActiveAutoEndsIt) {
  Make(HealthCheckMode::kLazy);
  state_->ForceUp();
  EXPECT_TRUE(state_->lazy());
  state_->SetAuto(std::nullopt);
  EXPECT_TRUE(state_->lazy());
  EXPECT_FALSE(state_->forced());
  state_->SetActiveAuto(std::nullopt);
  EXPECT_FALSE(state_->lazy());
  EXPECT_TRUE(state_->IsUp());
  EXPECT_TRUE(Due());
  state_->ForceDown();
  state_->SetAuto(std::nullopt);
  EXPECT_FALSE(state_->lazy());
  state_->SetLazyAuto(true);
  EXPECT_TRUE(state_->lazy());
  EXPECT_FALSE(Due());
}

TEST_F(HealthStateTest, AServerSetLazyWhileDownIsLookedForAtOnce) {
  Make(HealthCheckMode::kActive);
  state_->SetLazyAuto(std::nullopt);
  EXPECT_FALSE(state_->IsUp());
  EXPECT_TRUE(Due());
  EXPECT_EQ(Result(true), Change::kUp);
}

TEST_F(HealthStateTest, ZeroesInParamsChangeNothing) {
  settings_.max_failures = 2;
  Make(HealthCheckMode::kActive);
  state_->OnCheckResult({.good = true, .initial = true}, now_);
  state_->SetParams(250, 0, 0, 0);
  EXPECT_EQ(state_->timeout_ms(), 250U);
  EXPECT_EQ(Result(false), Change::kNone);
  state_->SetParams(0, 0, 3, 0);
  EXPECT_EQ(state_->timeout_ms(), 250U);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_EQ(Result(false), Change::kDown);
}

TEST_F(HealthStateTest, ANewIntervalIsUsedAfterTheRunningCountdown) {
  settings_.interval_s = 5;
  Make(HealthCheckMode::kActive);
  EXPECT_TRUE(Due());
  state_->SetParams(0, 2, 0, 0);
  EXPECT_EQ(SecondsToCheck(), 5);
  EXPECT_EQ(SecondsToCheck(), 2);
}

TEST_F(HealthStateTest, LazyStartsUpHealthyAndUnchecked) {
  Make(HealthCheckMode::kLazy);
  EXPECT_TRUE(state_->IsUp());
  EXPECT_EQ(state_->StateText(), "up");
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(Due());
    Second();
  }
}

TEST_F(HealthStateTest, LazyFailedStartUpCheckMakesItFailed) {
  MakeFailed();
  EXPECT_FALSE(state_->IsUp());
  EXPECT_FALSE(Due());
  EXPECT_EQ(SecondsToCheck(), 10);
}

TEST_F(HealthStateTest, LazyOneFailedFirstQueryIsEnoughForACheckWithTheDefaults) {
  Make(HealthCheckMode::kLazy);
  Samples(0, 1);
  EXPECT_TRUE(Due());
  EXPECT_TRUE(state_->IsUp());
}

TEST_F(HealthStateTest, LazyComparesTheShareOfFailuresAmongThePresentSamples) {
  settings_.lazy_threshold_percent = 20;
  Make(HealthCheckMode::kLazy);
  Samples(81, 19);
  EXPECT_FALSE(Due());
  // The oldest sample, a good one, makes place: 20 of 100.
  Samples(0, 1);
  EXPECT_TRUE(Due());
}

TEST_F(HealthStateTest, LazyForgetsTheOldestSample) {
  settings_.lazy_sample_size = 4;
  settings_.lazy_threshold_percent = 50;
  Make(HealthCheckMode::kLazy);
  Samples(3, 0);
  Samples(0, 1);
  Samples(3, 0);
  Samples(1, 0);  // the failure is out now
  Samples(0, 1);
  EXPECT_FALSE(Due());
  Samples(0, 1);
  EXPECT_TRUE(Due());
}

TEST_F(HealthStateTest, LazyWaitsForTheLeastNumberOfSamples) {
  settings_.lazy_min_samples = 5;
  Make(HealthCheckMode::kLazy);
  Samples(0, 4);
  EXPECT_FALSE(Due());
  Samples(0, 1);
  EXPECT_TRUE(Due());
}

TEST_F(HealthStateTest, LazySampleSizeZeroRecordsNothing) {
  settings_.lazy_sample_size = 0;
  Make(HealthCheckMode::kLazy);
  Samples(0, 50);
  EXPECT_FALSE(Due());
}

TEST_F(HealthStateTest, SamplesComeOnlyInLazyModeAndNotForced) {
  Make(HealthCheckMode::kActive);
  Samples(0, 50);
  state_->SetLazyAuto(true);
  EXPECT_FALSE(Due());
  state_->ForceUp();
  Samples(0, 50);
  state_->SetAuto(std::nullopt);
  EXPECT_FALSE(Due());
}

TEST_F(HealthStateTest, PotentialFailureIsCheckedEachSecondWhateverTheInterval) {
  settings_.interval_s = 7;
  settings_.max_failures = 10;
  MakePotentialFailure();
  Result(false);
  EXPECT_EQ(SecondsToCheck(), 1);
  Result(false);
  EXPECT_EQ(SecondsToCheck(), 1);
  EXPECT_TRUE(state_->IsUp());
}

TEST_F(HealthStateTest, OneGoodCheckEndsPotentialFailureAndClearsTheSamples) {
  settings_.rise = 3;
  settings_.lazy_min_samples = 2;
  Make(HealthCheckMode::kLazy);
  Samples(0, 2);
  ASSERT_TRUE(Due());
  Samples(0, 5);
  EXPECT_EQ(Result(true), Change::kNone);
  EXPECT_TRUE(state_->IsUp());
  Second();
  EXPECT_FALSE(Due());
  Samples(0, 1);
  EXPECT_FALSE(Due());
}

TEST_F(HealthStateTest, EnteringPotentialFailureClearsTheSamplesAndTheCountOfFailures) {
  settings_.max_failures = 2;
  MakePotentialFailure();
  Result(false);
  Result(true);
  Samples(0, 1);
  ASSERT_TRUE(Due());
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_TRUE(state_->IsUp());
}

TEST_F(HealthStateTest, PotentialFailureGoesDownAfterMaxFailures) {
  settings_.max_failures = 2;
  MakePotentialFailure();
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_TRUE(state_->IsUp());
  Second();
  EXPECT_EQ(Result(false), Change::kDown);
  EXPECT_FALSE(state_->IsUp());
  EXPECT_EQ(SecondsToCheck(), 10);
}

TEST_F(HealthStateTest, FailedComesBackAfterRiseSuccessesInARowAtTheFailedInterval) {
  settings_.rise = 2;
  MakeFailed();
  EXPECT_EQ(SecondsToCheck(), 10);
  EXPECT_EQ(Result(true), Change::kNone);
  EXPECT_EQ(SecondsToCheck(), 10);
  EXPECT_EQ(Result(false), Change::kNone);
  EXPECT_EQ(SecondsToCheck(), 10);
  EXPECT_EQ(Result(true), Change::kNone);
  EXPECT_EQ(SecondsToCheck(), 10);
  EXPECT_EQ(Result(true), Change::kUp);
  EXPECT_TRUE(state_->IsUp());
  EXPECT_FALSE(Due());
}

TEST_F(HealthStateTest, BackOffDoublesTheDelayUpToItsBound) {
  settings_.lazy_exponential_back_off = true;
  settings_.lazy_max_back_off_s = 70;
  MakeFailed();
  for (const int delay : {10, 20, 40, 70, 70}) {
    EXPECT_EQ(SecondsToCheck(), delay);
    Result(false);
  }
}

TEST_F(HealthStateTest, BackOffDoesNotOverflow) {
  settings_.lazy_exponential_back_off = true;
  settings_.lazy_failed_interval_s = 1;
  settings_.lazy_max_back_off_s = 3;
  MakeFailed();
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(SecondsToCheck(), 3);
    Result(false);
  }
}

TEST_F(HealthStateTest, AfterASuccessShortOfRiseTheDelayIsThePlainInterval) {
  settings_.lazy_exponential_back_off = true;
  settings_.rise = 2;
  MakeFailed();
  for (const int delay : {10, 20, 40}) {
    EXPECT_EQ(SecondsToCheck(), delay);
    Result(false);
  }
  EXPECT_EQ(SecondsToCheck(), 80);
  Result(true);
  EXPECT_EQ(SecondsToCheck(), 10);
  EXPECT_EQ(Result(true), Change::kUp);
}

TEST_F(HealthStateTest, BackOffBeginsAnewWhenTheServerGoesDownAgain) {
  settings_.lazy_exponential_back_off = true;
  MakeFailed();
  EXPECT_EQ(SecondsToCheck(), 10);
  Result(false);
  EXPECT_EQ(SecondsToCheck(), 20);
  EXPECT_EQ(Result(true), Change::kUp);
  Samples(0, 1);
  ASSERT_TRUE(Due());
  EXPECT_EQ(Result(false), Change::kDown);
  EXPECT_EQ(SecondsToCheck(), 10);
}

}  // namespace
}  // namespace breakwater
