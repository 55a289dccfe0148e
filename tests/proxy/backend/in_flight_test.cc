#include "proxy/backend/in_flight.h"

#include <gtest/gtest.h>

#include "tests/proxy/backend/recorder.h"
#include "tests/support/fake_exchange.h"
#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

class InFlightTest : public testing::Test {
 protected:
  InFlightTest() : backend_(std::make_shared<Backend>(BackendSettings{})) {}

  FlightId Open() { return flights_.Open(maker_.Make("www.example.com"), now_); }
  Result<uint8_t> Start(FlightId id, uint32_t timeout_ms = 2000) {
    return flights_.StartAttempt(id, {backend_, exchange_, timeout_ms}, now_);
  }
  void Advance(int64_t ms) {
    now_ = now_ + MonoTime::FromMs(ms);
    timers_.RunDue(now_);
  }

  test::QueryMaker maker_;
  BackendPtr backend_;
  test::FakeExchange exchange_{backend_, true};
  test::Recorder sink_;
  TimerQueue timers_;
  MonoTime now_ = MonoTime::FromSeconds(50);
  InFlight flights_{sink_, timers_};
};

TEST_F(InFlightTest, AFlightIsFoundUntilItIsClosed) {
  const FlightId id = Open();
  ASSERT_NE(flights_.Find(id), nullptr);
  EXPECT_EQ(flights_.Find(id)->asked, now_);
  EXPECT_EQ(flights_.size(), 1U);
  EXPECT_NE(flights_.Close(id), nullptr);
  EXPECT_EQ(flights_.Find(id), nullptr);
  EXPECT_EQ(flights_.Close(id), nullptr);
  EXPECT_EQ(flights_.size(), 0U);
}

TEST_F(InFlightTest, AStaleIdFindsNothingInAReusedSlot) {
  const FlightId old = Open();
  flights_.Close(old);
  const FlightId id = Open();
  EXPECT_EQ(id.slot, old.slot);
  EXPECT_EQ(flights_.Find(old), nullptr);
  EXPECT_FALSE(Start(old).has_value());
  EXPECT_FALSE(flights_.EndAttempt(old, 0));
  EXPECT_EQ(flights_.Close(old), nullptr);
  EXPECT_NE(flights_.Find(id), nullptr);
}

TEST_F(InFlightTest, AnAttemptThatIsProlongedTimesOutLater) {
  const FlightId id = Open();
  ASSERT_TRUE(Start(id, 100));
  Advance(90);
  flights_.Prolong(id, 0, now_, 50);
  Advance(49);
  EXPECT_TRUE(sink_.failures.empty());
  Advance(1);
  EXPECT_EQ(sink_.failures.size(), 1U);
  flights_.Prolong(id, 0, now_, 50);  // it has ended
  Advance(1000);
  EXPECT_EQ(sink_.failures.size(), 1U);
}

TEST_F(InFlightTest, AnAttemptWithoutTimeoutWaitsUntilItIsProlonged) {
  const FlightId id = Open();
  ASSERT_TRUE(Start(id, 100));
  flights_.StopTimeout(id, 0);
  Advance(100000);
  EXPECT_TRUE(sink_.failures.empty());
  EXPECT_EQ(backend_->outstanding(), 1U);
  flights_.Prolong(id, 0, now_, 50);
  Advance(50);
  EXPECT_EQ(sink_.failures.size(), 1U);
  EXPECT_EQ(backend_->outstanding(), 0U);
}

TEST_F(InFlightTest, AFlightStaysWhereItIsWhileOthersAreOpened) {
  const FlightId id = Open();
  const Flight* flight = flights_.Find(id);
  for (int i = 0; i < 1000; ++i) Open();
  EXPECT_EQ(flights_.Find(id), flight);
}

TEST_F(InFlightTest, OutstandingCountsOpenAttempts) {
  const FlightId id = Open();
  EXPECT_EQ(*Start(id), 0);
  EXPECT_EQ(*Start(id), 1);
  EXPECT_EQ(backend_->outstanding(), 2U);
  EXPECT_TRUE(flights_.EndAttempt(id, 0));
  EXPECT_FALSE(flights_.EndAttempt(id, 0));
  EXPECT_FALSE(flights_.EndAttempt(id, 7));
  EXPECT_EQ(backend_->outstanding(), 1U);
  flights_.Close(id);
  EXPECT_EQ(backend_->outstanding(), 0U);
  EXPECT_FALSE(exchange_.sent[0].cancelled);
  EXPECT_TRUE(exchange_.sent[1].cancelled);
}

TEST_F(InFlightTest, WhoIsSilentWhenAnotherAnswersStaysOpenUntilItsTimeIsOver) {
  const FlightId id = Open();
  ASSERT_TRUE(Start(id, 2000));
  Advance(100);
  ASSERT_TRUE(Start(id, 2000));
  ASSERT_TRUE(Start(id, 2000));
  flights_.CallAfter(id, Reminder::kPatience, now_, 300);
  flights_.Find(id)->refreshes = true;
  Flight taken = flights_.TakeButOverdue(id, 1, maker_.Make("www.example.com"));
  EXPECT_NE(taken.query, nullptr);
  EXPECT_EQ(taken.attempt_count, 3);
  EXPECT_NE(taken.attempts[0].backend, nullptr);
  EXPECT_FALSE(taken.HasOpenAttempt());
  const Flight* left = flights_.Find(id);
  ASSERT_NE(left, nullptr);
  EXPECT_EQ(left->purpose, FlightPurpose::kOverdue);
  EXPECT_TRUE(left->HasOpenAttempt());
  EXPECT_FALSE(left->refreshes);
  EXPECT_EQ(left->attempt_count, 1);
  EXPECT_EQ(backend_->outstanding(), 1U);
  EXPECT_EQ(flights_.overdue(), 1U);
  EXPECT_FALSE(exchange_.sent[0].cancelled);
  EXPECT_TRUE(exchange_.sent[1].cancelled);
  Advance(1899);
  EXPECT_TRUE(sink_.failures.empty());
  Advance(1);
  ASSERT_EQ(sink_.failures.size(), 1U);
  EXPECT_EQ(sink_.failures[0].flight, id);
  EXPECT_EQ(sink_.failures[0].attempt, 0);
  EXPECT_EQ(backend_->outstanding(), 0U);
  EXPECT_NE(flights_.Close(id), nullptr);
  EXPECT_EQ(flights_.overdue(), 0U);
  EXPECT_EQ(flights_.size(), 0U);
}

TEST_F(InFlightTest, NothingIsCountedWhereNothingWasSent) {
  const FlightId id = Open();
  exchange_.refuse = true;
  EXPECT_FALSE(Start(id).has_value());
  EXPECT_EQ(backend_->outstanding(), 0U);
  EXPECT_EQ(flights_.Find(id)->attempt_count, 0);
  exchange_.refuse = false;
  for (size_t i = 0; i < kMaxAttempts; ++i) EXPECT_TRUE(Start(id).has_value());
  EXPECT_EQ(Start(id).error(), Error::kLimit);
}

TEST_F(InFlightTest, EachAttemptTimesOutAfterItsOwnTime) {
  const FlightId a = Open();
  const FlightId b = Open();
  Start(a, 2000);
  Start(b, 500);
  Advance(100);
  Start(a, 2000);
  Advance(399);
  EXPECT_TRUE(sink_.failures.empty());
  Advance(1);
  ASSERT_EQ(sink_.failures.size(), 1U);
  EXPECT_EQ(sink_.failures[0].flight, b);
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kTimeout);
  Advance(1500);
  ASSERT_EQ(sink_.failures.size(), 2U);
  EXPECT_EQ(sink_.failures[1].flight, a);
  EXPECT_EQ(sink_.failures[1].attempt, 0);
  Advance(100);
  ASSERT_EQ(sink_.failures.size(), 3U);
  EXPECT_EQ(sink_.failures[2].attempt, 1);
  EXPECT_EQ(backend_->outstanding(), 0U);
  for (const auto& sent : exchange_.sent) EXPECT_TRUE(sent.cancelled);
}

TEST_F(InFlightTest, AnAnsweredAttemptDoesNotTimeOut) {
  const FlightId a = Open();
  const FlightId b = Open();
  const FlightId c = Open();
  for (const FlightId id : {a, b, c}) Start(id);
  flights_.EndAttempt(b, 0);
  flights_.Close(a);
  Advance(2000);
  ASSERT_EQ(sink_.failures.size(), 1U);
  EXPECT_EQ(sink_.failures[0].flight, c);
}

TEST_F(InFlightTest, TheSinkMaySendAgainWhenATimeOutIsTold) {
  const FlightId id = Open();
  Start(id, 1000);
  sink_.on_failure = [&](FlightId flight, uint8_t attempt) {
    EXPECT_TRUE(flights_.EndAttempt(flight, attempt));
    if (attempt == 0) {
      EXPECT_TRUE(Start(flight, 300).has_value());
    }
  };
  Advance(1000);
  EXPECT_EQ(backend_->outstanding(), 1U);
  Advance(300);
  ASSERT_EQ(sink_.failures.size(), 2U);
  EXPECT_EQ(sink_.failures[1].attempt, 1);
  EXPECT_EQ(backend_->outstanding(), 0U);
}

TEST_F(InFlightTest, TheSinkMayCloseTheFlightWhenATimeOutIsTold) {
  const FlightId a = Open();
  Start(a);
  Start(a);
  sink_.on_failure = [&](FlightId flight, uint8_t) { flights_.Close(flight); };
  Advance(2000);
  EXPECT_EQ(sink_.failures.size(), 1U);
  EXPECT_EQ(backend_->outstanding(), 0U);
  EXPECT_EQ(flights_.size(), 0U);
}

TEST_F(InFlightTest, CallAfterTellsOnceUnlessTheFlightHasEnded) {
  const FlightId a = Open();
  const FlightId b = Open();
  flights_.CallAfter(a, Reminder::kSlow, now_, 100);
  flights_.CallAfter(b, Reminder::kSlow, now_, 100);
  flights_.Close(a);
  Advance(99);
  EXPECT_TRUE(sink_.slow.empty());
  Advance(1);
  EXPECT_EQ(sink_.slow, std::vector<FlightId>{b});
  Advance(1000);
  EXPECT_EQ(sink_.slow.size(), 1U);
}

TEST_F(InFlightTest, ASecondCallAfterReplacesTheFirst) {
  const FlightId id = Open();
  flights_.CallAfter(id, Reminder::kSlow, now_, 100);
  flights_.CallAfter(id, Reminder::kSlow, now_, 300);
  Advance(100);
  EXPECT_TRUE(sink_.slow.empty());
  Advance(200);
  EXPECT_EQ(sink_.slow.size(), 1U);
}

TEST_F(InFlightTest, TakeGivesTheWaitersToo) {
  const FlightId id = Open();
  flights_.Find(id)->waiters.push_back(maker_.Make("www.example.com"));
  Start(id);
  const Flight taken = flights_.Take(id);
  EXPECT_NE(taken.query, nullptr);
  EXPECT_EQ(taken.waiters.size(), 1U);
  EXPECT_EQ(taken.attempt_count, 1);
  EXPECT_EQ(taken.attempts[0].backend, backend_);
  EXPECT_EQ(backend_->outstanding(), 0U);
  EXPECT_EQ(flights_.Find(id), nullptr);
  EXPECT_EQ(flights_.Take(id).query, nullptr);
}

TEST_F(InFlightTest, ForEachVisitsWhatIsOpenAndMayClose) {
  const FlightId a = Open();
  const FlightId b = Open();
  const FlightId c = Open();
  flights_.Close(b);
  std::vector<FlightId> seen;
  flights_.ForEach([&](FlightId id) {
    seen.push_back(id);
    flights_.Close(id);
  });
  EXPECT_EQ(seen, (std::vector<FlightId>{a, c}));
  EXPECT_EQ(flights_.size(), 0U);
}

TEST_F(InFlightTest, WhatIsLeftAtTheEndIsNoLongerOutstanding) {
  {
    InFlight other(sink_, timers_);
    const FlightId id = other.Open(maker_.Make("www.example.com"), now_);
    ASSERT_TRUE(other.StartAttempt(id, {backend_, exchange_, 100}, now_).has_value());
  }
  EXPECT_EQ(backend_->outstanding(), 0U);
  Advance(100);
  EXPECT_TRUE(sink_.failures.empty());
}

}  // namespace
}  // namespace breakwater
