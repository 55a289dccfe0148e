#include "proxy/worker/side_task_keeper.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

struct Seen {
  int starts = 0, stops = 0, counts = 0, reopens = 0;
  bool ended = false, gone = false;
};

class FakeTask final : public SideTask {
 public:
  explicit FakeTask(Seen& seen) : seen_(seen) {}
  ~FakeTask() override { seen_.gone = true; }
  void Start() override { ++seen_.starts; }
  void AskToStop() override { ++seen_.stops; }
  bool Ended() const override { return seen_.ended; }
  void Count(Counters&) override { ++seen_.counts; }
  void Reopen() override { ++seen_.reopens; }

 private:
  Seen& seen_;
};

class SideTaskKeeperTest : public ::testing::Test {
 protected:
  SideTaskKeeperTest() : task_(std::make_shared<FakeTask>(seen_)) {
    config_.settings.side_tasks.push_back(task_);
    keeper_.Start(config_);
  }
  Seen seen_;
  Config config_;
  Counters counters_;
  SideTaskKeeper keeper_;
  std::shared_ptr<SideTask> task_;
};

TEST_F(SideTaskKeeperTest, StartsEachOnceAndReopensAll) {
  keeper_.UseConfig(config_);
  keeper_.Reopen();
  EXPECT_EQ(keeper_.size(), 1U);
  EXPECT_EQ(seen_.starts, 1);
  EXPECT_EQ(seen_.reopens, 1);
}

TEST_F(SideTaskKeeperTest, KeepsWhatNoRuleHoldsUntilItHasEnded) {
  keeper_.Count(counters_);
  EXPECT_EQ(seen_.stops, 0);
  task_.reset();
  keeper_.Count(counters_);
  EXPECT_EQ(seen_.stops, 1);
  EXPECT_EQ(keeper_.size(), 1U);
  seen_.ended = true;
  keeper_.Count(counters_);
  EXPECT_EQ(keeper_.size(), 0U);
  EXPECT_TRUE(seen_.gone);
  EXPECT_EQ(seen_.counts, 3);
}

TEST_F(SideTaskKeeperTest, StopEndsAll) {
  keeper_.Stop();
  EXPECT_EQ(seen_.stops, 1);
  EXPECT_EQ(keeper_.size(), 0U);
}

}  // namespace
}  // namespace breakwater
