#include <atomic>
#include <string>
#include <thread>

#include "proxy/rules/selectors/pool_selectors.h"
#include "proxy/rules/selectors/rate_selectors.h"
#include "proxy/rules/selectors/regex_selectors.h"
#include "proxy/rules/selectors/timed_ip_set.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

using StatefulSelectorTest = RuleHarness;
using Descriptions = std::vector<std::string>;

TEST_F(StatefulSelectorTest, MaxQpsMatchesBelowTheRate) {
  const auto limit = MakeMaxQpsSelector(2, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Matches(limit, "a"));
  EXPECT_FALSE(Matches(limit, "a"));
  Advance(0.5);
  EXPECT_TRUE(Matches(limit, "a"));
  EXPECT_FALSE(Matches(limit, "a"));
  EXPECT_EQ(limit->ToString(), "Max 2 qps");
}

TEST_F(StatefulSelectorTest, TimedClientsMatchUntilTheirTimeIsOver) {
  const auto set = std::make_shared<TimedIpSet>();
  const Address client = *Address::Parse("192.0.2.1:53");
  EXPECT_TRUE(set->Add(client, 10, context_.now));
  EXPECT_TRUE(set->Add(*Address::Parse("2001:db8::1"), 5, context_.now));
  EXPECT_TRUE(set->Add(client, 2, context_.now));  // does not shorten
  EXPECT_EQ(set->ToString(), "Src: 2 ips");
  EXPECT_TRUE(Matches(set, "a from=192.0.2.1:4000"));
  EXPECT_TRUE(Matches(set, "a from=[2001:db8::1]:53"));
  EXPECT_FALSE(Matches(set, "a from=192.0.2.2:53"));
  Advance(5);
  EXPECT_FALSE(Matches(set, "a from=[2001:db8::1]:53"));
  EXPECT_TRUE(Matches(set, "a from=192.0.2.1:53"));
  set->Cleanup(context_.now);
  EXPECT_EQ(set->size(), 1u);
  set->Clear();
  EXPECT_FALSE(Matches(set, "a from=192.0.2.1:53"));
}

TEST_F(StatefulSelectorTest, PeekTakesNoTokens) {
  const auto limit = MakeMaxQpsSelector(1, 1);
  const auto per_ip = MakeMaxQpsIpSelector({.qps = 1, .burst = 1});
  const QueryPtr query = maker_.Make("a");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limit->Peek(*query, context_), true);
    EXPECT_EQ(per_ip->Peek(*query, context_), false);
  }
  EXPECT_TRUE(limit->Matches(*query, context_));
  EXPECT_EQ(limit->Peek(*query, context_), false);
  EXPECT_FALSE(per_ip->Matches(*query, context_));
  EXPECT_EQ(per_ip->Peek(*query, context_), true);
}

TEST_F(StatefulSelectorTest, MaxQpsOfZeroNeverMatches) {
  EXPECT_FALSE(Matches(MakeMaxQpsSelector(0, 0), "a"));
}

TEST_F(StatefulSelectorTest, MaxQpsIpMatchesTheClientAboveTheRate) {
  const auto limit = MakeMaxQpsIpSelector({.qps = 1, .mask_v4 = 28, .mask_v6 = 60, .burst = 2});
  const std::string one = "a from=192.0.2.1:5", same_network = "a from=192.0.2.2:9";
  EXPECT_FALSE(Matches(limit, one));
  EXPECT_FALSE(Matches(limit, same_network));
  EXPECT_TRUE(Matches(limit, one));
  EXPECT_FALSE(Matches(limit, "a from=192.0.2.99:5"));
  EXPECT_EQ(limit->ToString(), "IP (/28, /60) match for QPS over 1 burst 2");
}

TEST_F(StatefulSelectorTest, ProbaMatchesItsShare) {
  const auto third = MakeProbaSelector(0.333);
  int matched = 0;
  const QueryPtr query = maker_.Make("a");
  for (int i = 0; i < 10000; ++i) matched += third->Matches(*query, context_) ? 1 : 0;
  EXPECT_NEAR(matched, 3330, 400);
  EXPECT_EQ(third->Peek(*query, context_), std::nullopt);
  EXPECT_EQ(third->ToString(), "match with prob. 0.33");
  EXPECT_TRUE(Matches(MakeProbaSelector(1), "a"));
  EXPECT_EQ(MakeProbaSelector(1)->Peek(*query, context_), true);
  EXPECT_FALSE(Matches(MakeProbaSelector(0), "a"));
  EXPECT_EQ(MakeProbaSelector(0)->Peek(*query, context_), false);
}

TEST_F(StatefulSelectorTest, RegexFindsInTheNameWithoutCaseAndLastDot) {
  EXPECT_EQ(Matching(MakeRegexSelector("^rx\\.y$").value(), {"RX.Y", "rx.y.z", "a.rx.y", "rxzy"}),
            Descriptions{"RX.Y"});
  EXPECT_EQ(Matching(MakeRegexSelector("b.d").value(), {"abcde", "a.B.D", "bd"}),
            (Descriptions{"abcde", "a.B.D"}));
  EXPECT_EQ(Matching(MakeRegexSelector("^$").value(), {".", "a"}), Descriptions{"."});
  EXPECT_EQ(MakeRegexSelector("^a.*b").value()->ToString(), "Regex: ^a.*b");
}

TEST_F(StatefulSelectorTest, RegexIsUsedByMoreThreadsThanItHasCopies) {
  const SelectorPtr rule = MakeRegexSelector("^rx[0-9]*\\.y$").value();
  std::atomic<int> matches{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 70; ++t) {
    threads.emplace_back([&, t] {
      QueryMaker maker;
      RuleContext context = context_;
      const QueryPtr yes = maker.Make("rx" + std::to_string(t) + ".y");
      const QueryPtr no = maker.Make("rx.y.z");
      for (int i = 0; i < 50; ++i) {
        matches +=
            (rule->Matches(*yes, context) ? 1 : 0) + (rule->Matches(*no, context) ? 1000000 : 0);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(matches, 70 * 50);
}

TEST_F(StatefulSelectorTest, RegexSeesOctetsEscaped) {
  const auto escapes = MakeRegexSelector(R"(a\\.b|\\000|\\032)").value();
  EXPECT_EQ(Matching(escapes, {R"(a\.b.y)", R"(a\000b)", R"(a\032b)", "a.b"}),
            (Descriptions{R"(a\.b.y)", R"(a\000b)", R"(a\032b)"}));
}

TEST_F(StatefulSelectorTest, TheLongestNameOfUnprintableOctetsFits) {
  std::string name;
  for (int label = 0; label < 4; ++label) {
    for (int i = 0; i < (label == 3 ? 61 : 63); ++i) name += "\\001";
    name += ".";
  }
  EXPECT_TRUE(
      Matches(MakeRegexSelector(R"((\\001)+\.(\\001)+\.(\\001)+\.(\\001)+$)").value(), name));
}

TEST_F(StatefulSelectorTest, Re2MatchesTheWholeNameAndCaseCounts) {
  EXPECT_EQ(Matching(MakeRe2Selector("x.*y").value(), {"x.y", "xa.by", "Xa.by", "x.y.z"}),
            (Descriptions{"x.y", "xa.by"}));
  EXPECT_EQ(MakeRe2Selector("^a.*b").value()->ToString(), "RE2 match: ^a.*b");
}

TEST_F(StatefulSelectorTest, ABadPatternIsAnErrorThatNamesIt) {
  const auto regex = MakeRegexSelector("a(b");
  ASSERT_FALSE(regex.has_value());
  EXPECT_NE(regex.error().find("a(b"), std::string::npos);
  EXPECT_FALSE(MakeRe2Selector("a(b").has_value());
}

TEST_F(StatefulSelectorTest, PoolSelectorsLookAtItsServers) {
  BackendSettings settings;
  settings.address = Address::Parse("192.0.2.1:53").value();
  const auto backend = std::make_shared<Backend>(settings);
  Pool pool;
  pool.servers.push_back(backend);
  find_pool_ = [&](std::string_view name) { return name == "x" ? &pool : nullptr; };
  const auto available = MakePoolAvailableSelector("x");
  backend->health().ForceUp();
  EXPECT_TRUE(Matches(available, "a"));
  backend->health().ForceDown();
  EXPECT_FALSE(Matches(available, "a"));
  EXPECT_FALSE(Matches(MakePoolAvailableSelector("y"), "a"));
  EXPECT_EQ(available->ToString(), "pool 'x' is available");

  const auto busy = MakePoolOutstandingSelector("x", 1);
  backend->AddOutstanding();
  EXPECT_FALSE(Matches(busy, "a"));
  backend->AddOutstanding();
  EXPECT_TRUE(Matches(busy, "a"));
  EXPECT_FALSE(Matches(MakePoolOutstandingSelector("y", 0), "a"));
  EXPECT_EQ(MakePoolOutstandingSelector("x", 5)->ToString(), "pool 'x' outstanding > 5");
}

}  // namespace
}  // namespace breakwater::test
