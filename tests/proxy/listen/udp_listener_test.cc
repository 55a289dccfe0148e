#include "proxy/listen/udp_listener.h"

#include <set>

#include "proxy/listen/frontend_sockets.h"
#include "tests/proxy/listen/listen_fixture.h"

namespace breakwater {
namespace {

using test::ScriptedSink;

class UdpListenerTest : public test::ListenTest {
 protected:
  void Listen(std::string_view address) {
    frontend = MakeFrontend(address, Protocol::kDoUdp);
    auto opened = UdpListener::Open(context, frontend, {});
    ASSERT_TRUE(opened) << opened.error();
    listener = std::move(*opened);
    client = ConnectTo(listener->address());
  }
  UniqueFd ConnectTo(Address to) {
    if (to.IsWildcard()) {
      const uint16_t port = to.port();
      to = *Address::Parse(to.IsV6() ? "::1" : "127.0.0.1");
      to.set_port(port);
    }
    return Connect(to, SOCK_DGRAM);
  }
  std::string Receive(const UniqueFd& fd) {
    if (!RunUntil([&] { return Readable(fd.get()); })) return "nothing came";
    std::string out(70000, '\0');
    const ssize_t got = recv(fd.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }

  std::shared_ptr<Frontend> frontend;
  std::unique_ptr<UdpListener> listener;
  UniqueFd client;
};

TEST_F(UdpListenerTest, AnswersOverV4) {
  Listen("127.0.0.1");
  SendAll(client, Query(7));
  EXPECT_EQ(Receive(client), AnswerTo(Query(7)));
  EXPECT_EQ(sink.clients[0], LocalAddressOf(client.get()));
  EXPECT_EQ(sink.locals[0], listener->address());
  EXPECT_EQ(sink.capacities[0], kSlotSize);
  EXPECT_EQ(frontend->queries.Get(), 1u);
  EXPECT_EQ(frontend->responses.Get(), 1u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(UdpListenerTest, AnswersOverV6) {
  Listen("[::1]");
  SendAll(client, Query(7));
  EXPECT_EQ(Receive(client), AnswerTo(Query(7)));
}

// The client is connected and would not take an answer from another address.
TEST_F(UdpListenerTest, WildcardAnswersFromTheAddressAsked) {
  Listen("0.0.0.0");
  Address asked = *Address::Parse("127.0.0.2");
  asked.set_port(listener->address().port());
  const UniqueFd other = Connect(asked, SOCK_DGRAM);
  SendAll(other, Query(9));
  EXPECT_EQ(Receive(other), AnswerTo(Query(9)));
  EXPECT_EQ(sink.locals[0], asked);
}

TEST_F(UdpListenerTest, V6WildcardAnswersFromTheAddressAsked) {
  Listen("[::]");
  SendAll(client, Query(9));
  EXPECT_EQ(Receive(client), AnswerTo(Query(9)));
  EXPECT_TRUE(sink.locals[0].SameHost(*Address::Parse("::1")));
}

TEST_F(UdpListenerTest, TwoHundredAtOnceAreAllAnswered) {
  Listen("127.0.0.1");
  std::set<std::string> expected;
  for (uint16_t id = 0; id < 200; ++id) {
    SendAll(client, Query(id));
    expected.insert(AnswerTo(Query(id)));
  }
  std::set<std::string> got;
  for (int i = 0; i < 200; ++i) got.insert(Receive(client));
  EXPECT_EQ(got, expected);
  EXPECT_EQ(frontend->responses.Get(), 200u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(UdpListenerTest, BusySocketIsReadSeveralTimesATurnThenOthersHaveTheirs) {
  Listen("127.0.0.1");
  for (uint16_t id = 0; id < 300; ++id) SendAll(client, Query(id));
  Turn();
  EXPECT_EQ(frontend->responses.Get(), 4 * KernelReceiveBatch::kSlots);
  Turn();
  EXPECT_EQ(frontend->responses.Get(), 300u);
}

TEST_F(UdpListenerTest, AnswerMayComeTurnsLater) {
  Listen("127.0.0.1");
  sink.mode = ScriptedSink::Mode::kHold;
  for (uint16_t id = 1; id <= 3; ++id) SendAll(client, Query(id));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 3; }));
  EXPECT_TRUE(listener->Alive(*sink.held[0]));
  sink.AnswerHeld(2);
  sink.AnswerHeld(0);
  Settle();
  EXPECT_EQ(Receive(client), AnswerTo(Query(3)));
  EXPECT_EQ(Receive(client), AnswerTo(Query(1)));
  sink.held.clear();
}

TEST_F(UdpListenerTest, MoreAnswersInATurnThanABatchHolds) {
  Listen("127.0.0.1");
  sink.mode = ScriptedSink::Mode::kHold;
  const size_t count = SendBatch::kCapacity * 2 + 10;
  for (size_t id = 0; id < count; ++id) SendAll(client, Query(static_cast<uint16_t>(id)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == count; }));
  while (!sink.held.empty()) sink.AnswerHeld(0);
  for (size_t id = 0; id < count; ++id) {
    ASSERT_EQ(Receive(client), AnswerTo(Query(static_cast<uint16_t>(id))));
  }
  EXPECT_EQ(frontend->responses.Get(), count);
}

TEST_F(UdpListenerTest, DeniedClientGetsNothing) {
  Listen("127.0.0.1");
  acl.Clear();
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return counters.Get(Metric::kAclDrops) == 1; }));
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_EQ(frontend->queries.Get(), 0u);
}

TEST_F(UdpListenerTest, WithoutAnAccessListNobodyMayAsk) {
  Listen("127.0.0.1");
  settings.acl = nullptr;
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return counters.Get(Metric::kAclDrops) == 1; }));
}

TEST_F(UdpListenerTest, ShortAnswersAndOversizedAreCountedAndDropped) {
  Listen("127.0.0.1");
  SendAll(client, "elevenbytes");
  SendAll(client, AnswerTo(Query(1)));
  SendAll(client, Query(2, kMaxDatagram + 1));
  SendAll(client, Query(3, kMaxDatagram));
  EXPECT_EQ(Receive(client), AnswerTo(Query(3, kMaxDatagram)));
  EXPECT_EQ(sink.seen.size(), 1u);
  EXPECT_EQ(counters.Get(Metric::kNoncompliantQueries), 3u);
  EXPECT_EQ(frontend->noncompliant_queries.Get(), 3u);
}

TEST_F(UdpListenerTest, MutedFrontendTakesQueriesAndSendsNothing) {
  Listen("127.0.0.1");
  frontend->muted = true;
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return sink.seen.size() == 1; }));
  frontend->muted = false;
  SendAll(client, Query(2));
  EXPECT_EQ(Receive(client), AnswerTo(Query(2)));
  EXPECT_EQ(frontend->queries.Get(), 2u);
  EXPECT_EQ(frontend->responses.Get(), 1u);
}

TEST_F(UdpListenerTest, DroppedQueryLeavesNothingBehind) {
  Listen("127.0.0.1");
  sink.mode = ScriptedSink::Mode::kDrop;
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return sink.seen.size() == 1; }));
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(UdpListenerTest, AnswerThatTheKernelRefusesIsCounted) {
  Listen("127.0.0.1");
  sink.answer_size = 65530;  // more than a datagram holds
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return counters.Get(Metric::kUdpSendErrors) == 1; }));
  sink.answer_size = 0;
  SendAll(client, Query(2));
  EXPECT_EQ(Receive(client), AnswerTo(Query(2)));
  EXPECT_EQ(frontend->responses.Get(), 1u);
}

TEST_F(UdpListenerTest, AfterStopAcceptingAnswersStillLeave) {
  Listen("127.0.0.1");
  sink.mode = ScriptedSink::Mode::kHold;
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  listener->StopAccepting();
  SendAll(client, Query(2));
  Settle();
  EXPECT_EQ(sink.seen.size(), 1u);
  sink.AnswerHeld(0);
  EXPECT_EQ(Receive(client), AnswerTo(Query(1)));
}

TEST_F(UdpListenerTest, AfterCloseAnswersAreDropped) {
  Listen("127.0.0.1");
  sink.mode = ScriptedSink::Mode::kHold;
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  listener->Close();
  EXPECT_FALSE(listener->Alive(*sink.held[0]));
  sink.AnswerHeld(0);
  Settle();
  EXPECT_EQ(queries.outstanding(), 0u);
  EXPECT_FALSE(OpenFrontendSockets(frontend->settings, 1)->empty());
}

// A socket that takes nothing until told.
class StuckBatch : public SendBatch {
 public:
  struct State {
    bool stuck = true;
    int flushes = 0;
    std::vector<std::string> sent;
  };
  explicit StuckBatch(State& state) : state_(state) {}
  void Add(std::span<const uint8_t> bytes, const Address&, const Address&) override {
    queued_.push_back(bytes);
  }
  size_t size() const override { return queued_.size(); }
  Outcome Flush() override {
    ++state_.flushes;
    if (state_.stuck) return Outcome::kKept;
    for (const auto bytes : queued_) state_.sent.emplace_back(bytes.begin(), bytes.end());
    queued_.clear();
    return Outcome::kDone;
  }
  size_t Discard() override { return std::exchange(queued_, {}).size(); }
  std::span<const Failure> failures() const override { return {}; }
  int earlier_error() const override { return 0; }

 private:
  State& state_;
  std::vector<std::span<const uint8_t>> queued_;
};

class StuckUdpListenerTest : public UdpListenerTest {
 protected:
  void ListenStuck() {
    frontend = MakeFrontend("127.0.0.1", Protocol::kDoUdp);
    auto fds = OpenFrontendSockets(frontend->settings, 1);
    ASSERT_TRUE(fds) << fds.error();
    UdpListener::Source source{std::move(fds->front()), nullptr, std::make_unique<StuckBatch>(out)};
    listener = std::make_unique<UdpListener>(context, frontend, std::move(source));
    client = ConnectTo(listener->address());
  }
  StuckBatch::State out;
};

TEST_F(StuckUdpListenerTest, FullSocketKeepsAnswersOneTurn) {
  ListenStuck();
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return out.flushes == 1; }));
  EXPECT_EQ(queries.outstanding(), 1u);
  out.stuck = false;
  ASSERT_TRUE(RunUntil([&] { return out.sent.size() == 1; }));
  EXPECT_EQ(out.sent[0], AnswerTo(Query(1)));
  EXPECT_EQ(queries.outstanding(), 0u);
  EXPECT_EQ(counters.Get(Metric::kUdpSendErrors), 0u);
}

TEST_F(StuckUdpListenerTest, StillFullAfterATurnDropsThemCounted) {
  ListenStuck();
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return counters.Get(Metric::kUdpSendErrors) == 1; }));
  EXPECT_EQ(out.flushes, 2);
  EXPECT_EQ(queries.outstanding(), 0u);
  EXPECT_EQ(frontend->responses.Get(), 0u);
}

TEST_F(StuckUdpListenerTest, KeptAnswerIsNotOverwrittenByTheNextQuery) {
  ListenStuck();
  SendAll(client, Query(1));
  ASSERT_TRUE(RunUntil([&] { return out.flushes == 1; }));
  out.stuck = false;
  SendAll(client, Query(2));
  ASSERT_TRUE(RunUntil([&] { return out.sent.size() == 2; }));
  EXPECT_EQ(out.sent[0], AnswerTo(Query(1)));
  EXPECT_EQ(out.sent[1], AnswerTo(Query(2)));
}

TEST(FrontendSockets, OneForEachWorkerOnOnePort) {
  for (const Protocol protocol : {Protocol::kDoUdp, Protocol::kDoTcp}) {
    FrontendSettings settings;
    settings.address = *Address::Parse("127.0.0.1");
    settings.protocol = protocol;
    const auto fds = OpenFrontendSockets(settings, 3);
    ASSERT_TRUE(fds) << fds.error();
    ASSERT_EQ(fds->size(), 3u);
    for (const UniqueFd& fd : *fds) {
      EXPECT_EQ(LocalAddressOf(fd.get()), LocalAddressOf(fds->front().get()));
    }
    settings.address = LocalAddressOf(fds->front().get());
    EXPECT_FALSE(OpenFrontendSockets(settings, 1));
    settings.reuse_port = true;
    EXPECT_TRUE(OpenFrontendSockets(settings, 1));
  }
}

}  // namespace
}  // namespace breakwater
