#include "proxy/listen/stream_listener.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "tests/proxy/listen/stream_fixture.h"

namespace breakwater {
namespace {

using test::ScriptedSink;

class StreamListenerTest : public test::StreamTest {};

TEST_F(StreamListenerTest, DeniedClientIsClosedWithoutAWord) {
  Listen();
  acl.Clear();
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)));
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(counters.Get(Metric::kAclDrops), 1u);
  EXPECT_EQ(frontend->queries.Get(), 0u);
}

TEST_F(StreamListenerTest, ConnectionsOfABindAreLimited) {
  NewFrontend()->settings.max_connections = 2;
  settings.overload_threshold_percent = 0;
  Listen();
  UniqueFd first = Accepted();
  const UniqueFd second = Accepted();
  const UniqueFd third = Client();
  EXPECT_TRUE(AtEnd(third));
  EXPECT_EQ(counters.Get(Metric::kTcpRefused), 1u);
  first.Reset();
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 1; }));
  const UniqueFd fourth = Accepted();
  EXPECT_EQ(frontend->tcp_max_concurrent_connections.Get(), 2u);
}

TEST_F(StreamListenerTest, ConnectionsOfAClientAreLimited) {
  limits.SetSettings({.max_connections_per_client = 1, .overload_threshold_percent = 0});
  Listen();
  UniqueFd first = Accepted();
  const UniqueFd second = Client();
  EXPECT_TRUE(AtEnd(second));
  first.Reset();
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  const UniqueFd third = Accepted();
}

TEST_F(StreamListenerTest, ConnectionRateOfAClientIsLimited) {
  limits.SetSettings({.max_connection_rate = 2, .ban_for_rate_s = 10});
  Listen();
  const UniqueFd first = Accepted();
  const UniqueFd second = Accepted();
  EXPECT_TRUE(AtEnd(Client()));
  Advance(9000);
  EXPECT_TRUE(AtEnd(Client()));
  Advance(1000);
  const UniqueFd again = Accepted();
}

TEST_F(StreamListenerTest, QueuedConnectionsAreLimited) {
  SharedCounter queued;
  queued.Set(5);
  settings.max_tcp_queued_connections = 5;
  context.queued_connections = &queued;
  Listen();
  EXPECT_TRUE(AtEnd(Client()));
  queued.Set(4);
  const UniqueFd client = Accepted();
  EXPECT_EQ(queued.Get(), 4u);
}

TEST_F(StreamListenerTest, NearTheLimitAConnectionMayAskOnce) {
  NewFrontend()->settings.max_connections = 10;
  frontend->settings.max_in_flight = 10;
  Listen();
  frontend->tcp_current_connections.Set(8);
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(sink.seen.size(), 1u);
}

TEST_F(StreamListenerTest, NearTheLimitTimeoutsAreShort) {
  NewFrontend()->settings.max_connections = 10;
  Listen();
  frontend->tcp_current_connections.Set(8);
  const UniqueFd client = Accepted();
  Advance(499);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(2);
  EXPECT_EQ(listener->connections(), 0u);
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd other = Accepted();
  SendAll(other, Framed(Query(1)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  Advance(4900);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(101);
  EXPECT_EQ(listener->connections(), 0u);
}

// Gives the process no descriptor beyond those it has.
class DescriptorFamine {
 public:
  DescriptorFamine() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(lowest_free);
    rlimit tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(lowest_free);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  }
  ~DescriptorFamine() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(StreamListenerTest, TheLastDescriptorsAreNotForClients) {
  Listen();
  const UniqueFd served = Accepted();
  const int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(lowest_free);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit tight = before;
  // Room for two of the clients' own ends below those that are kept back.
  tight.rlim_cur = static_cast<rlim_t>((lowest_free + 2 + 4) / 5 * 8);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Client());
  Settle();
  EXPECT_GE(counters.Get(Metric::kTcpRefused), 1u);
  EXPECT_LT(listener->connections(), 5u);
  EXPECT_TRUE(AtEnd(clients.back()));
  // Those open are served, and so are new ones when there is room again.
  SendAll(served, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(served), AnswerTo(Query(1)));
  clients.clear();
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 1; }));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd again = Accepted();
  SendAll(again, Framed(Query(2)));
  EXPECT_EQ(ReadMessage(again), AnswerTo(Query(2)));
}

TEST_F(StreamListenerTest, WithoutDescriptorsItWaitsAndThenGoesOn) {
  Listen();
  const UniqueFd served = Accepted();
  const UniqueFd waiting = Client();
  {
    const DescriptorFamine famine;
    Settle();
    EXPECT_EQ(listener->connections(), 1u);
    // Those open are served meanwhile.
    SendAll(served, Framed(Query(1)));
    EXPECT_EQ(ReadMessage(served), AnswerTo(Query(1)));
    Advance(101);
    EXPECT_EQ(listener->connections(), 1u);
  }
  EXPECT_EQ(listener->connections(), 1u);
  Advance(101);
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 2; }));
  SendAll(waiting, Framed(Query(2)));
  EXPECT_EQ(ReadMessage(waiting), AnswerTo(Query(2)));
}

TEST_F(StreamListenerTest, WithoutDescriptorsItDoesNotSpin) {
  Listen();
  // First everything once with descriptors to spare: UBSan takes a pipe to check a type it has not
  // seen before.
  const UniqueFd served = Accepted();
  Settle();
  const UniqueFd waiting = Client();
  const DescriptorFamine famine;
  Settle();
  // The pause is a hundred milliseconds of a clock that stands still: with the accept watched the
  // loop would not block.
  bool woke = false;
  uv_timer_t timer;
  uv_timer_init(loop.raw(), &timer);
  timer.data = &woke;
  uv_timer_start(
      &timer, [](uv_timer_t* t) { *static_cast<bool*>(t->data) = true; }, 50, 0);
  int turns = 0;
  while (!woke) {
    uv_run(loop.raw(), UV_RUN_ONCE);
    ++turns;
  }
  EXPECT_LE(turns, 5);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  Turn();
}

TEST_F(StreamListenerTest, StopEndsIdleConnectionsAndFinishesTheOthers) {
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd idle = Accepted();
  const UniqueFd busy = Accepted();
  SendAll(busy, Framed(Query(1)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  listener->StopAccepting();
  EXPECT_TRUE(AtEnd(idle));
  EXPECT_EQ(listener->connections(), 1u);
  SendAll(busy, Framed(Query(2)));
  Settle();
  EXPECT_EQ(sink.seen.size(), 1u);
  sink.AnswerHeld(0);
  EXPECT_EQ(ReadMessage(busy), AnswerTo(Query(1)));
  EXPECT_TRUE(AtEnd(busy));
  EXPECT_EQ(listener->connections(), 0u);
}

TEST_F(StreamListenerTest, AfterCloseAnswersFindNobody) {
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  listener->Close();
  EXPECT_FALSE(listener->Alive(*sink.held[0]));
  sink.AnswerHeld(0);
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(StreamListenerTest, HundredsOfConnectionsComeAndGo) {
  Listen();
  for (int round = 0; round < 3; ++round) {
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(Client());
    for (uint16_t i = 0; i < 100; ++i) SendAll(clients[i], Framed(Query(i)));
    for (uint16_t i = 0; i < 100; ++i) {
      ASSERT_EQ(ReadMessage(clients[i]), AnswerTo(Query(i)));
    }
    clients.clear();
    ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  }
  EXPECT_EQ(frontend->tcp_connections.Get(), 300u);
  EXPECT_EQ(frontend->tcp_current_connections.Get(), 0u);
  EXPECT_EQ(limits.known_clients(), 0u);
}

TEST_F(StreamListenerTest, AcceptedConnectionMayGoToAnotherListener) {
  Listen();
  SharedCounter queued;
  ListenContext other_context{loop, queries, sink, counters, limits, settings};
  other_context.queued_connections = &queued;
  auto other = StreamListener::Open(other_context, frontend, {});
  ASSERT_TRUE(other) << other.error();
  context.queued_connections = &queued;
  context.hand_over = [&](StreamListener& from, AcceptedConnection& connection) {
    EXPECT_EQ(&from, listener.get());
    auto moved = std::make_shared<AcceptedConnection>(std::move(connection));
    loop.Post([&other, moved] { (*other)->Adopt(std::move(*moved)); });
    EXPECT_EQ(queued.Get(), 1u);
    return true;
  };
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ((*other)->connections(), 1u);
  EXPECT_EQ(queued.Get(), 0u);
  EXPECT_EQ(frontend->tcp_current_connections.Get(), 1u);
}

TEST_F(StreamListenerTest, WildcardTellsTheAddressAsked) {
  frontend = MakeFrontend("0.0.0.0", Protocol::kDoTcp);
  Listen();
  Address asked = *Address::Parse("127.0.0.2");
  asked.set_port(listener->address().port());
  const UniqueFd client = Connect(asked, SOCK_STREAM);
  SendAll(client, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  EXPECT_EQ(sink.locals[0], asked);
}

}  // namespace
}  // namespace breakwater
