// Health checks that run Lua: checkFunction and validators.
#include "tests/proxy/backend/health_probe_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::ReplyTo;

class HealthScriptTest : public test::HealthProbeTest {};

TEST_F(HealthScriptTest, ACheckFunctionRunsWhereScriptsRunAndChangesTheQuestion) {
  settings_.health.check_function = [](HealthCheckQuestion& question) {
    question.name = *dns::Name::Parse("scripted.example");
    question.type = dns::Type::kTxt;
    question.flags = 0;
  };
  Add();
  CheckAtStart();
  Turn();
  EXPECT_FALSE(server_.Waiting());
  ASSERT_EQ(script_.size(), 1U);
  script_[0]();
  Turn();
  const auto query = server_.Receive();
  EXPECT_EQ(test::Describe(query.message), "NOERROR; scripted.example TXT");
  server_.Send(query.from, ReplyTo(query.message));
  RunUntil([&] { return started_; });
  EXPECT_TRUE(backends_[0]->IsUp());
}

TEST_F(HealthScriptTest, TheTimeOfACheckFunctionIsNotTheServers) {
  settings_.health.timeout_ms = 20;
  settings_.health.check_function = [](HealthCheckQuestion&) {};
  Backend& backend = Add();
  CheckAtStart();
  bool later = false;
  loop_.timers().Add(loop_.now() + MonoTime::FromMs(60), [&] { later = true; });
  RunUntil([&] { return later; });
  EXPECT_FALSE(started_);
  script_[0]();
  RunUntil([&] { return server_.Waiting(); });
  server_.Send(server_.Receive().from, {});
  RunUntil([&] { return started_; });
  EXPECT_EQ(backend.health_counters().timeout.Get(), 0U);
  EXPECT_EQ(backend.health_counters().parsing.Get(), 1U);
}

TEST_F(HealthScriptTest, ScriptsThatDoNotComeBackLeaveTheServerAsItIs) {
  MakeProbe(MonoTime::FromMs(20));
  settings_.health.check_function = [](HealthCheckQuestion&) {};
  Backend& backend = Add();
  CheckAtStart();
  RunUntil([&] { return started_; });  // it is not waited for for ever
  EXPECT_EQ(Count(Metric::kHealthChecksNotMade), 1U);
  EXPECT_EQ(backend.health_counters().failures.Get(), 0U);
  EXPECT_TRUE(changes_.empty());
  probe_->RunRound();
  EXPECT_EQ(script_.size(), 1U);  // nor asked again meanwhile
  script_[0]();
  Turn();
  EXPECT_FALSE(server_.Waiting());
  probe_->RunRound();
  ASSERT_EQ(script_.size(), 2U);
  script_[1]();
  RunUntil([&] { return server_.Waiting(); });
  const auto query = server_.Receive();
  server_.Send(query.from, ReplyTo(query.message));
  RunUntil([&] { return backend.IsUp(); });
  probe_.reset();
  script_[0]();  // nor does it matter that the probe is gone
  Turn();
}

TEST_F(HealthScriptTest, AValidatorJudgesGoodRepliesWhereScriptsRun) {
  using enum HealthJudgement;
  for (const HealthJudgement judgement : {kGood, kRefused, kFailed}) {
    started_ = false;
    backends_.clear();
    Backend& backend = Add();
    Bytes judged;
    backend.set_health_validator([&](std::span<const uint8_t> reply) {
      judged.assign(reply.begin(), reply.end());
      return judgement;
    });
    CheckAtStart();
    const auto query = server_.Receive();
    server_.Send(query.from, ReplyTo(query.message));
    RunUntil([&] { return !script_.empty(); });
    EXPECT_FALSE(started_);
    script_.front()();
    script_.clear();
    RunUntil([&] { return started_; });
    EXPECT_EQ(judged, ReplyTo(query.message));
    EXPECT_EQ(backend.IsUp(), judgement == kGood);
    EXPECT_EQ(backend.health_counters().failures.Get(), judgement == kGood ? 0U : 1U);
    EXPECT_EQ(backend.health_counters().parsing.Get(), judgement == kFailed ? 1U : 0U);
  }
}

TEST_F(HealthScriptTest, AValidatorDoesNotSeeRepliesThatFailedBefore) {
  Backend& backend = Add();
  backend.set_health_validator([](std::span<const uint8_t>) { return HealthJudgement::kGood; });
  CheckAtStart();
  const auto query = server_.Receive();
  server_.Send(query.from, WithRcode(ReplyTo(query.message), 2));
  RunUntil([&] { return started_; });
  EXPECT_TRUE(script_.empty());
  EXPECT_EQ(backend.health_counters().invalid.Get(), 1U);
}

TEST_F(HealthScriptTest, AValidatorThatDoesNotComeBackLeavesTheServerAsItIs) {
  MakeProbe(MonoTime::FromMs(20));
  Backend& backend = Add();
  backend.health().SetAuto(true);
  backend.set_health_validator([](std::span<const uint8_t>) { return HealthJudgement::kRefused; });
  const auto answer = [&] {
    const auto query = server_.Receive();
    server_.Send(query.from, ReplyTo(query.message));
  };
  probe_->RunRound();
  answer();
  RunUntil([&] { return Count(Metric::kHealthChecksNotMade) == 1; });
  EXPECT_TRUE(backend.IsUp());
  probe_->RunRound();
  EXPECT_FALSE(server_.Waiting());
  ASSERT_EQ(script_.size(), 1U);
  script_[0]();  // too late
  Turn();
  EXPECT_TRUE(backend.IsUp());
  EXPECT_EQ(backend.health_counters().failures.Get(), 0U);
  probe_->RunRound();
  answer();
  RunUntil([&] { return script_.size() == 2; });
  script_[1]();
  RunUntil([&] { return !backend.IsUp(); });
}

}  // namespace
}  // namespace breakwater
