#include "proxy/rules/chain_edit.h"

#include "proxy/rules/actions/flow_actions.h"
#include "proxy/rules/chains.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

constexpr const char* kUuid = "11111111-1111-4111-8111-111111111111";

Rule Named(const std::string& name, const std::string& uuid = "") {
  return MakeRule<Action>(MakeAllSelector(), MakeDropAction(), {name, uuid, 0}).value();
}

class ChainEditTest : public ::testing::Test {
 protected:
  std::string Names() const {
    std::string names;
    for (const Rule& rule : chain_) names += rule.name;
    return names;
  }
  RuleChain chain_ = {Named("a"), Named("b"), Named("c"), Named("d")};
};

TEST_F(ChainEditTest, ARuleGetsAUuidUnlessOneIsGiven) {
  EXPECT_TRUE(Uuid::Parse(Named("x").uuid).has_value());
  EXPECT_NE(Named("x").uuid, Named("x").uuid);
  EXPECT_EQ(Named("x", "AAAAAAAA-1111-4111-8111-111111111111").uuid,
            "aaaaaaaa-1111-4111-8111-111111111111");
  const auto bad = MakeRule<Action>(MakeAllSelector(), MakeDropAction(), {"x", "no-uuid", 0});
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().find("no-uuid"), std::string::npos);
}

TEST_F(ChainEditTest, FindTakesAUuidFirstAndElseAName) {
  chain_[2].uuid = kUuid;
  chain_.push_back(Named(kUuid));
  EXPECT_EQ(FindRule(chain_, kUuid), &chain_[2]);
  EXPECT_EQ(FindRule(chain_, "b"), &chain_[1]);
  EXPECT_EQ(FindRule(chain_, "no such"), nullptr);
  EXPECT_EQ(FindRule(chain_, "22222222-1111-4111-8111-111111111111"), nullptr);
}

TEST_F(ChainEditTest, RemoveByPosition) {
  EXPECT_EQ(RemoveRule(chain_, size_t{1}), 1u);
  EXPECT_EQ(Names(), "acd");
  EXPECT_EQ(RemoveRule(chain_, size_t{3}), 0u);
  EXPECT_EQ(Names(), "acd");
}

TEST_F(ChainEditTest, RemoveByNameTakesAllOfThatName) {
  chain_.push_back(Named("b"));
  EXPECT_EQ(RemoveRule(chain_, "b"), 2u);
  EXPECT_EQ(Names(), "acd");
  EXPECT_EQ(RemoveRule(chain_, "b"), 0u);
  chain_[0].uuid = kUuid;
  EXPECT_EQ(RemoveRule(chain_, kUuid), 1u);
  EXPECT_EQ(Names(), "cd");
}

TEST_F(ChainEditTest, MoveCountsTheTargetBeforeTheMove) {
  EXPECT_TRUE(MoveRule(chain_, 0, 2));
  EXPECT_EQ(Names(), "bacd");
  EXPECT_TRUE(MoveRule(chain_, 3, 1));
  EXPECT_EQ(Names(), "bdac");
  EXPECT_TRUE(MoveRule(chain_, 0, 4));
  EXPECT_EQ(Names(), "dacb");
  EXPECT_TRUE(MoveRule(chain_, 2, 2));
  EXPECT_EQ(Names(), "dacb");
  EXPECT_FALSE(MoveRule(chain_, 4, 0));
  EXPECT_FALSE(MoveRule(chain_, 0, 5));
  EXPECT_EQ(Names(), "dacb");
}

TEST_F(ChainEditTest, TheLastRuleGoesToTheTop) {
  MoveLastRuleToTop(chain_);
  EXPECT_EQ(Names(), "dabc");
  chain_.clear();
  MoveLastRuleToTop(chain_);
  EXPECT_TRUE(chain_.empty());
}

TEST_F(ChainEditTest, TopRulesAreThoseWithMostMatches) {
  chain_[1].state->matches.Add(5);
  chain_[3].state->matches.Add(7);
  const auto top = TopRules(chain_, 3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0]->name + top[1]->name + top[2]->name, "dba");
}

TEST_F(ChainEditTest, TheTableHasTheColumnsOperatorsKnow) {
  RuleChain chain;
  chain.push_back(MakeRule<Action>(MakeAllSelector(), MakeNoneAction(), {}).value());
  chain.push_back(MakeRule<Action>(MakeQNameSelector(NameOf("www.Example.com")), MakeDropAction(),
                                   {"myname", kUuid, 100})
                      .value());
  chain[1].state->matches.Add(12);
  EXPECT_EQ(ShowRules(chain, {}),
            "#   Name                             Matches Rule                                     "
            "                Action\n"
            "0                                          0 All                                      "
            "                no op\n"
            "1   myname                                12 qname==www.Example.com.                  "
            "                drop\n");
  chain.erase(chain.begin());
  EXPECT_EQ(ShowRules(chain, {.show_uuids = true, .truncate_rule_width = 9}),
            "#   Name                           UUID                                   Cr. Order   "
            "Matches Rule                                                     Action\n"
            "0   myname                         11111111-1111-4111-8111-111111111111         100   "
            "     12 qname==ww                                                drop\n");
}

TEST_F(ChainEditTest, TopTableCountsItsOwnRows) {
  chain_[2].state->matches.Add(5);
  const std::string table = ShowTopRules(chain_, 1, {});
  EXPECT_NE(table.find("\n0   c "), std::string::npos) << table;
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2);
}

}  // namespace
}  // namespace breakwater::test
