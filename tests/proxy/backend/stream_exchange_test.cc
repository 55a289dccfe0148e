#include "tests/proxy/backend/stream_exchange_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::FakeTcpConnection;
using test::FakeTcpServer;
using test::QueryMaker;
using test::ReplyTo;
using test::StreamExchangeTest;
using test::WithId;

TEST_F(StreamExchangeTest, AConnectionIsUsedAgain) {
  Make();
  Ask(1);
  FakeTcpConnection connection = server_.Accept();
  Answer(connection, connection.Receive());
  Ask(2, "other.example AAAA");
  const Bytes second = connection.Receive();
  EXPECT_EQ(WithId(second, 0), WithId(QueryMaker::Message("other.example AAAA"), 0));
  Answer(connection, second);
  EXPECT_EQ(sink_.replies[0].flight, Flight(1));
  EXPECT_EQ(sink_.replies[1].flight, Flight(2));
  EXPECT_EQ(sink_.replies[1].message, ReplyTo(second));
  EXPECT_EQ(counters().tcp_new_connections.Get(), 1U);
  EXPECT_EQ(counters().tcp_reused_connections.Get(), 1U);
  EXPECT_FALSE(exchange_->IsDatagram());
}

TEST_F(StreamExchangeTest, WithoutMaxInFlightAConnectionCarriesOneQueryAtATime) {
  Make();
  Ask(1);
  Ask(2);
  FakeTcpConnection a = server_.Accept();
  FakeTcpConnection b = server_.Accept();
  Answer(a, a.Receive());
  Answer(b, b.Receive());
  EXPECT_EQ(counters().tcp_current_connections.Get(), 2U);
  EXPECT_EQ(counters().tcp_max_concurrent_connections.Get(), 2U);
}

TEST_F(StreamExchangeTest, PipelinedAnswersMayComeInAnyOrder) {
  settings_.max_in_flight = 2;
  Make();
  Ask(1, "one.example A");
  Ask(2, "two.example A");
  FakeTcpConnection connection = server_.Accept();
  const Bytes one = connection.Receive();
  const Bytes two = connection.Receive();
  EXPECT_FALSE(server_.Waiting());
  Ask(3, "three.example A");  // the first one is full
  EXPECT_TRUE(server_.Waiting(5000));
  Answer(connection, two);
  Answer(connection, one);
  EXPECT_EQ(sink_.replies[0].flight, Flight(2));
  EXPECT_EQ(sink_.replies[1].flight, Flight(1));
}

TEST_F(StreamExchangeTest, AQueryOnAKeptConnectionThatClosesInMidAnswerIsSentAgain) {
  Make();
  Ask(1);
  FakeTcpConnection kept = server_.Accept();
  Answer(kept, kept.Receive());
  Ask(2);
  const Bytes query = kept.Receive();
  kept.SendRaw({0, 40, query[0], query[1], 0x80});
  kept.Close();
  RunUntil([&] { return server_.Waiting(); });
  FakeTcpConnection fresh = server_.Accept();
  Settle();
  const Bytes again = fresh.Receive();
  EXPECT_EQ(WithId(again, 0), WithId(query, 0));
  Answer(fresh, again);
  EXPECT_EQ(sink_.replies[1].flight, Flight(2));
  EXPECT_TRUE(sink_.failures.empty());
  EXPECT_EQ(counters().tcp_died_reading_response.Get(), 1U);
}

TEST_F(StreamExchangeTest, WithoutRetriesItFails) {
  settings_.retries = 0;
  Make();
  Ask(1);
  FakeTcpConnection kept = server_.Accept();
  Answer(kept, kept.Receive());
  Ask(2);
  kept.Receive();
  kept.Close();
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kConnection);
  EXPECT_EQ(counters().tcp_gave_up.Get(), 1U);
}

TEST_F(StreamExchangeTest, AFreshConnectionThatClosesBeforeTheAnswerIsAFailure) {
  Make();
  Ask(1);
  FakeTcpConnection connection = server_.Accept();
  connection.Receive();
  connection.Close();
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].flight, Flight(1));
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kConnection);
  EXPECT_FALSE(server_.Waiting());
  EXPECT_EQ(counters().tcp_connections_closed.Get(), 1U);
  EXPECT_EQ(counters().tcp_current_connections.Get(), 0U);
}

TEST_F(StreamExchangeTest, ARefusedConnectionIsARefusedPort) {
  server_.Close();
  Make();
  if (Send(1, QueryMaker::Message("www.example.com A"))) {
    WaitForFailures(1);
    EXPECT_EQ(sink_.failures[0].kind, FailureKind::kRefusedPort);
  }
  EXPECT_EQ(exchange_->open_connections(), 0U);
}

TEST_F(StreamExchangeTest, AtTheLimitOfConnectionsAQueryWithoutRoomIsRefused) {
  settings_.max_concurrent_tcp_connections = 1;
  Make();
  Ask(1);
  EXPECT_EQ(Send(2, QueryMaker::Message("www.example.com A")).error(), Error::kLimit);
  EXPECT_EQ(counters().tcp_too_many_connections.Get(), 1U);
  EXPECT_EQ(counters().send_errors.Get(), 1U);
  EXPECT_EQ(Count(Metric::kDownstreamSendErrors), 1U);
  FakeTcpConnection connection = server_.Accept();
  Answer(connection, connection.Receive());
  Ask(3);
  EXPECT_FALSE(connection.Receive().empty());
}

TEST_F(StreamExchangeTest, AnAnswerThatDoesNotComeInTimeIsATimeOut) {
  settings_.tcp_recv_timeout_ms = 20;
  Make();
  Ask(1);
  FakeTcpConnection connection = server_.Accept();
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kTimeout);
  EXPECT_EQ(counters().tcp_read_timeouts.Get(), 1U);
  EXPECT_EQ(exchange_->open_connections(), 0U);
}

TEST_F(StreamExchangeTest, AConnectionThatDoesNotOpenInTimeIsAFailure) {
  FakeTcpServer full(0);
  // What is beyond the queue of a listener that accepts nothing never opens.
  std::vector<UniqueFd> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)connect(fillers.back().get(), full.address().sockaddr_ptr(),
                  full.address().sockaddr_length());
  }
  settings_.tcp_connect_timeout_ms = 20;
  Make();
  settings_.address = full.address();
  backend_ = std::make_shared<Backend>(settings_);
  exchange_ = std::make_unique<StreamExchange>(context_, backend_, StreamExchangeOptions{});
  ASSERT_TRUE(Send(1, QueryMaker::Message("www.example.com A")).has_value());
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kConnection);
  EXPECT_EQ(counters().tcp_connect_timeouts.Get(), 1U);
}

TEST_F(StreamExchangeTest, NoMoreIdleConnectionsAreKeptThanAllowed) {
  Make({.max_idle_connections = 1});
  Ask(1);
  Ask(2);
  FakeTcpConnection a = server_.Accept();
  FakeTcpConnection b = server_.Accept();
  Answer(a, a.Receive());
  Answer(b, b.Receive());
  Turn();
  EXPECT_EQ(exchange_->open_connections(), 1U);
}

TEST_F(StreamExchangeTest, AnIdleConnectionClosesAfterItsTime) {
  Make({.max_idle_ms = 20});
  Ask(1);
  FakeTcpConnection connection = server_.Accept();
  Answer(connection, connection.Receive());
  RunUntil([&] { return exchange_->open_connections() == 0; });
  EXPECT_TRUE(sink_.failures.empty());
}

TEST_F(StreamExchangeTest, AnIdleConnectionThatThePeerClosesIsForgotten) {
  Make();
  Ask(1);
  FakeTcpConnection connection = server_.Accept();
  Answer(connection, connection.Receive());
  connection.Close();
  RunUntil([&] { return exchange_->open_connections() == 0; });
  EXPECT_TRUE(sink_.failures.empty());
  EXPECT_EQ(counters().tcp_died_reading_response.Get(), 0U);
}

TEST_F(StreamExchangeTest, AConnectionWhoseQueryWasCancelledIsNotUsedAgain) {
  Make();
  Ask(1);
  FakeTcpConnection stuck = server_.Accept();
  exchange_->Cancel(Flight(1), 0);
  Turn();
  EXPECT_EQ(exchange_->open_connections(), 0U);
  Ask(2);
  FakeTcpConnection fresh = server_.Accept();
  Answer(fresh, fresh.Receive());
  EXPECT_EQ(sink_.replies[0].flight, Flight(2));
}

TEST_F(StreamExchangeTest, ALateAnswerAmongOthersIsDropped) {
  settings_.max_in_flight = 4;
  Make();
  Ask(1, "one.example A");
  Ask(2, "two.example A");
  FakeTcpConnection connection = server_.Accept();
  const Bytes one = connection.Receive();
  const Bytes two = connection.Receive();
  exchange_->Cancel(Flight(1), 0);
  connection.Send(ReplyTo(one));
  Answer(connection, two);
  ASSERT_EQ(sink_.replies.size(), 1U);
  EXPECT_EQ(sink_.replies[0].flight, Flight(2));
  EXPECT_EQ(Count(Metric::kUnmatchedReplies), 1U);
}

TEST_F(StreamExchangeTest, AnAnswerToAnotherQuestionIsDropped) {
  Make();
  Ask(1, "www.example.com A");
  FakeTcpConnection connection = server_.Accept();
  const Bytes query = connection.Receive();
  connection.Send(WithId(ReplyTo(QueryMaker::Message("www.example.org A")), LoadU16(query.data())));
  connection.Send({1, 2, 3});
  Answer(connection, query);
  EXPECT_EQ(sink_.replies.size(), 1U);
  EXPECT_EQ(counters().noncompliant_responses.Get(), 2U);
}

TEST_F(StreamExchangeTest, AReplyWithoutTheQuestionIsTakenOnlyWhereAllowed) {
  const auto bare = [](Bytes query) {
    query = ReplyTo(std::move(query));
    query.resize(12);
    query[5] = 0;
    return query;
  };
  Make();
  Ask(1);
  FakeTcpConnection connection = server_.Accept();
  const Bytes query = connection.Receive();
  connection.Send(bare(query));
  RunUntil([&] { return counters().noncompliant_responses.Get() == 1; });
  Answer(connection, query);
  Make({.allow_empty_response = true});
  Ask(2);
  FakeTcpConnection lenient = server_.Accept();
  lenient.Send(bare(lenient.Receive()));
  WaitForReplies(2);
}

TEST_F(StreamExchangeTest, TheLargestMessagesPassBothWays) {
  Make();
  Bytes query = QueryMaker::Message("www.example.com A");
  Bytes too_long = query;
  too_long.resize(65536);
  EXPECT_EQ(Send(1, too_long).error(), Error::kNoSpace);
  EXPECT_EQ(Count(Metric::kDownstreamSendErrors), 1U);
  query.resize(65535);
  ASSERT_TRUE(Send(1, query).has_value());
  Settle();
  FakeTcpConnection connection = server_.Accept();
  const Bytes got = connection.Receive();
  EXPECT_EQ(got.size(), 65535U);
  connection.Send(ReplyTo(got));
  WaitForReplies(1);
  EXPECT_EQ(sink_.replies[0].message.size(), 65535U);
}

}  // namespace
}  // namespace breakwater
