// Peek and Foresee: what rules would say and do, told without doing it.
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/log_actions.h"
#include "proxy/rules/selectors/client_selectors.h"
#include "proxy/rules/selectors/http_selectors.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/message_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "proxy/rules/selectors/pool_selectors.h"
#include "proxy/rules/selectors/regex_selectors.h"
#include "proxy/rules/selectors/timed_ip_set.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class PeekTest : public RuleHarness {};

std::vector<SelectorPtr> OneOfEachFamily() {
  NetmaskGroup networks;
  (void)networks.Add("192.0.2.0/24");
  return {MakeNetmaskSelector(networks),
          MakeTcpSelector(),
          MakeDstPortSelector(53),
          *MakeIncomingProtocolSelector("DoTCP"),
          MakeTagSelector("a"),
          MakeProxyValueSelector(1, ""),
          MakeHttpPathSelector("/dns-query"),
          *MakeHttpHeaderSelector("x", "y"),
          MakeSniSelector("a"),
          MakeQTypeSelector(dns::Type::kAaaa),
          MakeQClassSelector(dns::Class::kIn),
          MakeOpcodeSelector(0),
          MakeRdSelector(),
          MakeDnssecSelector(),
          MakeEdnsVersionSelector(0),
          MakeEdnsOptionSelector(10),
          MakeRecordsCountSelector(dns::Section::kAdditional, {1, 1}),
          MakeTrailingDataSelector(),
          *MakePayloadSizeSelector("greater", 30),
          MakeQNameSelector(NameOf("www.example.com")),
          MakeQNameLabelsCountSelector(1, 2),
          MakeQNameWireLengthSelector(1, 10),
          MakePoolAvailableSelector(""),
          MakePoolOutstandingSelector("", 1),
          *MakeRegexSelector("^www"),
          *MakeRe2Selector("www.*"),
          std::make_shared<TimedIpSet>()};
}

TEST_F(PeekTest, IsWhatMatchesSaysWhereNothingIsCounted) {
  for (const char* text : {"www.example.com A +rd", "example.org AAAA +dnssec"}) {
    const QueryPtr query = maker_.Make(text);
    for (const SelectorPtr& selector : OneOfEachFamily()) {
      const auto peeked = selector->Peek(*query, context_);
      ASSERT_TRUE(peeked) << selector->ToString();
      EXPECT_EQ(*peeked, selector->Matches(*query, context_)) << selector->ToString();
      EXPECT_EQ(*MakeNotSelector(selector)->Peek(*query, context_), !*peeked);
      EXPECT_EQ(selector->matches().Get(), 0u);
    }
  }
}

TEST_F(PeekTest, AForeseenAnswerIsTheOneThatWouldBeMade) {
  const QueryPtr query = maker_.Make("www.example.com");
  const ActionPtr action = MakeRCodeAction(5);
  EXPECT_EQ(action->Foresee(*query, context_), Flow::kAnswer);
  EXPECT_EQ(query->header().rcode(), dns::RCode::kRefused);
}

TEST_F(PeekTest, AForeseenLogLineIsNotWritten) {
  LogActionOptions options;
  options.verbose_only = false;
  const ActionPtr action = MakeLogAction(options);
  const QueryPtr query = maker_.Make("www.example.com");
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_EQ(action->Foresee(*query, context_), Flow::kContinue);
  EXPECT_EQ(testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace breakwater::test
