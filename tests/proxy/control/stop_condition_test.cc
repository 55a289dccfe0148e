#include "proxy/control/stop_condition.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

StopCondition Condition(std::string_view text) {
  const auto condition = ParseStopCondition(text);
  EXPECT_TRUE(condition) << condition.error();
  return condition.value_or(StopCondition{});
}

AnswerTally Tally(uint64_t all, uint64_t refused, uint64_t nxdomain = 0) {
  AnswerTally tally{.all = all, .bad = {}, .nxdomain = nxdomain};
  tally.bad[static_cast<size_t>(BadKind::kRefused)] = refused;
  return tally;
}

TEST(StopConditionTest, ReadsKindAndShare) {
  EXPECT_EQ(Condition("refused>1%").percent, 1);
  EXPECT_EQ(Condition(" ServFail > 2.5 % ").percent, 2.5);
  EXPECT_EQ(Condition("timeout>0%").kinds, 1u);
  EXPECT_EQ(Condition("bad>1%").kinds, kAllBadKinds);
  EXPECT_TRUE(Condition("nxdomain>1%").nxdomain);
}

TEST(StopConditionTest, SaysWhatIsWrong) {
  for (const auto& [text, why] : std::vector<std::pair<const char*, const char*>>{
           {"refused", "'>' is missing"},
           {"refused>1", "must end with %"},
           {"wrong>1%", "'wrong' is none of timeout, "},
           {"refused>x%", "must be a number"},
           {"refused>-1%", "must be a number"},
           {"refused>100%", "must be a number"},
           {"refused>nan%", "must be a number"},
           {">1%", "'' is none of"}}) {
    const auto condition = ParseStopCondition(text);
    ASSERT_FALSE(condition) << text;
    EXPECT_NE(condition.error().find(why), std::string::npos) << condition.error();
  }
}

TEST(AnswerWindowTest, DecidesFromTwentyAnswersOn) {
  AnswerWindow window;
  const std::vector conditions = {Condition("refused>1%")};
  window.Add(Tally(19, 19), {}, MonoTime{});
  EXPECT_EQ(window.Met(conditions), "");
  window.Add(Tally(1, 0), {}, MonoTime{});
  EXPECT_EQ(window.Met(conditions),
            "refused>1%: it is so of 19 of the last 20 questions about flushed names (95.0 %)");
}

TEST(AnswerWindowTest, MoreThanTheShareNotAsMuch) {
  AnswerWindow window;
  window.Add(Tally(100, 1), {}, MonoTime{});
  EXPECT_EQ(window.Met({Condition("refused>1%")}), "");
  EXPECT_NE(window.Met({Condition("refused>0.9%")}), "");
  EXPECT_EQ(window.Met({Condition("servfail>0%")}), "");
  EXPECT_NE(window.Met({Condition("servfail>0%"), Condition("bad>0%")}), "");
}

TEST(AnswerWindowTest, ManyGoodAnswersToClientsDoNotHideWhatTheProbesSay) {
  AnswerWindow window;
  window.Add(Tally(50, 25), Tally(100'000, 0), MonoTime{});
  EXPECT_NE(window.Met({Condition("refused>1%")}), "");
  AnswerWindow other;
  other.Add(Tally(1000, 0), Tally(50, 25), MonoTime{});
  EXPECT_NE(other.Met({Condition("refused>10%")}).find("of the last 50 clients' questions"),
            std::string::npos);
}

TEST(AnswerWindowTest, OfNamesThatAreNotThereTheProbesAloneCount) {
  AnswerWindow window;
  window.Add(Tally(20, 0, 5), {}, MonoTime{});
  EXPECT_NE(window.Met({Condition("nxdomain>20%")}), "");
  EXPECT_EQ(window.Met({Condition("nxdomain>25%")}), "");
}

TEST(AnswerWindowTest, WhatIsLongAgoIsForgottenButForTwentyAnswers) {
  AnswerWindow window;
  const std::vector conditions = {Condition("refused>0%")};
  window.Add(Tally(20, 20), {}, MonoTime{});
  window.Add(Tally(10, 0), {}, MonoTime::FromSeconds(20));
  EXPECT_NE(window.Met(conditions), "");  // the last ten alone decide nothing
  window.Add(Tally(10, 0), {}, MonoTime::FromSeconds(21));
  EXPECT_EQ(window.Met(conditions), "");
}

TEST(AnswerWindowTest, AtASlowPaceTheLastTwentyProbesDecideWhateverClientsGet) {
  AnswerWindow window;
  for (int i = 0; i < 20; ++i) {
    window.Add(Tally(1, 1), Tally(1000, 0), MonoTime::FromSeconds(30.0 * i));
  }
  EXPECT_NE(window.Met({Condition("refused>50%")}), "");
}

}  // namespace
}  // namespace breakwater
