#include "proxy/worker/hand_over.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <vector>

#include "proxy/net/socket_options.h"
#include "proxy/query/client_reply.h"
#include "proxy/worker/worker.h"

namespace breakwater {
namespace {

std::optional<size_t> Choose(std::vector<WorkerLoad> loads) {
  return ChooseHandOver(loads, 0);
}

TEST(HandOverTest, AConnectionStaysWhereItWasAcceptedWhileLoadsAreNearTheMean) {
  EXPECT_EQ(Choose({{0, 0}, {0, 0}}), std::nullopt);
  EXPECT_EQ(Choose({{8, 0}, {0, 0}}), std::nullopt);
  EXPECT_EQ(Choose({{1000, 50}, {700, 0}}), std::nullopt);
}

TEST(HandOverTest, AWorkerAboveTheMeanGivesToTheLeastBusyOne) {
  // The mean is 500, the bound 633.
  EXPECT_EQ(Choose({{633, 0}, {500, 0}, {367, 0}}), std::nullopt);
  EXPECT_EQ(Choose({{634, 0}, {500, 0}, {366, 0}}), 2u);
  EXPECT_EQ(Choose({{634, 0}, {500, 0}, {366, 70}}), 1u);
  EXPECT_EQ(Choose({{22, 0}, {0, 0}}), 1u);
}

TEST(HandOverTest, ABusyWorkerGivesToOneThatIsClearlyLessBusy) {
  EXPECT_EQ(Choose({{5, 80}, {50, 10}}), std::nullopt);
  EXPECT_EQ(Choose({{5, 81}, {50, 10}}), 1u);
  EXPECT_EQ(Choose({{5, 95}, {50, 90}}), std::nullopt);
  EXPECT_EQ(Choose({{5, 95}, {50, 40}, {10, 45}}), 2u);  // as busy, with fewer connections
}

TEST(HandOverTest, NobodyIsChosenWhereAllAreWorseOff) {
  EXPECT_EQ(Choose({{5, 90}}), std::nullopt);
  EXPECT_EQ(Choose({{5, 90}, {5, 100}}), std::nullopt);
}

// Answers each query with itself.
class EchoPath final : public WorkerPath {
 public:
  void OnQuery(QueryPtr query) override {
    query->header().Set(dns::kFlagQr, true);
    ReplyTarget* target = query->target;
    target->Send(std::move(query));
  }
  void OnReply(FlightId, uint8_t, std::span<uint8_t>) override {}
  void OnFailure(FlightId, uint8_t, FailureKind) override {}
  void UseConfig(ConfigPtr) override {}
  size_t Waiting() const override { return 0; }
  void DropAll() override {}
};

// Two workers that serve one bind, each with a port of its own here, so that the test says who
// accepts.
class HandOverWorkersTest : public testing::Test {
 protected:
  HandOverWorkersTest() {
    EXPECT_TRUE(config_->acl.Add("127.0.0.0/8"));
    frontend_->settings.address = *Address::Parse("127.0.0.1:0");
    frontend_->settings.protocol = Protocol::kDoTcp;
    const PathFactory path = [](PathEnvironment, ConfigPtr) {
      return std::make_unique<EchoPath>();
    };
    for (size_t i = 0; i < 2; ++i) {
      workers_.push_back(std::make_unique<Worker>(
          WorkerSettings{.index = i, .workers = 2, .cpus = {}}, config_, path,
          WorkerShared{limits_, rings_, zones_, drills_, std::make_shared<WorkerStats>(),
                       queued_}));
      auto socket = OpenBoundSocket(SocketKind::kTcp, frontend_->settings.address, {});
      EXPECT_TRUE(socket) << socket.error();
      EXPECT_EQ(listen(socket->get(), 256), 0);
      if (i == 0) address_ = LocalAddressOf(socket->get());
      workers_.back()->AddListener(frontend_, std::move(*socket));
    }
    for (auto& worker : workers_) worker->SetPeers({workers_[0].get(), workers_[1].get()});
    for (auto& worker : workers_) worker->Start();
  }
  ~HandOverWorkersTest() override {
    for (auto& worker : workers_) worker->Stop(MonoTime{});
    const MonoTime soon = SystemClock().Now() + MonoTime::FromSeconds(20);
    for (auto& worker : workers_) EXPECT_TRUE(worker->JoinUntil(soon));
  }

  // A client of the first worker's port, answered once.
  UniqueFd AnsweredClient() {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), address_.sockaddr_ptr(), address_.sockaddr_length()), 0);
    const uint8_t query[2 + 12] = {0, 12, 1, 2, 0, 0, 0, 1};
    EXPECT_EQ(send(fd.get(), query, sizeof(query), MSG_NOSIGNAL), 14);
    uint8_t answer[14];
    pollfd waiting{fd.get(), POLLIN, 0};
    EXPECT_EQ(poll(&waiting, 1, 5000), 1);
    EXPECT_EQ(recv(fd.get(), answer, sizeof(answer), MSG_WAITALL), 14);
    EXPECT_EQ(answer[4], 0x80);
    return fd;
  }

  std::shared_ptr<Config> config_ = std::make_shared<Config>();
  std::shared_ptr<Frontend> frontend_ = std::make_shared<Frontend>();
  ClientLimits limits_{{}};
  Rings rings_{RingSettings{}};
  ZoneHealth zones_;
  Drills drills_;
  SharedCounter queued_;
  Address address_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

TEST_F(HandOverWorkersTest, ConnectionsBeyondTheBoundAreServedByTheOtherWorker) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(AnsweredClient());
  // The loads are told at the end of a turn, which an answer may overtake.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (workers_[0]->load().connections + workers_[1]->load().connections != 100) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    (void)poll(nullptr, 0, 1);
  }
  EXPECT_GE(workers_[1]->load().connections, 20u);
  EXPECT_GE(workers_[0]->load().connections, 20u);
  EXPECT_EQ(frontend_->tcp_current_connections.Get(), 100u);
  EXPECT_EQ(queued_.Get(), 0u);
}

}  // namespace
}  // namespace breakwater
