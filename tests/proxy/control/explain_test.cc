#include "proxy/control/explain.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "proxy/control/control_commands.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/flow_actions.h"
#include "proxy/rules/selectors/client_selectors.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/message_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "proxy/rules/selectors/rate_selectors.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ExplainTest : public CacheFixture {
 protected:
  ExplainTest() {
    (void)target_.config->acl.Add("0.0.0.0/0");
    target_.config->policy = MakePolicy("leastOutstanding", {});
    clock.Advance(target_.clock().Now() - clock.Now());
  }
  // The default pool, with the fixture's cache and the backends added so far.
  void AddPool(const std::string& name = "") { target_.AddPool(name, (cache(), cache_)); }
  std::shared_ptr<RuleState> AddRule(SelectorPtr selector, ActionPtr action) {
    auto& chain = target_.config->chains.query;
    chain.push_back({.name = "rule" + std::to_string(chain.size()),
                     .uuid = "u" + std::to_string(chain.size()),
                     .selector = std::move(selector),
                     .action = std::move(action)});
    return chain.back().state;
  }
  json Ask(const std::string& members = "") {
    const std::string line = R"({"command":"explain","name":"www.example.com")" + members + "}";
    return json::parse(commands_.Handle(line, {.role = Role::kRead, .who = "uid=1"}).text);
  }
  void PassSeconds(int seconds) {
    target_.clock_.Advance(MonoTime::FromSeconds(seconds));
    clock.Advance(MonoTime::FromSeconds(seconds));
  }

  FakeTarget target_;
  ControlCommands commands_{target_, target_.Tools()};
};

std::vector<std::string> Column(const json& rows, const char* member) {
  std::vector<std::string> values;
  for (const json& row : rows) values.push_back(row[member]);
  return values;
}
using Texts = std::vector<std::string>;

TEST_F(ExplainTest, ListsTheRulesThatMatchUpToTheOneThatEndsTheChain) {
  AddPool();
  AddRule(MakeQTypeSelector(dns::Type::kAaaa), MakeDropAction());
  AddRule(MakeAllSelector(), MakeNoneAction());
  AddRule(MakeQNameSelector(NameOf("www.example.com")), MakeRCodeAction(5));
  AddRule(MakeAllSelector(), MakeDropAction());
  const json reply = Ask();
  EXPECT_EQ(Column(reply["rules"], "name"), (Texts{"rule1", "rule2"}));
  EXPECT_EQ(Column(reply["rules"], "effect"), (Texts{"goes on", "answers Query Refused"}));
  EXPECT_EQ(reply["rules"][1]["index"], 2);
  EXPECT_EQ(reply["rules"][1]["uuid"], "u2");
  EXPECT_EQ(reply["verdict"], "a rule answers it: Query Refused");
  EXPECT_EQ(reply["certain"], true);
  EXPECT_FALSE(reply.contains("backend"));
  EXPECT_EQ(Ask(R"(,"type":"AAAA")")["verdict"], "a rule drops it");
}

TEST_F(ExplainTest, DynamicBlocksAreToldAndHaveTheLastWord) {
  AddPool();
  const MonoTime now = target_.clock().Now();
  {
    const auto cause = std::make_shared<const DynBlockCause>(
        DynBlockCause{.reason = "too many", .action = DynBlockAction::kTruncate});
    DynBlockTable::Edit edit(*target_.config->dyn_blocks, now);
    edit.BlockClient(ClientRange(*Address::Parse("192.0.2.9"), 24), cause,
                     now + MonoTime::FromSeconds(9));
  }
  const json blocked = Ask(R"(,"client":"192.0.2.7")");
  EXPECT_EQ(blocked["verdict"], "a dynamic block (too many): Truncate over UDP");
  EXPECT_THAT(ExplainText(blocked), HasSubstr("blocked    too many: Truncate over UDP\n"));
  EXPECT_NE(Ask(R"(,"client":"192.0.2.7","tcp":true)")["verdict"], blocked["verdict"]);
  EXPECT_FALSE(Ask(R"(,"client":"192.0.3.7")").contains("dynamic-blocks"));
  PassSeconds(9);
  EXPECT_FALSE(Ask(R"(,"client":"192.0.2.7")").contains("dynamic-blocks"));
}

TEST_F(ExplainTest, ClientTransportAndDnssecAreThoseAskedFor) {
  AddPool();
  NetmaskGroup group;
  (void)group.Add("192.0.2.0/24");
  AddRule(MakeNetmaskSelector(group, {}), MakeNoneAction());
  AddRule(MakeTcpSelector(), MakeNoneAction());
  AddRule(MakeDnssecSelector(), MakeNoneAction());
  EXPECT_EQ(Ask()["rules"], json::array());
  EXPECT_EQ(Column(Ask(R"(,"client":"192.0.2.7","tcp":true)")["rules"], "name"),
            (Texts{"rule0", "rule1"}));
  EXPECT_EQ(Column(Ask(R"(,"dnssec":true)")["rules"], "name"), (Texts{"rule2"}));
}

TEST_F(ExplainTest, WhatCannotBeToldIsUndecided) {
  AddPool();
  AddRule(MakeProbaSelector(0.5), MakeDropAction());
  const json reply = Ask();
  EXPECT_EQ(Column(reply["rules"], "match"), (Texts{"undecided"}));
  EXPECT_EQ(reply["certain"], false);
  EXPECT_THAT(ExplainText(reply), HasSubstr("unless an undecided rule says otherwise"));
}

TEST_F(ExplainTest, RulesChooseThePoolUnlessOneIsNamed) {
  target_.AddBackend("a", "192.0.2.1");
  AddPool();
  AddPool("other");
  AddRule(MakeAllSelector(), MakePoolAction("other"));
  EXPECT_EQ(Ask()["pool"], "other");
  EXPECT_EQ(Ask(R"(,"pool":"")")["pool"], "");
  EXPECT_EQ(Ask(R"(,"pool":"none")")["verdict"], "dropped: there is no pool 'none'");
}

TEST_F(ExplainTest, TakesNoTokenCountsNothingAndLeavesTheCacheAlone) {
  target_.AddBackend("a", "192.0.2.1");
  AddPool();
  Put("www.example.com", kOneAddress);
  const auto hits = AddRule(MakeMaxQpsSelector(1, 1), MakeQpsAction(1));
  const SelectorPtr selector = target_.config->chains.query[0].selector;
  const PacketCacheStats before = cache().Stats();
  for (int i = 0; i < 5; ++i) {
    const json reply = Ask();
    EXPECT_EQ(reply["verdict"], "answered from the cache") << reply;
  }
  const PacketCacheStats after = cache().Stats();
  EXPECT_EQ(hits->matches.Get(), 0u);
  EXPECT_EQ(selector->matches().Get(), 0u);
  EXPECT_EQ(before.hits + before.misses, after.hits + after.misses);
  for (size_t i = 0; i < kMetricCount; ++i) {
    EXPECT_EQ(target_.registry.Total(static_cast<Metric>(i)), 0u)
        << InfoOf(static_cast<Metric>(i)).name;
  }
}

TEST_F(ExplainTest, TellsWhatTheCacheHolds) {
  target_.AddBackend("a", "192.0.2.1");
  settings.last_good =
      LastGoodSettings{.max_age_s = 3600, .ttl_s = 30, .recheck = 5000, .except = {}};
  AddPool();
  EXPECT_EQ(Ask()["cache"]["state"], "nothing");
  EXPECT_EQ(Ask()["verdict"], "a (192.0.2.1:53) is asked");
  Put("www.example.com +rd", kOneAddress);
  PassSeconds(100);
  json reply = Ask();
  EXPECT_EQ(reply["cache"]["state"], "fresh");
  EXPECT_EQ(reply["cache"]["ttl-left"], 200);
  EXPECT_EQ(reply["cache"]["asked-with"], "rd");
  const json flush =
      json::parse(commands_
                      .Handle(R"({"command":"flush","name":"example.com","suffix":true})",
                              {.role = Role::kAdmin, .who = "uid=1"})
                      .text);
  reply = Ask();
  EXPECT_EQ(reply["cache"]["state"], "due");
  EXPECT_EQ(reply["cache"]["flushed-by"], flush["id"]);
  EXPECT_EQ(reply["verdict"],
            "a (192.0.2.1:53) is asked; without a good answer in time, the last good one is given");
  EXPECT_THAT(ExplainText(reply), HasSubstr("due, No Error, 100 s old, a last good answer for"));
  // By a NOTIFY, a source or Lua: the number that can be taken back.
  const FlushId elsewhere = cache_->Flush({.name = NameOf("www.example.com")});
  EXPECT_EQ(Ask()["cache"]["flushed-by"], elsewhere);
}

TEST_F(ExplainTest, TellsWhichServerAndWhyNotTheOthers) {
  target_.AddBackend("a", "192.0.2.1")->AddOutstanding();
  target_.AddBackend("b", "192.0.2.2");
  target_.AddBackend("c", "192.0.2.3")->ForceDown();
  AddPool();
  json reply = Ask();
  EXPECT_EQ(reply["backend"]["asked"], "b (192.0.2.2:53)");
  EXPECT_EQ(reply["backend"]["policy"], "leastOutstanding");
  EXPECT_EQ(reply["backend"]["servers"][2]["why-not"], "it is down");
  target_.config->policy = MakePolicy("roundrobin", {});
  reply = Ask();
  EXPECT_TRUE(reply["backend"]["asked"].is_null());
  EXPECT_EQ(reply["backend"]["among"].size(), 2u);
  EXPECT_THAT(reply["backend"]["why"].get<std::string>(),
              HasSubstr("roundrobin decides only then"));
}

TEST_F(ExplainTest, LeavesOutServersThatAreBadForTheZoneAndTellsSinceWhen) {
  target_.config->settings.zone_health.failover = ZoneHealthSettings::Failover::kOn;
  const BackendPtr a = target_.AddBackend("a", "192.0.2.1");
  target_.AddBackend("b", "192.0.2.2")->AddOutstanding();
  AddPool();
  const auto name = QueryMaker::WireName("www.example.com");
  ZoneHealth::Answer answer{
      .name = name, .backend = a->number(), .apex_labels = 2, .now = target_.clock().Now()};
  target_.zones_.Note(answer);
  answer.bad = BadKind::kRefused;
  for (int i = 0; i < 3; ++i) target_.zones_.Note(answer);
  PassSeconds(12);
  for (int i = 0; i < 3; ++i) {  // it takes no trial
    const json backend = Ask()["backend"];
    EXPECT_EQ(backend["asked"], "b (192.0.2.2:53)");
    EXPECT_EQ(backend["zone"], "example.com.");
    EXPECT_EQ(backend["servers"][0]["bad-for-s"], 12);
    EXPECT_EQ(backend["servers"][0]["last-bad"], "refused");
  }
  EXPECT_FALSE(target_.zones_.Avoids(name, a->number(), target_.clock().Now()));
}

TEST_F(ExplainTest, TellsTheSerialOfAServerThatIsBehind) {
  target_.config->settings.zone_health.failover = ZoneHealthSettings::Failover::kOn;
  target_.zones_.UseSettings({.serials = {.on = true}});
  const BackendPtr a = target_.AddBackend("a", "192.0.2.1");
  target_.AddBackend("b", "192.0.2.2");
  AddPool();
  const auto name = QueryMaker::WireName("www.example.com");
  const ZoneHealth::Asked asked{.name = name, .backend = a->number(), .now = target_.clock().Now()};
  target_.zones_.TellSerial(asked, 2, 8);
  EXPECT_EQ(Ask()["backend"]["servers"][0]["serial"], "serial 8");
  target_.zones_.TellSerial(asked, 2, 5);
  const json server = Ask()["backend"]["servers"][0];
  EXPECT_EQ(server["last-bad"], "older");
  EXPECT_EQ(server["why-not"], "it is older for the zone: serial 5, behind 8");
}

TEST_F(ExplainTest, WhomTheAccessListKeepsOutIsTold) {
  AddPool();
  const json reply = Ask(R"(,"client":"2001:db8::1")");
  EXPECT_EQ(reply["allowed"], false);
  EXPECT_EQ(reply["verdict"], "the access list drops it");
  // No rule is asked before it, not even one that cannot be foretold.
  AddRule(MakeProbaSelector(0.5), MakeDropAction());
  EXPECT_EQ(Ask()["certain"], false);
  EXPECT_EQ(Ask(R"(,"client":"2001:db8::1")")["certain"], true);
  EXPECT_EQ(reply["cache"]["state"], "nothing");
}

TEST_F(ExplainTest, BadQuestionsAreNamed) {
  AddPool();
  EXPECT_THAT(Ask(R"(,"client":"nobody")")["error"].get<std::string>(), HasSubstr("'client'"));
  EXPECT_THAT(Ask(R"(,"type":"NOSUCH")")["error"].get<std::string>(), HasSubstr("record type"));
  EXPECT_THAT(Ask(R"(,"tcp":1)")["error"].get<std::string>(), HasSubstr("'tcp'"));
}

TEST(ExplainText, KeepsControlCharactersFromTheTerminal) {
  const std::string text = ExplainText({{"name", "a\x1b[2J\n"}, {"verdict", "x\r"}});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
