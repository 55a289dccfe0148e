#include "proxy/zone_questions.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

class ZoneQuestionsTest : public testing::Test {
 protected:
  bool MayLearn(const std::string& name) {
    return questions_.MayLearn(test::QueryMaker::WireName(name), now_);
  }
  void Doubt(const std::string& zone) {
    questions_.Doubt({*dns::Name::Parse(zone), backend_, ""}, now_);
  }
  void OnEnd(const std::string& zone) { questions_.OnEnd(*dns::Name::Parse(zone), *backend_); }
  void Advance(MonoTime by) {
    now_ = now_ + by;
    timers_.RunDue(now_);
  }

  MonoTime now_ = MonoTime::FromSeconds(1000);
  TimerQueue timers_;
  std::vector<std::string> asked_;
  static BackendSettings SettingsOfServer() {
    BackendSettings settings;
    settings.address = *Address::Parse("192.0.2.1:53");
    return settings;
  }
  BackendPtr backend_ = std::make_shared<Backend>(SettingsOfServer());
  ZoneQuestions questions_{timers_, [this](const ZoneQuestion& question) {
                             asked_.push_back(question.name.ToString());
                           }};
};

TEST_F(ZoneQuestionsTest, LearnsOnceForEachParentOfALongName) {
  EXPECT_TRUE(MayLearn("www.sub.example.org"));
  EXPECT_FALSE(MayLearn("FTP.sub.Example.org"));
  EXPECT_TRUE(MayLearn("www.other.example.org"));
}

TEST_F(ZoneQuestionsTest, TakesNoRegistryForTheParentOfAZone) {
  EXPECT_TRUE(MayLearn("one.co.uk"));
  EXPECT_TRUE(MayLearn("two.co.uk"));
  EXPECT_FALSE(MayLearn("two.co.uk"));
}

TEST_F(ZoneQuestionsTest, LearnsSoManyASecondAtMost) {
  size_t learned = 0;
  for (int i = 0; i < 1000; ++i) learned += MayLearn("n" + std::to_string(i) + ".example") ? 1 : 0;
  EXPECT_EQ(learned, ZoneQuestions::kLearnedASecond);
}

TEST_F(ZoneQuestionsTest, AsksOneQuestionAtATimeAboutAZoneOnAServer) {
  Doubt("example.org");
  Doubt("Example.Org");
  Doubt("example.net");
  EXPECT_TRUE(asked_.empty());
  Advance(ZoneQuestions::kPause);
  EXPECT_THAT(asked_, testing::ElementsAre("example.org.", "example.net."));
  // It has not ended yet.
  Doubt("example.org");
  Advance(ZoneQuestions::kPause);
  EXPECT_EQ(asked_.size(), 2u);
  OnEnd("example.org");
  Doubt("example.org");
  Advance(ZoneQuestions::kPause);
  EXPECT_EQ(asked_.size(), 3u);
}

TEST_F(ZoneQuestionsTest, DoubtsSoManyASecondAtMost) {
  for (int i = 0; i < 2000; ++i) Doubt("z" + std::to_string(i) + ".example.org");
  Advance(ZoneQuestions::kPause);
  EXPECT_EQ(asked_.size(), ZoneQuestions::kDoubtsASecond);
}

}  // namespace
}  // namespace breakwater
