#include "proxy/listen/client_stream.h"

#include "tests/proxy/listen/stream_fixture.h"

namespace breakwater {
namespace {

using test::ScriptedSink;

class ClientStreamTest : public test::StreamTest {};

TEST_F(ClientStreamTest, AnswersAQueryAndKeepsTheConnection) {
  Listen();
  const UniqueFd client = Client();
  for (uint16_t id = 1; id <= 3; ++id) {
    SendAll(client, Framed(Query(id)));
    EXPECT_EQ(ReadMessage(client), AnswerTo(Query(id)));
  }
  EXPECT_EQ(sink.clients[0], LocalAddressOf(client.get()));
  EXPECT_EQ(sink.locals[0], listener->address());
  EXPECT_EQ(frontend->queries.Get(), 3u);
  EXPECT_EQ(frontend->responses.Get(), 3u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(ClientStreamTest, QueryMayComeOneByteAtATime) {
  Listen();
  const UniqueFd client = Accepted();
  const std::string framed = Framed(Query(5));
  for (const char byte : framed) {
    SendAll(client, {&byte, 1});
    Turn();
  }
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(5)));
  EXPECT_EQ(sink.seen.size(), 1u);
}

TEST_F(ClientStreamTest, LargestMessageComesAndGoes) {
  Listen();
  const UniqueFd client = Accepted();
  const std::string query = Query(5, 65535);
  SendAll(client, Framed(query) + Framed(Query(6)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(query));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(6)));
  EXPECT_GE(sink.capacities[0], size_t{65535 + 512});
}

TEST_F(ClientStreamTest, PipelinedQueriesAreAnsweredOutOfOrder) {
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)) + Framed(Query(3)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 3; }));
  sink.AnswerHeld(1);
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(2)));
  sink.AnswerHeld(1);
  sink.AnswerHeld(0);
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(3)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
}

TEST_F(ClientStreamTest, WithoutMaxInFlightTheNextQueryWaitsForTheAnswer) {
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)) + Framed(Query(3)));
  for (uint16_t id = 1; id <= 3; ++id) {
    ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
    Settle();
    ASSERT_EQ(sink.seen.size(), id);
    sink.AnswerHeld(0);
    EXPECT_EQ(ReadMessage(client), AnswerTo(Query(id)));
  }
}

TEST_F(ClientStreamTest, InFlightLimitHoldsTheRestBack) {
  NewFrontend()->settings.max_in_flight = 4;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  for (uint16_t id = 0; id < 300; ++id) SendAll(client, Framed(Query(id)));
  Settle();
  EXPECT_EQ(sink.held.size(), 4u);
  for (uint16_t id = 0; id < 300; ++id) {
    ASSERT_TRUE(RunUntil([&] { return !sink.held.empty(); }));
    ASSERT_LE(sink.held.size(), 4u);
    sink.AnswerHeld(0);
    ASSERT_EQ(ReadMessage(client), AnswerTo(Query(id)));
  }
}

TEST_F(ClientStreamTest, ClientThatDoesNotReadIsHeldBackThenCut) {
  NewFrontend()->settings.max_in_flight = 1000;
  Listen();
  sink.answer_size = 60000;
  const UniqueFd client = Accepted();
  std::string flood;
  for (uint16_t id = 0; id < 1000; ++id) flood += Framed(Query(id));
  SendAll(client, flood);
  // The kernel's buffers take what they take; then nothing is read any more.
  size_t taken = 0;
  do {
    taken = sink.seen.size();
    for (int i = 0; i < 10; ++i) Settle();
  } while (sink.seen.size() != taken);
  EXPECT_LT(taken, 500u);
  Advance(1999);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(2);
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(frontend->tcp_client_timeouts.Get(), 1u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(ClientStreamTest, SmallAnswersInLargeBuffersDoNotCutTheConnection) {
  NewFrontend()->settings.max_in_flight = 1000;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  sink.answer_size = 4700;
  const UniqueFd client = Accepted();
  for (uint16_t id = 0; id < 100; ++id) SendAll(client, Framed(Query(id)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 100; }));
  while (!sink.held.empty()) sink.AnswerHeld(0);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ReadMessage(client).size(), 4700u) << i;
}

TEST_F(ClientStreamTest, ClientThatReadsAgainGetsEverything) {
  NewFrontend()->settings.max_in_flight = 1000;
  Listen();
  sink.answer_size = 60000;
  const UniqueFd client = Accepted();
  for (uint16_t id = 0; id < 300; ++id) SendAll(client, Framed(Query(id)));
  Settle();
  for (int i = 0; i < 300; ++i) ASSERT_EQ(ReadMessage(client).size(), 60000u) << i;
  EXPECT_EQ(frontend->responses.Get(), 300u);
  EXPECT_EQ(listener->connections(), 1u);
}

TEST_F(ClientStreamTest, AnswersBeyondTheBoundCutTheConnection) {
  NewFrontend()->settings.max_in_flight = 1000;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  sink.answer_size = 65000;
  const UniqueFd client = Accepted();
  for (uint16_t id = 0; id < 200; ++id) SendAll(client, Framed(Query(id)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 200; }));
  while (!sink.held.empty()) sink.AnswerHeld(0);
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(frontend->tcp_died_sending_response.Get(), 1u);
  Settle();
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(ClientStreamTest, IdleConnectionIsClosedAfterTheReceiveTimeout) {
  Listen();
  const UniqueFd client = Accepted();
  Advance(1500);
  SendAll(client, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  Advance(1999);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(2);
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(frontend->tcp_client_timeouts.Get(), 1u);
}

TEST_F(ClientStreamTest, HalfAQueryIsNotWaitedForLongerThanTheReceiveTimeout) {
  Listen();
  const UniqueFd client = Accepted();
  SendAll(client, Framed(Query(1)).substr(0, 10));
  Settle();
  Advance(2001);
  EXPECT_EQ(listener->connections(), 0u);
}

TEST_F(ClientStreamTest, WhileAnswersAreAwaitedTheClientIsNotIdle) {
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  Advance(60'000);
  sink.AnswerHeld(0);
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
}

TEST_F(ClientStreamTest, ReceiveTimeoutChangedAtRunTimeCounts) {
  Listen();
  const UniqueFd client = Accepted();
  settings.tcp_recv_timeout_s = 10;
  SendAll(client, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  Advance(9000);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(1001);
  EXPECT_EQ(listener->connections(), 0u);
}

TEST_F(ClientStreamTest, ConnectionEndsAfterItsLargestDuration) {
  settings.max_tcp_connection_duration_s = 5;
  Listen();
  const UniqueFd client = Accepted();
  for (int second = 0; second < 4; ++second) {
    Advance(1000);
    SendAll(client, Framed(Query(1)));
    ASSERT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  }
  Advance(1001);
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(frontend->tcp_client_timeouts.Get(), 0u);
}

TEST_F(ClientStreamTest, QueriesPerConnectionAreLimitedAndAllAnswersArrive) {
  settings.max_tcp_queries_per_connection = 2;
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)) + Framed(Query(3)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(2)));
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(sink.seen.size(), 2u);
}

TEST_F(ClientStreamTest, TooManyReadsForAQueryEndAndBan) {
  settings.max_read_ios_per_query = 5;
  Listen();
  const UniqueFd client = Accepted();
  SendAll(client, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  const std::string framed = Framed(Query(2));
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(listener->connections(), 1u);
    SendAll(client, framed.substr(i, 1));
    Settle();
  }
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(counters.Get(Metric::kTcpTooManyReads), 1u);
  const UniqueFd banned = Client();
  EXPECT_TRUE(AtEnd(banned));
  EXPECT_EQ(counters.Get(Metric::kTcpRefused), 1u);
}

TEST_F(ClientStreamTest, ClosedSendingHalfStillGetsItsAnswers) {
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)));
  ASSERT_EQ(shutdown(client.get(), SHUT_WR), 0);
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 2; }));
  Settle();
  sink.AnswerHeld(1);
  sink.AnswerHeld(0);
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(2)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  EXPECT_TRUE(AtEnd(client));
}

TEST_F(ClientStreamTest, AnswersForAGoneClientAreDropped) {
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 2; }));
  EXPECT_TRUE(listener->Alive(*sink.held[0]));
  Reset(client);
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  EXPECT_FALSE(listener->Alive(*sink.held[0]));
  // A new connection in the same place must not get them.
  const UniqueFd other = Accepted();
  sink.AnswerHeld(0);
  ReplyTarget& target = *listener;
  target.Drop(std::move(sink.held[0]), DropReason::kTimeout);
  sink.held.clear();
  EXPECT_TRUE(Quiet(other));
  EXPECT_EQ(listener->connections(), 1u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(ClientStreamTest, DroppedQueryEndsTheConnectionAfterTheOtherAnswers) {
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  sink.mode = ScriptedSink::Mode::kHold;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)) + Framed(Query(2)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 2; }));
  QueryPtr dropped = std::move(sink.held[0]);
  ReplyTarget* target = dropped->target;
  target->Drop(std::move(dropped), DropReason::kTimeout);
  EXPECT_TRUE(Quiet(client));
  sink.AnswerHeld(1);
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(2)));
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(frontend->tcp_downstream_timeouts.Get(), 1u);
  sink.held.clear();
}

TEST_F(ClientStreamTest, WhatIsNoQueryEndsTheConnection) {
  Listen();
  for (const std::string& message : {std::string(), std::string("short"), AnswerTo(Query(1))}) {
    const UniqueFd client = Client();
    SendAll(client, Framed(message));
    EXPECT_TRUE(AtEnd(client));
  }
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_EQ(counters.Get(Metric::kNoncompliantQueries), 3u);
}

TEST_F(ClientStreamTest, MutedFrontendSendsNothing) {
  Listen();
  frontend->muted = true;
  const UniqueFd client = Client();
  SendAll(client, Framed(Query(1)));
  ASSERT_TRUE(RunUntil([&] { return sink.seen.size() == 1; }));
  EXPECT_TRUE(Quiet(client));
  frontend->muted = false;
  SendAll(client, Framed(Query(2)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(2)));
}

TEST_F(ClientStreamTest, FinishedConnectionIsCounted) {
  Listen();
  UniqueFd client = Accepted();
  SendAll(client, Framed(Query(1)));
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
  Advance(700);
  EXPECT_EQ(frontend->tcp_current_connections.Get(), 1u);
  client.Reset();
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  EXPECT_EQ(frontend->tcp_current_connections.Get(), 0u);
  EXPECT_EQ(frontend->tcp_connections.Get(), 1u);
  EXPECT_EQ(frontend->tcp_connection_queries.Get(), 1u);
  EXPECT_EQ(frontend->tcp_connection_duration_ms.Get(), 700u);
  EXPECT_EQ(frontend->tcp_read_ios.Get(), 1u);
  EXPECT_EQ(frontend->tcp_died_reading_query.Get(), 0u);
}

TEST_F(ClientStreamTest, ClientThatLeavesInAQueryIsCounted) {
  Listen();
  UniqueFd client = Accepted();
  SendAll(client, Framed(Query(1)).substr(0, 20));
  client.Reset();
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  EXPECT_EQ(frontend->tcp_died_reading_query.Get(), 1u);
}

}  // namespace
}  // namespace breakwater
