#include "proxy/rules/response_actions/flow_response_actions.h"
#include "proxy/rules/response_actions/record_response_actions.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class ResponseActionTest : public RuleHarness {
 protected:
  // Flow and message after the action.
  Flow Apply(const ResponseActionPtr& action, std::string_view description) {
    query_ = maker_.Make(description);
    return action->Apply(*query_, context_);
  }
  std::string After(const ResponseActionPtr& action, std::string_view description) {
    EXPECT_EQ(Apply(action, description), Flow::kContinue);
    return Describe(query_->message());
  }
  QueryPtr query_;
};

constexpr const char* kAnswer = "a +qr / answer a 100 A 192.0.2.1 / authority b 1000 NS c";

TEST_F(ResponseActionTest, AllowEndsDropDropsDelayGoesOn) {
  EXPECT_EQ(Apply(MakeAllowResponseAction(), kAnswer), Flow::kStop);
  EXPECT_EQ(Apply(MakeDropResponseAction(), kAnswer), Flow::kDrop);
  EXPECT_EQ(Apply(MakeDelayResponseAction(7), kAnswer), Flow::kContinue);
  EXPECT_EQ(query_->delay_ms, 7u);
  EXPECT_EQ(MakeAllowResponseAction()->ToString(), "allow");
  EXPECT_EQ(MakeDropResponseAction()->ToString(), "drop");
  EXPECT_EQ(MakeDelayResponseAction(7)->ToString(), "delay by 7 msec");
}

TEST_F(ResponseActionTest, TcTakesTheRecordsOutOverDatagramsOnly) {
  EXPECT_EQ(Apply(MakeTcResponseAction(), kAnswer), Flow::kStop);
  EXPECT_EQ(Describe(query_->message()), "qr tc rd NOERROR; a A");
  EXPECT_EQ(Apply(MakeTcResponseAction(), "a +qr +dnssec / answer a 100 A 192.0.2.1"), Flow::kStop);
  EXPECT_EQ(Describe(query_->message()), "qr tc rd NOERROR; a A; ar: OPT 1232 do");
  const std::string over_tcp = "a +qr +tcp / answer a 100 A 192.0.2.1";
  EXPECT_EQ(After(MakeTcResponseAction(), over_tcp), "qr rd NOERROR; a A; an: a 100 A 192.0.2.1");
}

TEST_F(ResponseActionTest, MinAndMaxTtlBoundEverySection) {
  EXPECT_EQ(After(MakeSetMinTtlResponseAction(500), kAnswer),
            "qr rd NOERROR; a A; an: a 500 A 192.0.2.1; ns: b 1000 NS c");
  EXPECT_EQ(After(MakeSetMaxTtlResponseAction(500), kAnswer),
            "qr rd NOERROR; a A; an: a 100 A 192.0.2.1; ns: b 500 NS c");
}

TEST_F(ResponseActionTest, TheMaximumWinsAndZeroIsNeverWritten) {
  EXPECT_EQ(After(MakeLimitTtlResponseAction(500, 50), kAnswer),
            "qr rd NOERROR; a A; an: a 50 A 192.0.2.1; ns: b 50 NS c");
  EXPECT_EQ(After(MakeSetMaxTtlResponseAction(0), kAnswer), Describe(QueryMaker::Message(kAnswer)));
}

TEST_F(ResponseActionTest, LimitTtlCanBeForSomeTypes) {
  EXPECT_EQ(After(MakeLimitTtlResponseAction(0, 5, {dns::Type::kNs}), kAnswer),
            "qr rd NOERROR; a A; an: a 100 A 192.0.2.1; ns: b 5 NS c");
}

TEST_F(ResponseActionTest, ReducedTtlIsCutAndNeverZero) {
  const auto tenth = MakeSetReducedTtlResponseAction(10).value();
  EXPECT_EQ(After(tenth, "a +qr / answer a 109 A 192.0.2.1 / answer a 9 A 192.0.2.2"),
            "qr rd NOERROR; a A; an: a 10 A 192.0.2.1; an: a 9 A 192.0.2.2");
  EXPECT_FALSE(MakeSetReducedTtlResponseAction(101).has_value());
}

TEST_F(ResponseActionTest, TheOptIsNoTtl) {
  EXPECT_EQ(After(MakeSetMaxTtlResponseAction(5), "a +qr +dnssec / answer a 100 A 192.0.2.1"),
            "qr rd NOERROR; a A; an: a 5 A 192.0.2.1; ar: OPT 1232 do");
}

TEST_F(ResponseActionTest, ClearRecordTypesTakesThemOutOfEverySection) {
  const std::string answer =
      "a +qr +edns / answer a 1 A 192.0.2.1 / answer a 1 TXT x / additional b 1 AAAA ::1";
  EXPECT_EQ(After(MakeClearRecordTypesResponseAction({dns::Type::kTxt, dns::Type::kAaaa}), answer),
            "qr rd NOERROR; a A; an: a 1 A 192.0.2.1; ar: OPT 1232");
}

TEST_F(ResponseActionTest, ClearRecordTypesLeavesPacketsWithNamesInTheirData) {
  EXPECT_EQ(After(MakeClearRecordTypesResponseAction({dns::Type::kA}), kAnswer),
            Describe(QueryMaker::Message(kAnswer)));
}

}  // namespace
}  // namespace breakwater::test
