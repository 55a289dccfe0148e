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
  bool Doubt(const std::string& zone) {
    return questions_.Doubt({*dns::Name::Parse(zone), backend_, ""}, now_);
  }
  void EndDoubt(const std::string& zone) {
    questions_.EndDoubt(*dns::Name::Parse(zone), *backend_, now_);
  }
  std::vector<FlightId> EndSerial(const std::string& zone) {
    return questions_.EndSerial(*dns::Name::Parse(zone), *backend_);
  }
  ZoneQuestions::Proof Await(const std::string& zone, FlightId flight) {
    return questions_.AwaitSerial({*dns::Name::Parse(zone), backend_, ""}, flight, now_);
  }
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
  EXPECT_TRUE(Doubt("example.org"));
  EXPECT_TRUE(Doubt("Example.Org"));
  EXPECT_TRUE(Doubt("example.net"));
  EXPECT_THAT(asked_, testing::ElementsAre("example.org.", "example.net."));
  // It has not ended yet; the end of a question for its serial is not the end of this one.
  EXPECT_TRUE(EndSerial("example.org").empty());
  EXPECT_TRUE(Doubt("example.org"));
  Advance(ZoneQuestions::kPause);
  EXPECT_EQ(asked_.size(), 2u);
  // What was asked a moment ago is asked again after a pause.
  EndDoubt("example.org");
  EXPECT_TRUE(Doubt("example.org"));
  EXPECT_EQ(asked_.size(), 2u);
  Advance(ZoneQuestions::kPause);
  EXPECT_EQ(asked_.size(), 3u);
  EndDoubt("example.org");
  Advance(ZoneQuestions::kPause);
  EXPECT_TRUE(Doubt("example.org"));
  EXPECT_EQ(asked_.size(), 4u);
}

TEST_F(ZoneQuestionsTest, SomeDoubtsAreForLaterInAnyCase) {
  questions_.DoubtLater({*dns::Name::Parse("example.org"), backend_, ""}, now_);
  EXPECT_TRUE(asked_.empty());
  Advance(ZoneQuestions::kPause);
  EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(ZoneQuestionsTest, WhoWaitsForASerialSharesOneQuestionAndIsToldOfItsEnd) {
  using Proof = ZoneQuestions::Proof;
  const FlightId one{1};
  const FlightId two{2};
  EXPECT_EQ(Await("example.org", one), Proof::kAsk);
  EXPECT_EQ(Await("Example.org", two), Proof::kIsAsked);
  EXPECT_TRUE(EndSerial("example.net").empty());
  EXPECT_EQ(EndSerial("example.org").size(), 2u);
  EXPECT_TRUE(EndSerial("example.org").empty());
  EXPECT_EQ(Await("example.org", one), Proof::kAsk);
}

TEST_F(ZoneQuestionsTest, SerialsAreAskedForSoManyTimesASecondAtMost) {
  using Proof = ZoneQuestions::Proof;
  size_t asked = 0;
  size_t proofs = 0;
  for (int i = 0; i < 5000; ++i) {
    asked += questions_.MayAskSerial(now_) ? 1 : 0;
    proofs += Await("z" + std::to_string(i) + ".example.org", FlightId{1}) == Proof::kAsk ? 1 : 0;
  }
  EXPECT_EQ(asked, ZoneQuestions::kSerialsASecond);
  EXPECT_EQ(proofs, ZoneQuestions::kProofsASecond);
}

TEST_F(ZoneQuestionsTest, DoubtsSoManyASecondAtMostAndSaysSo) {
  size_t taken = 0;
  for (int i = 0; i < 2000; ++i) taken += Doubt("z" + std::to_string(i) + ".example.org") ? 1 : 0;
  EXPECT_EQ(asked_.size(), ZoneQuestions::kDoubtsASecond);
  EXPECT_EQ(taken, asked_.size());
  // A zone that was asked about a moment ago is none of those for which there is no room.
  EndDoubt("z1.example.org");
  EXPECT_TRUE(Doubt("z1.example.org"));
}

}  // namespace
}  // namespace breakwater
