#include "proxy/rules/actions/answer_actions.h"

#include "proxy/rules/actions/spoof_actions.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class AnswerActionTest : public RuleHarness {
 protected:
  // The answer, or "unchanged" where the rules go on with the query as it was.
  std::string Answer(const ActionPtr& action, std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    const std::vector<uint8_t> before(query->message().begin(), query->message().end());
    const Flow flow = action->Apply(*query, context_);
    const std::vector<uint8_t> after(query->message().begin(), query->message().end());
    if (flow == Flow::kContinue) return before == after ? "unchanged" : "spoilt";
    EXPECT_EQ(flow, Flow::kAnswer);
    EXPECT_TRUE(query->is_response && query->self_answered);
    EXPECT_EQ(query->header().id(), 0x1234);
    return Describe(query->message());
  }
};

std::vector<Address> Addresses(std::initializer_list<const char*> texts) {
  std::vector<Address> addresses;
  for (const char* text : texts) addresses.push_back(Address::Parse(text).value());
  return addresses;
}

TEST_F(AnswerActionTest, RCodeKeepsTheQuestionAndAnswersEdns) {
  const auto refuse = MakeRCodeAction(5);
  EXPECT_EQ(Answer(refuse, "www.X.y AAAA"), "qr rd ra REFUSED; www.X.y AAAA");
  EXPECT_EQ(Answer(refuse, "a CH +norec +cd +dnssec"),
            "qr cd REFUSED; a A CLASS3; ar: OPT 1232 do");
  EXPECT_EQ(refuse->ToString(), "set rcode 5");
}

TEST_F(AnswerActionTest, RCodeCutsWhatStoodBehindTheQuestion) {
  EXPECT_EQ(Answer(MakeRCodeAction(3), "a +option=10:0102 +trail=ff / additional b 1 A 192.0.2.1"),
            "qr rd ra NXDOMAIN; a A; ar: OPT 1232");
}

TEST_F(AnswerActionTest, EdnsOfSelfAnswersFollowsTheSettings) {
  context_.self_answer_udp_size = 512;
  EXPECT_EQ(Answer(MakeRCodeAction(3), "a +edns"), "qr rd ra NXDOMAIN; a A; ar: OPT 512");
  context_.edns_on_self_answers = false;
  EXPECT_EQ(Answer(MakeRCodeAction(3), "a +edns"), "qr rd ra NXDOMAIN; a A");
}

TEST_F(AnswerActionTest, FlagsOfTheQueryStayUnlessTheRuleSetsThem) {
  EXPECT_EQ(Answer(MakeRCodeAction(0), "a +aa +ad +norec"), "qr aa NOERROR; a A");
  AnswerFlags set;
  set.aa = set.ad = set.ra = true;
  EXPECT_EQ(Answer(MakeRCodeAction(0, set), "a +norec"), "qr aa ra ad NOERROR; a A");
  AnswerFlags clear;
  clear.aa = clear.ad = clear.ra = false;
  EXPECT_EQ(Answer(MakeRCodeAction(0, clear), "a +aa +ad"), "qr rd NOERROR; a A");
}

TEST_F(AnswerActionTest, RdIsTheClientsAgainWhateverRulesDidToIt) {
  const QueryPtr query = maker_.Make("a +cd");
  query->header().Set(dns::kFlagRd | dns::kFlagCd, false);
  ASSERT_EQ(MakeRCodeAction(0)->Apply(*query, context_), Flow::kAnswer);
  EXPECT_EQ(Describe(query->message()), "qr rd cd NOERROR; a A");
}

TEST_F(AnswerActionTest, ERCodePutsItsUpperBitsInTheOpt) {
  const auto bad_version = MakeERCodeAction(16);
  EXPECT_EQ(Answer(bad_version, "a +edns"), "qr rd ra NOERROR; a A; ar: OPT 1232 rcode+16");
  EXPECT_EQ(Answer(bad_version, "a"), "qr rd ra NOERROR; a A");
}

TEST_F(AnswerActionTest, TcAnswersDatagramsOnly) {
  EXPECT_EQ(Answer(MakeTcAction(), "a +edns +aa"), "qr tc rd ra NOERROR; a A; ar: OPT 1232");
  EXPECT_EQ(Answer(MakeTcAction(), "a +tcp"), "unchanged");
  EXPECT_EQ(MakeTcAction()->ToString(), "tc=1 answer");
}

TEST_F(AnswerActionTest, NegativeAndSoaPutsTheSoaWhereAsked) {
  NegativeAndSoa answer;
  answer.name_error = true;
  answer.zone = NameOf("x.");
  answer.ttl = 10;
  answer.mname = NameOf("m.x");
  answer.rname = NameOf("r.x");
  answer.serial = 1, answer.refresh = 2, answer.retry = 3, answer.expire = 4, answer.minimum = 5;
  EXPECT_EQ(Answer(MakeNegativeAndSoaAction(answer), "www.x +edns"),
            "qr rd ra NXDOMAIN; www.x A; ar: x 10 SOA m.x r.x 1 2 3 4 5; ar: OPT 1232");
  EXPECT_EQ(MakeNegativeAndSoaAction(answer)->ToString(), "NXD  with SOA");
  answer.name_error = false;
  answer.soa_in_authority = true;
  EXPECT_EQ(Answer(MakeNegativeAndSoaAction(answer), "www.x"),
            "qr rd ra NOERROR; www.x A; ns: x 10 SOA m.x r.x 1 2 3 4 5");
  EXPECT_EQ(MakeNegativeAndSoaAction(answer)->ToString(), "NODATA with SOA");
}

TEST_F(AnswerActionTest, SpoofAnswersWithTheAddressesOfTheType) {
  const auto spoof = MakeSpoofAction(Addresses({"192.0.2.1", "2001:db8::1"}), {.ttl = 9});
  EXPECT_EQ(Answer(spoof, "a.b A +edns"),
            "qr rd ra NOERROR; a.b A; an: a.b 9 A 192.0.2.1; ar: OPT 1232");
  EXPECT_EQ(Answer(spoof, "a.b AAAA CH"),
            "qr rd ra NOERROR; a.b AAAA CLASS3; an: a.b 9 CLASS3 AAAA 2001:db8::1");
  EXPECT_EQ(Answer(spoof, "a.b TXT"), "unchanged");
  EXPECT_EQ(spoof->ToString(), "spoof in 192.0.2.1 2001:db8::1 ");
}

TEST_F(AnswerActionTest, SpoofGivesAllAddressesForAnyInRandomOrder) {
  const auto spoof = MakeSpoofAction(Addresses({"192.0.2.1", "2001:db8::1"}));
  const std::string a = "; an: a 60 A 192.0.2.1", aaaa = "; an: a 60 AAAA 2001:db8::1";
  bool seen[2] = {};
  for (int i = 0; i < 200; ++i) {
    const std::string answer = Answer(spoof, "a ANY");
    const bool first = answer == "qr rd ra NOERROR; a ANY" + a + aaaa;
    EXPECT_TRUE(first || answer == "qr rd ra NOERROR; a ANY" + aaaa + a) << answer;
    seen[first ? 0 : 1] = true;
  }
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST_F(AnswerActionTest, SpoofCnameAnswersEveryType) {
  SpoofOptions options;
  options.flags.aa = true;
  const auto spoof = MakeSpoofCnameAction(NameOf("target.example"), options);
  EXPECT_EQ(Answer(spoof, "a TXT"), "qr aa rd ra NOERROR; a TXT; an: a 60 CNAME target.example");
  EXPECT_EQ(spoof->ToString(), "spoof in target.example. ");
}

TEST_F(AnswerActionTest, SpoofRawUsesTheTypeAsked) {
  const auto spoof = MakeSpoofRawAction({std::string("\1a")});
  EXPECT_EQ(Answer(spoof, "a TXT"), "qr rd ra NOERROR; a TXT; an: a 60 TXT 0161");
  EXPECT_EQ(Answer(spoof, "a ANY"), "qr rd ra NOERROR; a ANY; an: a 60 ANY 0161");
  const auto typed = MakeSpoofRawAction({std::string("\1a")}, {.type_for_any = dns::Type::kTxt});
  EXPECT_EQ(Answer(typed, "a ANY"), "qr rd ra NOERROR; a ANY; an: a 60 TXT 0161");
}

TEST_F(AnswerActionTest, AnAnswerThatDoesNotFitChangesNothing) {
  const auto spoof = MakeSpoofRawAction({std::string(4080, 'x')});
  EXPECT_EQ(Answer(spoof, "a TXT +edns"), "unchanged");
  EXPECT_NE(Answer(spoof, "a TXT +edns +tcp"), "unchanged");
  EXPECT_EQ(Answer(MakeSpoofRawAction({std::string(65535, 'x')}), "a TXT +tcp"), "unchanged");
}

TEST_F(AnswerActionTest, AnAnswerLargerThanTheReceiveBufferGetsMemoryOfItsOwn) {
  const auto spoof = MakeSpoofRawAction({std::string(600, '\0')});
  const std::string answer = Answer(spoof, "a.b TXT +dnssec +room=0");
  EXPECT_EQ(answer, "qr rd ra NOERROR; a.b TXT; an: a.b 60 TXT " + std::string(1200, '0') +
                        "; ar: OPT 1232 do");
}

TEST_F(AnswerActionTest, SpoofPacketReplacesTheIdAndRestoresRdAndCd) {
  const auto bytes =
      QueryMaker::Message("other AAAA +qr +aa +norec +id=1 / answer other 5 A 192.0.2.9");
  const auto spoof = MakeSpoofPacketAction(std::string(bytes.begin(), bytes.end())).value();
  EXPECT_EQ(Answer(spoof, "a +cd +edns +room=0"),
            "qr aa rd cd NOERROR; other AAAA; an: other 5 A 192.0.2.9");
  EXPECT_FALSE(MakeSpoofPacketAction("too short").has_value());
}

}  // namespace
}  // namespace breakwater::test
