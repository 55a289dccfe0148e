#include "proxy/pool/policy.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

class PolicyTest : public testing::Test {
 protected:
  struct Server {
    std::string name;
    int order = 1;
    int weight = 1;
    uint32_t qps = 0;
    bool tcp_only = false;
  };

  Backend& Add(const Server& server) {
    BackendSettings settings;
    settings.name = server.name;
    settings.id = server.name;
    settings.address = *Address::Parse("192.0.2.1:53");
    settings.order = server.order;
    settings.weight = server.weight;
    settings.qps_limit = server.qps;
    settings.tcp_only = server.tcp_only;
    settings.health.mode = HealthCheckMode::kUp;
    servers_.push_back(std::make_shared<Backend>(settings));
    return *servers_.back();
  }

  std::string Choose(std::string_view query = "www.example.com") {
    const QueryPtr asked = maker_.Make(query);
    return Choose(*asked);
  }
  std::string Choose(const Query& query) {
    PolicyContext context{query, now_, random_};
    const BackendPtr chosen = policy_->Choose(servers_, context);
    return chosen ? chosen->name() : "nobody";
  }
  std::map<std::string, int> Count(int queries) {
    std::map<std::string, int> count;
    for (int i = 0; i < queries; ++i) ++count["n" + Choose("q" + std::to_string(i) + ".test")];
    return count;
  }
  static void SetOutstanding(Backend& server, int queries) {
    for (int i = 0; i < queries; ++i) server.AddOutstanding();
  }

  test::QueryMaker maker_;
  std::vector<BackendPtr> servers_;
  PolicySettings settings_{.whashed_perturbation = 42};
  PolicyPtr policy_;
  Random random_;
  MonoTime now_ = MonoTime::FromSeconds(100);
};

TEST_F(PolicyTest, KnowsEveryNameAndNoOther) {
  for (const char* name : {"leastOutstanding", "firstAvailable", "wrandom", "whashed", "chashed",
                           "roundrobin", "orderedWrandUntag"}) {
    const PolicyPtr policy = MakePolicy(name, settings_);
    ASSERT_NE(policy, nullptr) << name;
    EXPECT_EQ(policy->Name(), name);
  }
  EXPECT_EQ(MakePolicy("leastoutstanding", settings_), nullptr);
  EXPECT_EQ(MakePolicy("", settings_), nullptr);
}

TEST_F(PolicyTest, NobodyWhereThereAreNoServersOrAllAreDown) {
  for (const char* name : {"leastOutstanding", "firstAvailable", "wrandom", "whashed", "chashed",
                           "orderedWrandUntag"}) {
    policy_ = MakePolicy(name, settings_);
    servers_.clear();
    EXPECT_EQ(Choose(), "nobody") << name;
    Add({.name = "a"}).ForceDown();
    EXPECT_EQ(Choose(), "nobody") << name;
  }
}

TEST_F(PolicyTest, NoPolicyButRoundRobinChoosesAServerThatIsDown) {
  Add({.name = "down"}).ForceDown();
  Add({.name = "up", .order = 2});
  for (const char* name : {"leastOutstanding", "firstAvailable", "wrandom", "whashed", "chashed",
                           "roundrobin", "orderedWrandUntag"}) {
    policy_ = MakePolicy(name, settings_);
    EXPECT_EQ(Count(50), (std::map<std::string, int>{{"nup", 50}})) << name;
  }
}

TEST_F(PolicyTest, LeastOutstandingComparesOutstandingThenOrderThenLatency) {
  policy_ = MakePolicy("leastOutstanding", settings_);
  Backend& a = Add({.name = "a", .order = 1});
  Backend& b = Add({.name = "b", .order = 1});
  Backend& c = Add({.name = "c", .order = 2});
  a.AddUdpLatency(300);
  b.AddUdpLatency(200);
  c.AddUdpLatency(100);
  EXPECT_EQ(Choose(), "b");
  SetOutstanding(b, 1);
  EXPECT_EQ(Choose(), "a");
  SetOutstanding(a, 1);
  EXPECT_EQ(Choose(), "c");
  SetOutstanding(c, 2);
  EXPECT_EQ(Choose(), "b");
}

TEST_F(PolicyTest, LeastOutstandingTakesTheTcpLatencyOfTcpOnlyServers) {
  policy_ = MakePolicy("leastOutstanding", settings_);
  Backend& a = Add({.name = "a", .tcp_only = true});
  Backend& b = Add({.name = "b", .tcp_only = true});
  a.AddTcpLatency(200);
  b.AddUdpLatency(300);
  b.AddTcpLatency(100);
  EXPECT_EQ(Choose(), "b");
}

TEST_F(PolicyTest, FirstAvailableKeepsToTheLimitOfEach) {
  policy_ = MakePolicy("firstAvailable", settings_);
  Add({.name = "a", .qps = 2});
  Add({.name = "b", .qps = 1});
  std::string order;
  for (int i = 0; i < 3; ++i) order += Choose();
  EXPECT_EQ(order, "aab");
  // All are over their limits: the least busy one.
  SetOutstanding(*servers_[0], 1);
  EXPECT_EQ(Choose(), "b");
  now_ = now_ + MonoTime::FromMs(600);
  EXPECT_EQ(Choose(), "a");
}

TEST_F(PolicyTest, WeightedRandomFollowsTheWeights) {
  policy_ = MakePolicy("wrandom", settings_);
  Add({.name = "a", .weight = 1});
  Add({.name = "b", .weight = 9});
  auto count = Count(2000);
  EXPECT_NEAR(count["nb"], 1800, 100);
  servers_[0]->set_weight(9);
  count = Count(2000);
  EXPECT_NEAR(count["nb"], 1000, 150);
}

TEST_F(PolicyTest, WeightsBeyond32BitsInAllAreAdded) {
  policy_ = MakePolicy("wrandom", settings_);
  for (const char* name : {"a", "b", "c", "d"}) Add({.name = name, .weight = 2147483647});
  EXPECT_EQ(Count(200).size(), 4U);
}

TEST_F(PolicyTest, WeightedHashedSendsANameToOneServerWhateverItsSpelling) {
  policy_ = MakePolicy("whashed", settings_);
  for (const char* name : {"a", "b", "c", "d"}) Add({.name = name, .weight = 10});
  for (int i = 0; i < 20; ++i) {
    const std::string name = "q" + std::to_string(i) + ".example";
    EXPECT_EQ(Choose(name), Choose("Q" + std::to_string(i) + ".eXAMPLE"));
  }
  EXPECT_EQ(Count(400).size(), 4U);
}

TEST_F(PolicyTest, ThePerturbationMovesNames) {
  for (const char* name : {"a", "b", "c", "d"}) Add({.name = name, .weight = 100});
  for (const char* name : {"whashed", "chashed"}) {
    int moved = 0;
    for (int i = 0; i < 100; ++i) {
      const std::string query = "q" + std::to_string(i) + ".example";
      policy_ = MakePolicy(name, {.whashed_perturbation = 1});
      const std::string first = Choose(query);
      EXPECT_EQ(Choose(query), first);
      policy_ = MakePolicy(name, {.whashed_perturbation = 2});
      if (Choose(query) != first) ++moved;
    }
    EXPECT_GT(moved, 40) << name;
  }
}

TEST_F(PolicyTest, ConsistentHashedMovesOnlyTheNamesOfTheServerThatWent) {
  policy_ = MakePolicy("chashed", settings_);
  for (const char* name : {"a", "b", "c", "d"}) Add({.name = name, .weight = 100});
  std::map<std::string, std::string> before;
  for (int i = 0; i < 500; ++i) {
    const std::string query = "q" + std::to_string(i) + ".example";
    before[query] = Choose(query);
  }
  servers_[1]->ForceDown();
  int moved = 0;
  for (const auto& [query, server] : before) {
    if (server == "b") {
      ++moved;
      EXPECT_NE(Choose(query), "b");
    } else {
      EXPECT_EQ(Choose(query), server);
    }
  }
  EXPECT_NEAR(moved, 125, 75);
  servers_[1]->health().ForceUp();
  for (const auto& [query, server] : before) EXPECT_EQ(Choose(query), server);
}

TEST_F(PolicyTest, ConsistentHashedFollowsAWeightThatChanges) {
  policy_ = MakePolicy("chashed", settings_);
  for (const char* name : {"a", "b"}) Add({.name = name, .weight = 100});
  EXPECT_NEAR(Count(1000)["na"], 500, 150);
  servers_[0]->set_weight(900);
  EXPECT_NEAR(Count(1000)["na"], 900, 60);
  servers_[0]->set_weight(10);
  EXPECT_NEAR(Count(1000)["na"], 90, 70);
}

TEST_F(PolicyTest, BoundedLoadTurnsToOthersOnceAServerHasMoreThanItsShare) {
  settings_.weighted_balancing_factor = 1.5;
  settings_.consistent_hashing_balancing_factor = 1.5;
  for (const char* name : {"wrandom", "whashed", "chashed"}) {
    servers_.clear();
    policy_ = MakePolicy(name, settings_);
    Backend& a = Add({.name = "a", .weight = 10});
    Add({.name = "b", .weight = 10});
    // Share of each: (20 + 1) / 2 * 1.5 = 15.75.
    SetOutstanding(a, 20);
    EXPECT_EQ(Count(100)["nb"], 100) << name;
    for (int i = 0; i < 10; ++i) a.SubOutstanding();
    // Now (10 + 1) / 2 * 1.5 = 8.25 against 10.
    EXPECT_EQ(Count(100)["nb"], 100) << name;
    SetOutstanding(*servers_[1], 10);
    EXPECT_GT(Count(100)["na"], 10) << name;
  }
}

TEST_F(PolicyTest, RoundRobinTakesTurns) {
  policy_ = MakePolicy("roundrobin", settings_);
  for (const char* name : {"a", "b", "c"}) Add({.name = name});
  servers_[1]->ForceDown();
  std::string order;
  for (int i = 0; i < 6; ++i) order += Choose();
  EXPECT_TRUE(order == "acacac" || order == "cacaca") << order;
}

TEST_F(PolicyTest, RoundRobinFallsBackOnServersThatAreDownUnlessToldNot) {
  for (const char* name : {"a", "b"}) Add({.name = name}).ForceDown();
  policy_ = MakePolicy("roundrobin", settings_);
  EXPECT_EQ(Count(10), (std::map<std::string, int>{{"na", 5}, {"nb", 5}}));
  settings_.round_robin_fail_on_no_server = true;
  policy_ = MakePolicy("roundrobin", settings_);
  EXPECT_EQ(Choose(), "nobody");
}

TEST_F(PolicyTest, OrderedWrandUntagLeavesOutTheServersNamedInTags) {
  policy_ = MakePolicy("orderedWrandUntag", settings_);
  Add({.name = "a", .order = 1, .weight = 1});
  Add({.name = "b", .order = 1, .weight = 4});
  Add({.name = "c", .order = 2});
  const auto count = Count(1000);
  EXPECT_EQ(count.size(), 2U);
  EXPECT_NEAR(count.at("nb"), 800, 100);
  const QueryPtr query = maker_.Make("www.example.com");
  query->SetTag(servers_[1]->NameWithAddress(), "");
  EXPECT_EQ(Choose(*query), "a");
  query->SetTag(servers_[0]->NameWithAddress(), "1");
  EXPECT_EQ(Choose(*query), "c");
  query->SetTag("c (192.0.2.1:53)", "1");
  EXPECT_EQ(Choose(*query), "nobody");
}

TEST_F(PolicyTest, APeekSaysWhatWouldBeChosenAndTakesNoTokens) {
  Add({.name = "a", .order = 1, .qps = 1});
  Add({.name = "b", .order = 2});
  const QueryPtr query = maker_.Make("www.example.com");
  for (const char* name : {"firstAvailable", "leastOutstanding", "whashed", "chashed"}) {
    policy_ = MakePolicy(name, settings_);
    PolicyContext context{*query, now_, random_};
    std::optional<BackendPtr> peeked;
    for (int i = 0; i < 3; ++i) peeked = policy_->Peek(servers_, context);
    ASSERT_TRUE(peeked && *peeked != nullptr) << name;
    EXPECT_EQ((*peeked)->name(), Choose(*query)) << name;
  }
  policy_ = MakePolicy("firstAvailable", settings_);
  PolicyContext context{*query, now_, random_};
  EXPECT_EQ((*policy_->Peek(servers_, context))->name(), Choose(*query));
}

TEST_F(PolicyTest, APeekIsUndecidedWhereChanceOrTurnsDecide) {
  Add({.name = "a"});
  const QueryPtr query = maker_.Make("www.example.com");
  PolicyContext context{*query, now_, random_};
  for (const char* name : {"wrandom", "roundrobin", "orderedWrandUntag"}) {
    EXPECT_FALSE(MakePolicy(name, settings_)->Peek(servers_, context)) << name;
  }
}

}  // namespace
}  // namespace breakwater
