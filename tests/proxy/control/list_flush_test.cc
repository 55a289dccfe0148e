#include "proxy/control/list_flush.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace breakwater {
namespace {

using State = ListFlush::State;

class ListFlushTest : public testing::Test {
 protected:
  void Begin(ListFlushPlan plan, size_t names) {
    list_ = std::make_unique<ListFlush>(
        std::move(plan), ListFlush::Hooks{.flush =
                                              [this](uint64_t id, const FlushRequest& request) {
                                                if (!has_cache_) return ListFlushOutcome::kNoCache;
                                                if (made_.size() >= share_) {
                                                  return ListFlushOutcome::kShareUsedUp;
                                                }
                                                made_.emplace_back(id, FlushLineOf(request));
                                                return ListFlushOutcome::kMade;
                                              },
                                          .undo =
                                              [this](uint64_t id) {
                                                undone_.push_back(id);
                                                return true;
                                              },
                                          .reserve_ids = [](uint64_t) { return uint64_t{101}; },
                                          .probe =
                                              [this](const dns::Name&) {
                                                open_ += 2;
                                                return size_t{2};
                                              },
                                          .may_probe = [this] { return open_ < 256; },
                                          .clients = [this] { return clients_; }});
    for (size_t i = 0; i < names; ++i) {
      ASSERT_TRUE(list_->AddLines("n" + std::to_string(i) + ".example. suffix\n", 1));
    }
    list_->Run(now_);
  }
  // Steps as the server would until then.
  void RunFor(int64_t ms) {
    const MonoTime end = now_ + MonoTime::FromMs(ms);
    while (now_ < end) {
      (void)list_->Step(now_);
      now_ = now_ + ListFlush::kTick;
    }
    (void)list_->Step(now_);
  }
  void AnswerProbes(const ProbeAnswer& answer) {
    for (; open_ > 0; --open_) list_->OnProbe(answer);
  }
  static ListFlushPlan Watched(double rate, bool undo_on_stop = true) {
    return {
        .rate = rate, .stop_on = {*ParseStopCondition("refused>1%")}, .undo_on_stop = undo_on_stop};
  }

  std::unique_ptr<ListFlush> list_;
  MonoTime now_ = MonoTime::FromSeconds(1000);
  bool has_cache_ = true;
  size_t share_ = SIZE_MAX;
  std::vector<std::pair<uint64_t, std::string>> made_;
  std::vector<uint64_t> undone_;
  size_t open_ = 0;
  ZoneHealth::Tally clients_;
};

TEST_F(ListFlushTest, KeepsItsPaceToTheEnd) {
  Begin({.rate = 500}, 1000);
  RunFor(1000);
  EXPECT_NEAR(static_cast<double>(made_.size()), 500, 2);
  RunFor(1100);
  EXPECT_EQ(list_->state(), State::kDone);
  EXPECT_EQ(made_.size(), 1000u);
  EXPECT_EQ(made_[999], std::pair(uint64_t{1100}, std::string("n999.example. suffix")));
  EXPECT_EQ(open_, 0u);  // nobody asked for a look at the answers
}

TEST_F(ListFlushTest, DoesNotMakeUpForATimeInWhichItWasHeldUp) {
  Begin({.rate = 100}, 1000);
  (void)list_->Step(now_);
  now_ = now_ + MonoTime::FromSeconds(5);
  (void)list_->Step(now_);
  EXPECT_LE(made_.size(), 12u);
}

TEST_F(ListFlushTest, WithoutAPaceItIsDoneAtOnce) {
  Begin({}, 10'000);
  for (int steps = 0; steps < 3; ++steps) (void)list_->Step(now_);
  EXPECT_EQ(list_->state(), State::kDone);
  EXPECT_EQ(made_.size(), 10'000u);
  EXPECT_FALSE(list_->Step(now_));
}

TEST_F(ListFlushTest, StopsAndTakesAllBackWhenTheAnswersTurnBad) {
  Begin(Watched(500), 1000);
  for (int i = 0; i < 25; ++i) {
    RunFor(20);
    AnswerProbes({});
  }
  const size_t good = made_.size();
  EXPECT_NEAR(static_cast<double>(good), 250, 20);
  RunFor(20);
  AnswerProbes({.bad = BadKind::kRefused});
  RunFor(40);
  EXPECT_EQ(list_->state(), State::kStopped);
  EXPECT_LE(made_.size(), good + 25);
  EXPECT_EQ(undone_.size(), made_.size());
  EXPECT_EQ(undone_.front(), made_.back().first);  // the newest first
  EXPECT_EQ(undone_.back(), 101u);
  EXPECT_EQ(list_->progress().undone, made_.size());
  EXPECT_TRUE(list_->progress().by_condition);
  EXPECT_NE(list_->progress().why.find("refused>1%: it is so of"), std::string::npos);
}

TEST_F(ListFlushTest, WhatClientsGetCountsAsWell) {
  Begin(Watched(500, false), 1000);
  RunFor(20);
  clients_.good = 30;
  clients_.bad[static_cast<size_t>(BadKind::kRefused)] = 10;
  RunFor(20);
  EXPECT_EQ(list_->state(), State::kStopped);
  EXPECT_NE(list_->progress().why.find("10 of the last 40 clients'"), std::string::npos)
      << list_->progress().why;
  EXPECT_TRUE(undone_.empty());
  EXPECT_EQ(list_->progress().clients.all, 40u);
}

TEST_F(ListFlushTest, WhatClientsGotBeforeDoesNotCount) {
  clients_.good = 1;
  clients_.bad[static_cast<size_t>(BadKind::kRefused)] = 1000;
  Begin(Watched(500), 10);
  RunFor(20);
  AnswerProbes({});
  RunFor(100);
  AnswerProbes({});
  RunFor(20);
  EXPECT_EQ(list_->state(), State::kDone);
}

TEST_F(ListFlushTest, WaitsForTheLastAnswersBeforeItIsDone) {
  Begin(Watched(1000), 15);
  RunFor(100);
  EXPECT_EQ(made_.size(), 15u);
  EXPECT_EQ(list_->state(), State::kSettling);
  AnswerProbes({.bad = BadKind::kRefused});
  RunFor(40);
  EXPECT_EQ(list_->state(), State::kStopped);
  EXPECT_EQ(undone_.size(), 15u);
}

TEST_F(ListFlushTest, WhatCouldNotBeAskedSaysNothing) {
  Begin(Watched(1000), 50);
  RunFor(100);
  AnswerProbes({.bad = BadKind::kTimeout, .counts = false});
  RunFor(40);
  EXPECT_EQ(list_->state(), State::kDone);
  EXPECT_EQ(list_->progress().probes.all, 0u);
  EXPECT_EQ(list_->progress().asked, 100u);
}

TEST_F(ListFlushTest, AsksNoMoreThanSoManyQuestionsAtATime) {
  Begin(Watched(100'000), 10'000);
  RunFor(1000);
  EXPECT_EQ(open_, 256u);
  EXPECT_EQ(made_.size(), 128u);
  AnswerProbes({});
  RunFor(20);
  EXPECT_EQ(made_.size(), 256u);
}

TEST_F(ListFlushTest, WhoStopsItMayTakeBack) {
  Begin({.rate = 100}, 1000);
  RunFor(100);
  list_->Stop("stopped by uid 1", ListFlush::Undo::kYes);
  EXPECT_EQ(list_->state(), State::kUndoing);
  RunFor(0);
  EXPECT_EQ(list_->state(), State::kStopped);
  EXPECT_EQ(undone_.size(), made_.size());
  EXPECT_EQ(list_->progress().why, "stopped by uid 1");
  EXPECT_FALSE(list_->progress().by_condition);
}

TEST_F(ListFlushTest, WithoutACacheAnyMoreLinesFail) {
  has_cache_ = false;
  Begin({}, 5);
  RunFor(20);
  EXPECT_EQ(list_->state(), State::kDone);
  EXPECT_EQ(list_->progress().failed, 5u);
}

TEST_F(ListFlushTest, TakesAMillionLinesAtMost) {
  ListFlush list({}, {});
  EXPECT_TRUE(list.AddLines("a.\n", ListFlush::kMostLines));
  EXPECT_FALSE(list.AddLines("b.\n", 1));
}

TEST_F(ListFlushTest, StopsWhereTheShareOfItsMakerIsUsedUp) {
  share_ = 3;
  Begin({.rate = 0, .undo_on_stop = true}, 10);
  RunFor(100);
  EXPECT_EQ(list_->state(), State::kStopped);
  EXPECT_EQ(list_->progress().done, 3u);
  EXPECT_EQ(list_->progress().undone, 3u);
  EXPECT_FALSE(list_->progress().by_condition);
  EXPECT_NE(list_->progress().why.find("share of flushes"), std::string::npos);
}

}  // namespace
}  // namespace breakwater
