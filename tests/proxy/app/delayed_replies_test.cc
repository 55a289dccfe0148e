#include "proxy/delayed_replies.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/fake_client.h"

namespace breakwater {
namespace {

class DelayedRepliesTest : public ::testing::Test {
 protected:
  QueryPtr Make(const char* client) {
    QueryPtr query = pool_.Get();
    const std::vector<uint8_t> bytes(12);
    query->ReplaceMessage(pool_.packets(), bytes);
    query->target = &client_;
    query->client = *Address::Parse(client, 5353);
    return query;
  }
  QueryPool pool_;
  test::FakeClient client_;
  TimerQueue timers_;
  Counters counters_;
  DelayedReplies delayed_{timers_, counters_};
};

TEST_F(DelayedRepliesTest, AnAnswerLeavesWhenItsTimeHasCome) {
  delayed_.Hold(Make("192.0.2.1"), MonoTime::FromMs(100));
  timers_.RunDue(MonoTime::FromMs(99));
  EXPECT_TRUE(client_.outcomes.empty());
  timers_.RunDue(MonoTime::FromMs(100));
  ASSERT_EQ(client_.outcomes.size(), 1u);
  EXPECT_FALSE(client_.outcomes.front().dropped);
  EXPECT_EQ(delayed_.size(), 0u);
}

TEST_F(DelayedRepliesTest, OneClientCannotPileUpAnswers) {
  for (size_t i = 0; i < DelayedReplies::kMostPerClient + 10; ++i) {
    delayed_.Hold(Make("192.0.2.1"), MonoTime::FromMs(100));
  }
  EXPECT_EQ(delayed_.size(), DelayedReplies::kMostPerClient);
  EXPECT_EQ(client_.outcomes.size(), 10u);
  EXPECT_EQ(counters_.Get(Metric::kDelayedDrops), 10u);
  delayed_.Hold(Make("192.0.2.2"), MonoTime::FromMs(100));
  EXPECT_EQ(delayed_.size(), DelayedReplies::kMostPerClient + 1);
}

TEST_F(DelayedRepliesTest, AllClientsTogetherAreBounded) {
  constexpr size_t kOver = 10;
  for (size_t i = 0; i < DelayedReplies::kMostHeld + kOver; ++i) {
    const size_t client = i / 200;
    delayed_.Hold(Make(fmt::format("10.0.{}.{}", client / 256, client % 256).c_str()),
                  MonoTime::FromMs(100));
  }
  EXPECT_EQ(delayed_.size(), DelayedReplies::kMostHeld);
  EXPECT_EQ(counters_.Get(Metric::kDelayedDrops), kOver);
  EXPECT_EQ(client_.outcomes.size(), kOver);
  client_.outcomes.clear();
  timers_.RunDue(MonoTime::FromMs(100));
  EXPECT_EQ(delayed_.size(), 0u);
  EXPECT_EQ(client_.outcomes.size(), DelayedReplies::kMostHeld);
}

TEST_F(DelayedRepliesTest, RoomIsFreedAsAnswersLeave) {
  for (size_t i = 0; i < DelayedReplies::kMostPerClient; ++i) {
    delayed_.Hold(Make("192.0.2.1"), MonoTime::FromMs(100));
  }
  timers_.RunDue(MonoTime::FromMs(100));
  delayed_.Hold(Make("192.0.2.1"), MonoTime::FromMs(200));
  EXPECT_EQ(delayed_.size(), 1u);
  EXPECT_EQ(counters_.Get(Metric::kDelayedDrops), 0u);
}

TEST_F(DelayedRepliesTest, AStopDropsWhatIsHeld) {
  delayed_.Hold(Make("192.0.2.1"), MonoTime::FromMs(100));
  delayed_.DropAll();
  ASSERT_EQ(client_.outcomes.size(), 1u);
  EXPECT_TRUE(client_.outcomes.front().dropped);
  EXPECT_EQ(timers_.RunDue(MonoTime::FromSeconds(10)), 0u);
}

}  // namespace
}  // namespace breakwater
