#include "proxy/backend/health_probe.h"

#include <sys/resource.h>

#include "tests/proxy/backend/fake_tcp_server.h"
#include "tests/proxy/backend/health_probe_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::FakeTcpConnection;
using test::FakeTcpServer;
using test::HealthProbeTest;
using test::ReplyTo;

TEST_F(HealthProbeTest, OneGoodAnswerAtStartBringsAServerUp) {
  settings_.health.rise = 5;
  const auto& counters = CheckOnce([](const Bytes& query) { return ReplyTo(query); });
  EXPECT_TRUE(backends_[0]->IsUp());
  EXPECT_EQ(changes_, std::vector<std::string>{"one up"});
  EXPECT_EQ(counters.failures.Get(), 0U);
}

TEST_F(HealthProbeTest, AChangeOfStateIsAWarning) {
  testing::internal::CaptureStdout();
  CheckOnce([](const Bytes& query) { return ReplyTo(query); });
  const std::string log = testing::internal::GetCapturedStdout();
  EXPECT_NE(log.find("Marking downstream one"), std::string::npos) << log;
  EXPECT_NE(log.find("as 'up'\" subsystem=\"health-check\" level=\"0\" prio=\"Warning\""),
            std::string::npos)
      << log;
}

TEST_F(HealthProbeTest, AsksTheConfiguredQuestion) {
  settings_.health.name = "check.example.";
  settings_.health.type = dns::Type::kSoa;
  settings_.health.cls = dns::Class::kChaos;
  settings_.health.set_cd = true;
  CheckOnce([&](const Bytes& query) {
    EXPECT_EQ(test::Describe(query), "rd cd NOERROR; check.example SOA CLASS3");
    return ReplyTo(query);
  });
}

TEST_F(HealthProbeTest, AnswersThatAreNotValidFailAndAreCountedByReason) {
  const auto& a = CheckOnce([](const Bytes&) { return Bytes{1, 2, 3}; });
  EXPECT_EQ(a.parsing.Get(), 1U);
  EXPECT_EQ(a.failures.Get(), 1U);
  EXPECT_FALSE(backends_[0]->IsUp());
  EXPECT_EQ(changes_, std::vector<std::string>{"one down"});
}

TEST_F(HealthProbeTest, AnotherIdIsAMismatch) {
  const auto& a = CheckOnce([](Bytes query) {
    query[0] = static_cast<uint8_t>(query[0] + 1);
    return ReplyTo(query);
  });
  EXPECT_EQ(a.mismatch.Get(), 1U);
}

TEST_F(HealthProbeTest, AnotherQuestionIsAMismatch) {
  const auto& a = CheckOnce([](Bytes query) {
    query.at(query.size() - 1) = 3;  // the class
    return ReplyTo(query);
  });
  EXPECT_EQ(a.mismatch.Get(), 1U);
  EXPECT_FALSE(backends_[0]->IsUp());
}

TEST_F(HealthProbeTest, AQueryInsteadOfAnAnswerIsInvalid) {
  EXPECT_EQ(CheckOnce([](const Bytes& query) { return query; }).invalid.Get(), 1U);
}

TEST_F(HealthProbeTest, ServFailIsInvalid) {
  const auto& a = CheckOnce([](const Bytes& query) { return WithRcode(ReplyTo(query), 2); });
  EXPECT_EQ(a.invalid.Get(), 1U);
}

TEST_F(HealthProbeTest, NxDomainAndRefusedAreGoodUnlessItMustResolve) {
  for (const uint8_t rcode : {uint8_t{3}, uint8_t{5}}) {
    for (const bool must : {false, true}) {
      backends_.clear();
      started_ = false;
      settings_.health.must_resolve = must;
      const auto& a =
          CheckOnce([&](const Bytes& query) { return WithRcode(ReplyTo(query), rcode); });
      EXPECT_EQ(a.invalid.Get(), must ? 1U : 0U);
      EXPECT_EQ(backends_[0]->IsUp(), !must);
    }
  }
}

TEST_F(HealthProbeTest, NoAnswerIsATimeOut) {
  settings_.health.timeout_ms = 20;
  Backend& backend = Add();
  CheckAtStart();
  RunUntil([&] { return started_; });
  EXPECT_EQ(backend.health_counters().timeout.Get(), 1U);
  EXPECT_FALSE(backend.IsUp());
}

TEST_F(HealthProbeTest, ARefusedPortIsANetworkError) {
  server_.Close();
  Backend& backend = Add();
  CheckAtStart();
  RunUntil([&] { return started_; });
  EXPECT_EQ(backend.health_counters().network.Get(), 1U);
}

TEST_F(HealthProbeTest, AllAreCheckedAtOnceAtStartButThoseForced) {
  settings_.health.timeout_ms = 50;
  Add();
  settings_.name = "two";
  Add();
  settings_.name = "forced";
  settings_.health.mode = HealthCheckMode::kDown;
  Add();
  CheckAtStart();
  const auto a = server_.Receive();
  const auto b = server_.Receive();
  EXPECT_FALSE(server_.Waiting());
  server_.Send(a.from, ReplyTo(a.message));
  server_.Send(b.from, ReplyTo(b.message));
  RunUntil([&] { return started_; });
  EXPECT_EQ(changes_.size(), 2U);
}

TEST_F(HealthProbeTest, WithNothingToCheckTheStartIsDoneAtOnce) {
  CheckAtStart();
  RunUntil([&] { return started_; });
}

TEST_F(HealthProbeTest, RoundsCheckWhatIsDueAndNothingTwiceAtATime) {
  Backend& backend = Add();
  probe_->RunRound();
  probe_->RunRound();
  const auto query = server_.Receive();
  EXPECT_FALSE(server_.Waiting());
  server_.Send(query.from, ReplyTo(query.message));
  RunUntil([&] { return backend.IsUp(); });
  EXPECT_EQ(changes_, std::vector<std::string>{"one up"});
  backend.AddUdpLatency(1000);
}

TEST_F(HealthProbeTest, GoingDownForgetsTheLatency) {
  Backend& backend = Add();
  backend.health().SetAuto(true);
  backend.AddUdpLatency(1000);
  server_.Close();
  probe_->RunRound();
  RunUntil([&] { return !backend.IsUp(); });
  EXPECT_EQ(backend.udp_latency_us(), 0);
  EXPECT_EQ(changes_, std::vector<std::string>{"one down"});
}

TEST_F(HealthProbeTest, ValidChecksAreCountedByTheirLatency) {
  HealthLatencies latencies;
  for (const uint64_t us : {1000U, 1001U, 10999U, 1000001U}) latencies.Add(us);
  EXPECT_EQ(latencies.counts[0].Get(), 1U);
  EXPECT_EQ(latencies.counts[1].Get(), 1U);
  EXPECT_EQ(latencies.counts[2].Get(), 1U);
  EXPECT_EQ(latencies.counts[5].Get(), 1U);
  EXPECT_EQ(latencies.sum_ms.Get(), 1012U);

  const auto total = [](const HealthCheckCounters& counters) {
    uint64_t sum = 0;
    for (const SharedCounter& count : counters.latencies.counts) sum += count.Get();
    return sum;
  };
  EXPECT_EQ(total(CheckOnce([](const Bytes& query) { return ReplyTo(query); })), 1U);
  backends_.clear();
  started_ = false;
  EXPECT_EQ(total(CheckOnce([](const Bytes&) { return Bytes{1, 2, 3}; })), 0U);
}

TEST_F(HealthProbeTest, ChecksOverTcpWhereAskedForOrNothingElseIsSpoken) {
  FakeTcpServer tcp;
  for (const bool only : {false, true}) {
    backends_.clear();
    started_ = false;
    settings_.address = tcp.address();
    settings_.tcp_only = only;
    settings_.health.over_tcp = !only;
    Backend& backend = Add();
    CheckAtStart();
    RunUntil([&] { return tcp.Waiting(); });
    FakeTcpConnection connection = tcp.Accept();
    for (int i = 0; i < 3; ++i) Turn();
    Bytes reply = ReplyTo(connection.Receive());
    // In pieces.
    connection.SendRaw({0});
    Turn();
    connection.SendRaw({static_cast<uint8_t>(reply.size())});
    connection.SendRaw(reply);
    RunUntil([&] { return started_; });
    EXPECT_TRUE(backend.IsUp());
  }
}

// So that no descriptor is to be had while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(HealthProbeTest, WithoutDescriptorsNothingIsKnownOfAServer) {
  for (const bool tcp : {false, true}) {
    settings_.health.over_tcp = tcp;
    settings_.health.interval_s = 60;
    backends_.clear();
    changes_.clear();
    Backend& backend = Add();
    backend.health().SetAuto(true);
    {
      const NoDescriptors none;
      probe_->RunRound();
      RunUntil([&] { return Count(Metric::kHealthChecksNotMade) == (tcp ? 2U : 1U); });
    }
    EXPECT_TRUE(backend.IsUp());
    EXPECT_EQ(backend.health_counters().failures.Get(), 0U);
    EXPECT_TRUE(changes_.empty());
    if (tcp) continue;
    // Not only when it is due again.
    probe_->RunRound();
    EXPECT_TRUE(server_.Waiting(5000));
    server_.Receive();
  }
}

TEST_F(HealthProbeTest, AFirstCheckThatWasNotMadeDecidesWhenItIs) {
  settings_.health.rise = 5;
  Backend& backend = Add();
  {
    const NoDescriptors none;
    CheckAtStart();
    RunUntil([&] { return started_; });
  }
  EXPECT_FALSE(backend.IsUp());
  EXPECT_TRUE(changes_.empty());
  probe_->RunRound();
  const auto query = server_.Receive();
  server_.Send(query.from, ReplyTo(query.message));
  RunUntil([&] { return backend.IsUp(); });
  EXPECT_EQ(changes_, std::vector<std::string>{"one up"});
}

TEST_F(HealthProbeTest, ATcpConnectionThatClosesIsANetworkError) {
  FakeTcpServer tcp;
  settings_.address = tcp.address();
  settings_.tcp_only = true;
  Backend& backend = Add();
  CheckAtStart();
  RunUntil([&] { return tcp.Waiting(); });
  tcp.Accept().Close();
  RunUntil([&] { return started_; });
  EXPECT_EQ(backend.health_counters().network.Get(), 1U);
}

}  // namespace
}  // namespace breakwater
