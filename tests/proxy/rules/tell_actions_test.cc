#include "proxy/rules/actions/tell_actions.h"

#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

// Nobody is connected to and the queue takes nothing: what was told is what was dropped.
class TellActionsTest : public RuleHarness {
 protected:
  TellActionsTest() {
    CollectorSettings settings;
    settings.server = Address::Parse("192.0.2.9:4242").value();
    settings.queue_entries = 0;
    collector_ = std::make_shared<Collector>(settings);
  }
  uint64_t Told() const { return collector_->counts().dropped; }

  // Keeps the message that an action makes.
  ProtobufTelling Telling() {
    ProtobufTelling telling;
    telling.collector = collector_;
    telling.alter = [this](Query&, RuleContext&, ProtobufMessage& message) {
      last_ = message;
      return true;
    };
    return telling;
  }

  CollectorPtr collector_;
  ProtobufMessage last_;
};

TEST_F(TellActionsTest, AQueryAndItsAnswerHaveOneNumber) {
  const QueryPtr query = maker_.Make("a.b");
  EXPECT_EQ(MakeRemoteLogAction(Telling())->Apply(*query, context_), Flow::kContinue);
  ASSERT_TRUE(last_.id);
  const MessageId first = *last_.id;
  EXPECT_EQ(MakeRemoteLogResponseAction(Telling())->Apply(*query, context_), Flow::kContinue);
  EXPECT_EQ(*last_.id, first);
  const QueryPtr other = maker_.Make("a.b");
  MakeRemoteLogAction(Telling())->Apply(*other, context_);
  EXPECT_NE(*last_.id, first);
  EXPECT_EQ(Told(), 3u);
}

TEST_F(TellActionsTest, WhatTheAlterFunctionRefusesIsNotTold) {
  ProtobufTelling telling = Telling();
  telling.alter = [](Query&, RuleContext&, ProtobufMessage&) { return false; };
  const QueryPtr query = maker_.Make("a.b");
  MakeRemoteLogAction(telling)->Apply(*query, context_);
  MakeRemoteLogResponseAction(telling)->Apply(*query, context_);
  EXPECT_EQ(Told(), 0u);
  DnstapTelling tap{collector_, "me", [](Query&, RuleContext&, DnstapMessage&) { return false; }};
  MakeDnstapLogAction(tap)->Apply(*query, context_);
  MakeDnstapLogResponseAction(tap)->Apply(*query, context_);
  EXPECT_EQ(Told(), 0u);
  tap.alter = {};
  MakeDnstapLogAction(tap)->Apply(*query, context_);
  MakeDnstapLogResponseAction(tap)->Apply(*query, context_);
  EXPECT_EQ(Told(), 2u);
}

TEST_F(TellActionsTest, TheClientIsHiddenBeforeAnybodySeesTheMessage) {
  ProtobufTelling telling = Telling();
  telling.client_cipher = IpCipherKeyFrom("some 16-byte key").value();
  const QueryPtr query = maker_.Make("a.b from=127.0.0.1:4711");
  MakeRemoteLogAction(telling)->Apply(*query, context_);
  EXPECT_EQ(last_.requestor.ToStringWithPort(), "114.62.227.59:4711");
  EXPECT_EQ(query->client.ToStringWithPort(), "127.0.0.1:4711");
}

TEST_F(TellActionsTest, TagsMetasAndIdentityAreAdded) {
  ProtobufTelling telling = Telling();
  telling.server_identity = "me";
  telling.tags = TagExport("*");
  telling.metas = {ProtobufMeta::Parse("p", "pool").value()};
  const QueryPtr query = maker_.Make("a.b");
  query->SetTag("t", "v");
  query->pool_name = "far";
  MakeRemoteLogAction(telling)->Apply(*query, context_);
  EXPECT_EQ(last_.server_identity, "me");
  EXPECT_EQ(last_.tags, std::vector<std::string>{"t:v"});
  EXPECT_EQ(last_.metas.at(0).texts, std::vector<std::string>{"far"});
}

TEST_F(TellActionsTest, ADelayedMessageIsToldWhenTheQueryEnds) {
  ProtobufTelling telling = Telling();
  telling.when = TellWhen::kAtQueryEnd;
  QueryPtr query = maker_.Make("a.b +qr");
  MakeRemoteLogResponseAction(telling)->Apply(*query, context_);
  EXPECT_EQ(Told(), 0u);
  query.reset();
  EXPECT_EQ(Told(), 1u);
}

TEST_F(TellActionsTest, ACopyOfAQueryTellsNothingOnceMore) {
  ProtobufTelling telling = Telling();
  telling.when = TellWhen::kAtQueryEnd;
  QueryPtr query = maker_.Make("a.b +qr");
  MakeRemoteLogResponseAction(telling)->Apply(*query, context_);
  QueryPtr copy = CopyWithoutClient(*query, maker_.pool());
  copy.reset();
  EXPECT_EQ(Told(), 0u);
  query.reset();
  EXPECT_EQ(Told(), 1u);
}

TEST_F(TellActionsTest, ShowWhereTheyTellAndCount) {
  const auto action = MakeRemoteLogAction(Telling());
  const QueryPtr query = maker_.Make("a.b");
  action->Apply(*query, context_);
  EXPECT_EQ(action->ToString(), "remote log to 192.0.2.9:4242 (0 sent, 1 dropped)");
  EXPECT_EQ(action->Stats().at("dropped"), 1);
  EXPECT_EQ(action->Stats().at("sent"), 0);
}

}  // namespace
}  // namespace breakwater::test
