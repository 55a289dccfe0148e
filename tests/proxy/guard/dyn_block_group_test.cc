#include "proxy/guard/dyn_block_group.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/guard/dyn_block_names.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using M = DynBlockMeasure;

struct Said {
  double at = 100;
  std::string client = "192.0.2.1:4242";
  uint32_t latency_us = 10;
  bool from_cache = false;
};

class DynBlockGroupTest : public testing::Test {
 protected:
  static constexpr MonoTime At(double s) { return MonoTime::FromSeconds(s); }

  void Query(const std::string& text, const Said& said = {}) {
    Record(text, said, [&](const RingRecord& record) { rings_->AddQuery(cursor_, record); });
  }
  void Answer(const std::string& text, const Said& said = {}) {
    Record(text + " +qr", said, [&](const RingRecord& record) {
      rings_->AddResponse(cursor_, record, said.latency_us,
                          said.from_cache ? Address() : *Address::Parse("192.0.2.53:53"));
    });
  }
  template <typename Add>
  void Record(const std::string& text, const Said& said, Add&& add) {
    const auto message = QueryMaker::Message(text);
    const auto question = dns::ParseQuestion(message);
    const Address client = *Address::Parse(said.client);
    add(RingRecord{.now = At(said.at),
                   .client = client,
                   .protocol = Protocol::kDoUdp,
                   .message = message,
                   .name = std::span(message).subspan(12, question->name_length),
                   .type = question->type});
  }
  static DynBlockRule Rule(M measure, double limit, uint32_t seconds, double warning = 0) {
    DynBlockRule rule;
    rule.measure = measure;
    rule.limit = limit;
    rule.warning_limit = warning;
    rule.seconds = seconds;
    rule.block_s = 60;
    rule.reason = "why";
    return rule;
  }
  // "192.0.2.1/32" for a block, "192.0.2.1/32 warning".
  std::vector<std::string> Found(double now, const CacheTotals& totals = {}) {
    std::vector<std::string> texts;
    for (const DynBlockFinding& finding : group_.Evaluate(*rings_, totals, At(now))) {
      texts.push_back(finding.clients.ToString() + (finding.cause->warning ? " warning" : ""));
    }
    return texts;
  }

  std::unique_ptr<Rings> rings_ =
      std::make_unique<Rings>(RingSettings{.entries = 1000, .shards = 4});
  RingCursor cursor_;
  DynBlockGroup group_;
};

TEST_F(DynBlockGroupTest, MoreThanTheRateIsTooMuchAndNoLess) {
  group_.Set(Rule(M::kQueryRate, 1, 10));
  for (int i = 0; i < 10; ++i) Query("a.example", {.at = 91.0 + i});
  EXPECT_THAT(Found(100), IsEmpty());
  Query("a.example", {.at = 99});
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32"));
  EXPECT_THAT(Found(106), IsEmpty());  // some are too old by now
  EXPECT_THAT(Found(95), IsEmpty());   // some are not there yet
}

TEST_F(DynBlockGroupTest, AllOfTheRingIsMeasuredFromItsOldestEntry) {
  group_.Set(Rule(M::kQueryRate, 2, 0));
  for (int i = 0; i < 10; ++i) Query("a.example", {.at = 95});
  EXPECT_THAT(Found(100), IsEmpty());  // ten in five seconds
  EXPECT_THAT(Found(99.9), ElementsAre("192.0.2.1/32"));
}

TEST_F(DynBlockGroupTest, WarningFirstThenTheBlock) {
  group_.Set(Rule(M::kQueryRate, 4, 1, 2));
  for (int i = 0; i < 3; ++i) Query("a.example", {.at = 100});
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32 warning"));
  for (int i = 0; i < 3; ++i) Query("a.example", {.at = 100});
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32 warning", "192.0.2.1/32"));
}

TEST_F(DynBlockGroupTest, TypesAndRcodesAreCountedApart) {
  DynBlockRule any = Rule(M::kTypeRate, 2, 1);
  any.code = 255;
  group_.Set(any);
  DynBlockRule nx = Rule(M::kRCodeRate, 2, 1);
  nx.code = 3;
  group_.Set(nx);
  for (int i = 0; i < 5; ++i) Query("a.example A");
  for (int i = 0; i < 2; ++i) Query("a.example ANY");
  for (int i = 0; i < 5; ++i) Answer("a.example A +rcode=2", {.client = "192.0.2.2"});
  for (int i = 0; i < 2; ++i) Answer("a.example A +rcode=3", {.client = "192.0.2.2"});
  EXPECT_THAT(Found(100), IsEmpty());
  Query("a.example ANY");
  Answer("a.example A +rcode=3", {.client = "192.0.2.2"});
  EXPECT_THAT(Found(100), UnorderedElementsAre("192.0.2.1/32", "192.0.2.2/32"));
}

TEST_F(DynBlockGroupTest, OctetsOfAnswers) {
  group_.Set(Rule(M::kResponseByteRate, 66, 1));
  Answer("a.example A");
  Answer("a.example A");  // 27 octets each
  EXPECT_THAT(Found(100), IsEmpty());
  Answer("a.example A");
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32"));
}

TEST_F(DynBlockGroupTest, ARatioNeedsItsMinimumOfAnswers) {
  DynBlockRule rule = Rule(M::kRCodeRatio, 0.5, 10, 0.4);
  rule.code = 2;
  rule.minimum = 10;
  group_.Set(rule);
  for (int i = 0; i < 5; ++i) Answer("a.example A +rcode=2");
  EXPECT_THAT(Found(100), IsEmpty());
  for (int i = 0; i < 5; ++i) Answer("a.example A", {.from_cache = true});
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32 warning"));  // half is not more than half
  Answer("a.example A +rcode=2");
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32 warning", "192.0.2.1/32"));
}

TEST_F(DynBlockGroupTest, CacheMissesCountWhereTheCacheIsOfUse) {
  DynBlockRule rule = Rule(M::kCacheMissRatio, 0.5, 10);
  rule.minimum = 4;
  rule.minimum_hit_ratio = 0.7;
  group_.Set(rule);
  Answer("a.example A", {.from_cache = true});
  for (int i = 0; i < 3; ++i) Answer("a.example A");
  EXPECT_THAT(Found(100, {.hits = 7, .misses = 3}), ElementsAre("192.0.2.1/32"));
  EXPECT_THAT(Found(100, {.hits = 6, .misses = 4}), IsEmpty());
  EXPECT_THAT(Found(100, {.hits = 7, .misses = 0}), IsEmpty());
}

TEST_F(DynBlockGroupTest, RcodesThatAreNotAllowed) {
  DynBlockRule rule = Rule(M::kAllowedRCodes, 0.5, 10);
  rule.allowed_rcodes = {0, 3};
  rule.minimum = 2;
  group_.Set(rule);
  Answer("a.example A +rcode=3");
  Answer("a.example A +rcode=5");
  EXPECT_THAT(Found(100), IsEmpty());
  Answer("a.example A +rcode=2");
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32"));
}

TEST_F(DynBlockGroupTest, MasksJoinClientsAndExclusionsLeaveThemOut) {
  group_.Set(Rule(M::kQueryRate, 2, 1));
  group_.SetMasks({.v4 = 24, .v6 = 48, .port = 0});
  group_.Exclude(*Netmask::Parse("192.0.2.128/25"));
  group_.Include(*Netmask::Parse("192.0.2.200"));
  Query("a.example", {.client = "192.0.2.1"});
  Query("a.example", {.client = "192.0.2.129"});
  Query("a.example", {.client = "192.0.2.130"});
  Query("a.example", {.client = "192.0.2.2"});
  EXPECT_THAT(Found(100), IsEmpty());
  Query("a.example", {.client = "192.0.2.200"});
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.0/24"));
  group_.Remove(*Netmask::Parse("192.0.2.200"));
  EXPECT_THAT(Found(100), IsEmpty());
}

TEST_F(DynBlockGroupTest, RatesAreMultipliedWhereTheRingsSample) {
  rings_ = std::make_unique<Rings>(RingSettings{.entries = 100, .shards = 1, .sampling_rate = 10});
  group_.Set(Rule(M::kQueryRate, 25, 1));
  for (int i = 0; i < 20; ++i) Query("a.example");
  EXPECT_THAT(Found(100), IsEmpty());  // two were kept
  for (int i = 0; i < 10; ++i) Query("a.example");
  EXPECT_THAT(Found(100), ElementsAre("192.0.2.1/32"));
}

TEST_F(DynBlockGroupTest, AFloodFromManyAddressesIsBoundedByTheRings) {
  rings_ = std::make_unique<Rings>(RingSettings{.entries = 1000, .shards = 2});
  group_.Set(Rule(M::kQueryRate, 0, 10));
  for (uint32_t i = 0; i < 100'000; ++i) {
    Query("a.example", {.client = fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255)});
  }
  EXPECT_EQ(group_.Evaluate(*rings_, {}, At(100)).size(), 1000u);
}

TEST_F(DynBlockGroupTest, TheTextIsDnsdists) {
  DynBlockRule rate = Rule(M::kQueryRate, 30, 10);
  group_.Set(rate);
  DynBlockRule ratio = Rule(M::kRCodeRatio, 0.2, 0);
  ratio.code = 2;
  ratio.action = DynBlockAction::kRefused;
  group_.Set(ratio);
  DynBlockRule any = Rule(M::kTypeRate, 5, 10);
  any.code = 255;
  any.action = DynBlockAction::kTruncate;
  group_.Set(any);
  any.limit = 7;  // takes the place of the one before
  group_.Set(any);
  EXPECT_EQ(group_.ToString("", "x.net."),
            "Query rate rule: Apply the global DynBlock action for 60 seconds when over 30 during "
            "the last 10 seconds, reason: 'why'\n"
            "Response rate rule: \nSuffixMatch rule: \nRCode rules: \n"
            "- Server Failure: Send Refused for 60 seconds when over 0.200000 ratio during the "
            "last 0 seconds, reason: 'why'\n"
            "QType rules: \n- ANY: Truncate over UDP for 60 seconds when over 7 during the last 10 "
            "seconds, reason: 'why'\n"
            "Excluded Subnets: \nExcluded Domains: x.net.\n");
}

TEST_F(DynBlockGroupTest, TheTreeOfNamesSumsWhatIsBelow) {
  Answer("www.Example.org +rcode=3", {.from_cache = true});
  Answer("WWW.example.org");
  Answer("example.org +rcode=2");
  Answer("mail.example.org", {.latency_us = kRingTimeout});
  Answer(". NS");
  Answer("old.example", {.at = 50});
  const NameStatTree tree(*rings_, At(90));
  std::vector<std::string> seen;
  tree.Visit([&](NameStatTree::Node node, const NameStats& sum) {
    const NameStats& own = tree.StatsOf(node);
    seen.push_back(fmt::format("{} {} {}: {} {} {} {} {} of {} {}", tree.NameOf(node).ToString(),
                               tree.LabelsOf(node), tree.ChildrenOf(node), own.queries,
                               own.noerrors, own.nxdomains, own.servfails, own.drops, sum.queries,
                               sum.hits));
    return true;
  });
  EXPECT_THAT(seen, UnorderedElementsAre("www.Example.org. 3 0: 2 1 1 0 0 of 2 1",
                                         "mail.Example.org. 3 0: 1 0 0 0 1 of 1 0",
                                         "Example.org. 2 2: 1 0 0 1 0 of 4 1",
                                         "org. 1 1: 0 0 0 0 0 of 4 1", ". 0 1: 0 0 0 0 0 of 4 1"));
  EXPECT_EQ(seen.back().substr(0, 2), ". ");
}

TEST_F(DynBlockGroupTest, TheTreeOfNamesIsBounded) {
  for (int i = 0; i < 50; ++i) Answer(fmt::format("n{}.example", i));
  const NameStatTree tree(*rings_, At(0), 11);
  EXPECT_EQ(tree.size(), 11u);
  EXPECT_EQ(tree.left_out(), 41u);
  size_t visits = 0;
  tree.Visit([&](NameStatTree::Node, const NameStats&) { return ++visits < 3; });
  EXPECT_EQ(visits, 3u);
}

}  // namespace
}  // namespace breakwater::test
