#include "proxy/rules/actions/set_actions.h"

#include "proxy/query/proxy_values.h"
#include "proxy/rules/actions/edns_actions.h"
#include "tests/proxy/rules/rule_harness.h"
#include "tests/support/neighbour_news.h"

namespace breakwater::test {
namespace {

class SetActionTest : public RuleHarness {
 protected:
  void Apply(const ActionPtr& action) {
    EXPECT_EQ(action->Apply(*query_, context_), Flow::kContinue);
  }
  void Apply(const ResponseActionPtr& action) {
    EXPECT_EQ(action->Apply(*query_, context_), Flow::kContinue);
  }
  std::string Message() const { return Describe(query_->message()); }
  QueryPtr query_ = maker_.Make("a");
};

TEST_F(SetActionTest, TagsAreSetReplacedAndUnset) {
  Apply(MakeSetTagAction("a", "b"));
  EXPECT_EQ(*query_->FindTag("a"), "b");
  Apply(MakeSetTagResponseAction("a", "c"));
  EXPECT_EQ(*query_->FindTag("a"), "c");
  Apply(MakeUnsetTagAction("other"));
  Apply(MakeUnsetTagResponseAction("a"));
  EXPECT_EQ(query_->FindTag("a"), nullptr);
  EXPECT_EQ(MakeSetTagAction("a", "b")->ToString(), "set tag 'a' to value 'b'");
  EXPECT_EQ(MakeUnsetTagAction("a")->ToString(), "unset tag 'a'");
}

TEST_F(SetActionTest, ProxyValuesAreAddedToThoseThatCameOrReplaceThem) {
  auto info = std::make_shared<ConnectionInfo>();
  info->proxy_values = {{1, "came"}};
  query_->connection = info;
  Apply(MakeAddProxyValueAction(2, "added"));
  EXPECT_EQ(ProxyValuesOf(*query_), (ProxyValues{{1, "came"}, {2, "added"}}));
  Apply(MakeSetProxyValuesAction({{3, "set"}}));
  EXPECT_EQ(ProxyValuesOf(*query_), (ProxyValues{{3, "set"}}));
  Apply(MakeSetProxyValuesAction({}));
  EXPECT_TRUE(ProxyValuesOf(*query_).empty());
  EXPECT_EQ(MakeSetProxyValuesAction({{3, "set"}})->ToString(), "set Proxy-Protocol values");
}

TEST_F(SetActionTest, CacheSettingsAreNoted) {
  Apply(MakeSetTempFailureCacheTtlAction(5));
  EXPECT_EQ(query_->temp_failure_ttl, 5u);
  EXPECT_FALSE(query_->skip_cache);
  Apply(MakeSetSkipCacheAction());
  EXPECT_TRUE(query_->skip_cache);
  query_ = maker_.Make("a");
  Apply(MakeSetSkipCacheResponseAction());
  EXPECT_TRUE(query_->skip_cache);
  EXPECT_EQ(MakeSetSkipCacheAction()->ToString(), "skip cache");
  EXPECT_EQ(MakeSetTempFailureCacheTtlAction(5)->ToString(), "set tempfailure cache ttl to 5");
}

TEST_F(SetActionTest, TheLastTtlCapWins) {
  Apply(MakeSetMaxReturnedTtlAction(50));
  EXPECT_EQ(query_->max_returned_ttl, 50u);
  Apply(MakeSetMaxReturnedTtlResponseAction(60));
  EXPECT_EQ(query_->max_returned_ttl, 60u);
}

TEST_F(SetActionTest, HeaderBitsAreChangedInPlace) {
  Apply(MakeSetNoRecurseAction());
  Apply(MakeSetDisableValidationAction());
  EXPECT_EQ(Message(), "cd NOERROR; a A");
  EXPECT_EQ(MakeSetNoRecurseAction()->ToString(), "set rd=0");
  EXPECT_EQ(MakeSetDisableValidationAction()->ToString(), "set cd=1");
}

TEST_F(SetActionTest, ExtendedErrorsAddUpUntilOneClears) {
  Apply(MakeSetExtendedDnsErrorAction({15, "blocked", false}));
  Apply(MakeSetExtendedDnsErrorResponseAction({16, "", false}));
  EXPECT_EQ(query_->extras()->extended_errors.size(), 2u);
  EXPECT_FALSE(query_->extras()->clear_extended_errors);
  Apply(MakeSetExtendedDnsErrorAction({17, "filtered", true}));
  ASSERT_EQ(query_->extras()->extended_errors.size(), 1u);
  EXPECT_EQ(query_->extras()->extended_errors[0].code, 17);
  EXPECT_EQ(query_->extras()->extended_errors[0].text, "filtered");
  EXPECT_TRUE(query_->extras()->clear_extended_errors);
}

TEST_F(SetActionTest, ClientSubnetSettingsAreNoted) {
  const Netmask v4 = Netmask::Parse("192.0.2.0/24").value();
  const Netmask v6 = Netmask::Parse("2001:db8::/32").value();
  Apply(MakeSetEcsAction(v4));
  EXPECT_EQ(query_->extras()->ecs_v4, v4);
  EXPECT_EQ(query_->extras()->ecs_v6, v4);
  Apply(MakeSetEcsAction(v4, v6));
  EXPECT_EQ(query_->extras()->ecs_v6, v6);
  EXPECT_FALSE(query_->ecs_override_set);
  Apply(MakeSetEcsOverrideAction(EcsOverride::kReplace));
  EXPECT_TRUE(query_->ecs_override && query_->ecs_override_set);
  Apply(MakeSetEcsOverrideAction(EcsOverride::kKeep));
  EXPECT_TRUE(!query_->ecs_override && query_->ecs_override_set);
  Apply(MakeSetEcsPrefixLengthAction(20, 48));
  EXPECT_TRUE(query_->ecs_prefix_set);
  EXPECT_EQ(query_->ecs_prefix_v4, 20);
  EXPECT_EQ(query_->ecs_prefix_v6, 48);
  Apply(MakeSetDisableEcsAction());
  EXPECT_FALSE(query_->use_ecs);
  EXPECT_EQ(MakeSetEcsAction(v4, v6)->ToString(), "set ECS to 192.0.2.0/24 / 2001:db8::/32");
  EXPECT_EQ(MakeSetEcsAction(v4)->ToString(), "set ECS to 192.0.2.0/24");
  EXPECT_EQ(MakeSetEcsOverrideAction(EcsOverride::kReplace)->ToString(), "set ECS override to 1");
  EXPECT_EQ(MakeSetEcsPrefixLengthAction(24, 56)->ToString(), "set ECS prefix length to 24/56");
  EXPECT_EQ(MakeSetDisableEcsAction()->ToString(), "disable ECS");
}

TEST_F(SetActionTest, AnEdnsOptionIsReplaced) {
  query_ = maker_.Make("a +dnssec +bufsize=4000 +option=10:0102 +option=3:aa");
  Apply(MakeSetEdnsOptionAction(10, "abc"));
  EXPECT_EQ(Message(), "rd NOERROR; a A; ar: OPT 4000 do 3:aa 10:616263");
  EXPECT_FALSE(query_->edns_added);
  EXPECT_EQ(query_->edns.options_length, 5u + 7u);
  EXPECT_EQ(MakeSetEdnsOptionAction(10, "")->ToString(), "add EDNS Option (code=10)");
}

TEST_F(SetActionTest, AnOptThatHadToBeAddedIsRemembered) {
  query_ = maker_.Make("a +room=0");
  Apply(MakeSetEdnsOptionAction(10, "abc"));
  EXPECT_EQ(Message(), "rd NOERROR; a A; ar: OPT 1232 10:616263");
  EXPECT_TRUE(query_->edns_added);
  EXPECT_TRUE(query_->edns.present);
}

TEST_F(SetActionTest, AnOptionThatDoesNotFitChangesNothing) {
  query_ = maker_.Make("a +edns");
  Apply(MakeSetEdnsOptionAction(10, std::string(4090, 'x')));
  EXPECT_EQ(Message(), "rd NOERROR; a A; ar: OPT 1232");
}

TEST_F(SetActionTest, TheHardwareAddressOfAClientIsToldWhereItIsKnown) {
  const ActionPtr action = MakeSetMacAddrAction(65001);
  NeighbourTable table;
  table.Take(About({.address = "192.0.2.7"}));
  query_ = maker_.Make("a +edns from=192.0.2.7:4711");
  Apply(action);
  EXPECT_EQ(Message(), "rd NOERROR; a A; ar: OPT 1232");
  context_.neighbours = &table;
  Apply(action);
  EXPECT_EQ(Message(), "rd NOERROR; a A; ar: OPT 1232 65001:02005e005301");
  query_ = maker_.Make("a from=192.0.2.8");
  Apply(action);
  EXPECT_EQ(Message(), "rd NOERROR; a A");
  EXPECT_EQ(action->ToString(), "add EDNS MAC (code=65001)");
}

TEST_F(SetActionTest, AnOptionOfAnAnswerStays) {
  query_ = maker_.Make("a +qr +edns / answer a 5 A 192.0.2.1");
  Apply(MakeSetEdnsOptionResponseAction(10, "z"));
  EXPECT_EQ(Message(), "qr rd NOERROR; a A; an: a 5 A 192.0.2.1; ar: OPT 1232 10:7a");
  query_ = maker_.Make("a +qr");
  Apply(MakeSetEdnsOptionResponseAction(10, "z"));
  EXPECT_EQ(Message(), "qr rd NOERROR; a A; ar: OPT 1232 10:7a");
  EXPECT_FALSE(query_->edns_added);
}

TEST_F(SetActionTest, AnAnswerWithoutItsQuestionGetsTheOptionToo) {
  query_ = maker_.Make("a.longer.name A +qr");
  query_->size = dns::kHeaderSize;
  query_->header().set_count(dns::Section::kQuestion, 0);
  query_->question_left_out = true;
  Apply(MakeSetEdnsOptionResponseAction(10, "z"));
  EXPECT_EQ(Message(), "qr rd NOERROR; ar: OPT 1232 10:7a");
}

}  // namespace
}  // namespace breakwater::test
