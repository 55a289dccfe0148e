#include "proxy/rules/actions/flow_actions.h"

#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/chains.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class FlowActionTest : public RuleHarness {
 protected:
  Flow Apply(const ActionPtr& action) { return action->Apply(*query_, context_); }
  QueryPtr query_ = maker_.Make("a");
};

TEST_F(FlowActionTest, AllowStopsDropDropsNoneGoesOn) {
  EXPECT_EQ(Apply(MakeAllowAction()), Flow::kStop);
  EXPECT_EQ(Apply(MakeDropAction()), Flow::kDrop);
  EXPECT_EQ(Apply(MakeNoneAction()), Flow::kContinue);
  EXPECT_EQ(MakeAllowAction()->ToString(), "allow");
  EXPECT_EQ(MakeDropAction()->ToString(), "drop");
  EXPECT_EQ(MakeNoneAction()->ToString(), "no op");
}

TEST_F(FlowActionTest, PoolStopsUnlessToldToGoOn) {
  EXPECT_EQ(Apply(MakePoolAction("abuse")), Flow::kStop);
  EXPECT_TRUE(query_->pool_set);
  EXPECT_EQ(query_->pool_name, "abuse");
  EXPECT_EQ(Apply(MakePoolAction("other", AfterPool::kNextRule)), Flow::kContinue);
  EXPECT_EQ(query_->pool_name, "other");
  EXPECT_EQ(MakePoolAction("abuse")->ToString(), "to pool abuse");
}

TEST_F(FlowActionTest, ContinueDoesTheActionAndGoesOn) {
  EXPECT_EQ(Apply(MakeContinueAction(MakePoolAction("p"))), Flow::kContinue);
  EXPECT_EQ(query_->pool_name, "p");
  EXPECT_EQ(Apply(MakeContinueAction(MakeDropAction())), Flow::kContinue);
  EXPECT_EQ(MakeContinueAction(MakePoolAction("x"))->ToString(), "continue after: to pool x");
}

TEST_F(FlowActionTest, QpsDropsWhatIsAboveTheRate) {
  const auto limit = MakeQpsAction(2);
  EXPECT_EQ(Apply(limit), Flow::kContinue);
  EXPECT_EQ(Apply(limit), Flow::kContinue);
  EXPECT_EQ(Apply(limit), Flow::kDrop);
  Advance(0.5);
  EXPECT_EQ(Apply(limit), Flow::kContinue);
  EXPECT_EQ(Apply(limit), Flow::kDrop);
  EXPECT_EQ(limit->ToString(), "qps limit to 2");
}

TEST_F(FlowActionTest, QpsPoolSendsToThePoolWhileBelowTheRate) {
  const auto limit = MakeQpsPoolAction(1, "p");
  EXPECT_EQ(Apply(limit), Flow::kStop);
  EXPECT_EQ(query_->pool_name, "p");
  query_ = maker_.Make("a");
  EXPECT_EQ(Apply(limit), Flow::kContinue);
  EXPECT_EQ(query_->pool_name, "");
  EXPECT_EQ(limit->ToString(), "max 1 to pool p");
}

TEST_F(FlowActionTest, ForeseeingTakesNoTokens) {
  const ActionPtr qps = MakeQpsAction(1);
  const ActionPtr to_pool = MakeQpsPoolAction(1, "abuse", AfterPool::kStop);
  const ActionPtr inside = MakeContinueAction(MakeQpsAction(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(qps->Foresee(*query_, context_), Flow::kContinue);
    EXPECT_EQ(to_pool->Foresee(*query_, context_), Flow::kStop);
    EXPECT_EQ(inside->Foresee(*query_, context_), Flow::kContinue);
  }
  EXPECT_EQ(Apply(qps), Flow::kContinue);
  EXPECT_EQ(Apply(to_pool), Flow::kStop);
  EXPECT_EQ(qps->Foresee(*query_, context_), Flow::kDrop);
  EXPECT_EQ(to_pool->Foresee(*query_, context_), Flow::kContinue);
}

TEST_F(FlowActionTest, DelayNotesTheTimeAndGoesOn) {
  EXPECT_EQ(Apply(MakeDelayAction(100)), Flow::kContinue);
  EXPECT_EQ(query_->delay_ms, 100u);
  EXPECT_EQ(MakeDelayAction(100)->ToString(), "delay by 100 msec");
}

TEST_F(FlowActionTest, AChainEndsAtTheFirstRuleThatEndsIt) {
  const auto rule = [](SelectorPtr selector, ActionPtr action) {
    Rule made;
    made.selector = std::move(selector);
    made.action = std::move(action);
    return made;
  };
  const SelectorPtr all = MakeAllSelector();
  const RuleChain chain = {rule(MakeQNameSelector(NameOf("b")), MakeDropAction()),
                           rule(all, MakePoolAction("first", AfterPool::kNextRule)),
                           rule(all, MakeRCodeAction(5)), rule(all, MakeDropAction())};
  EXPECT_EQ(RunChain(chain, *query_, context_), Flow::kAnswer);
  EXPECT_EQ(query_->pool_name, "first");
  EXPECT_EQ(chain[0].state->matches.Get(), 0u);
  EXPECT_EQ(chain[1].state->matches.Get(), 1u);
  EXPECT_EQ(chain[2].state->matches.Get(), 1u);
  EXPECT_EQ(chain[3].state->matches.Get(), 0u);
  EXPECT_EQ(all->matches().Get(), 2u);  // shared by the rules that use it
}

}  // namespace
}  // namespace breakwater::test
