#include "proxy/backend/udp_exchange.h"

#include <map>
#include <set>

#include "proxy/backend/backend_socket.h"
#include "tests/proxy/backend/exchange_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::FakeUdpServer;
using test::QueryMaker;
using test::ReplyTo;
using test::WithId;

class UdpExchangeTest : public test::ExchangeFixture {
 protected:
  void SetUp() override { Make({}); }
  void Make(const UdpExchangeOptions& options) {
    exchange_.reset();
    BackendSettings settings = settings_;
    settings.address = server_.address();
    backend_ = std::make_shared<Backend>(settings);
    exchange_ = std::make_unique<UdpExchange>(context_, backend_, options);
  }
  void Send(uint32_t slot, const Bytes& message, uint8_t attempt = 0) {
    ASSERT_TRUE(exchange_->Send(Flight(slot), attempt, {message}).has_value());
  }
  // Sends it and gives what the server got.
  FakeUdpServer::Query Ask(uint32_t slot, std::string_view query = "www.example.com A") {
    Send(slot, QueryMaker::Message(query));
    Turn();
    return server_.Receive();
  }
  // What was sent before has been read and judged once this reply is in.
  void AnswerAndWait(const FakeUdpServer::Query& query) {
    const size_t before = sink_.replies.size();
    server_.Send(query.from, ReplyTo(query.message));
    WaitForReplies(before + 1);
  }

  BackendSettings settings_;
  FakeUdpServer server_;
  BackendPtr backend_;
  std::unique_ptr<UdpExchange> exchange_;
};

TEST_F(UdpExchangeTest, AReplyGoesToTheAttemptThatAsked) {
  const auto a = Ask(1);
  Send(2, QueryMaker::Message("other.example AAAA"), 3);
  Turn();
  const auto b = server_.Receive();
  AnswerAndWait(b);
  AnswerAndWait(a);
  ASSERT_EQ(sink_.replies.size(), 2U);
  EXPECT_EQ(sink_.replies[0].flight, Flight(2));
  EXPECT_EQ(sink_.replies[0].attempt, 3);
  EXPECT_EQ(sink_.replies[0].message, ReplyTo(b.message));
  EXPECT_EQ(sink_.replies[1].flight, Flight(1));
  EXPECT_TRUE(exchange_->IsDatagram());
}

TEST_F(UdpExchangeTest, TheMessageGoesAsItIsButForTheId) {
  const Bytes message = QueryMaker::Message("wWw.example.com TYPE65280 CH +dnssec +id=7");
  Send(1, message);
  EXPECT_FALSE(server_.Waiting());  // not before the end of the turn
  Turn();
  EXPECT_EQ(WithId(server_.Receive().message, 7), message);
}

TEST_F(UdpExchangeTest, QueriesOfOneTurnLeaveOverOneSocket) {
  for (uint32_t i = 0; i < 200; ++i) Send(i, QueryMaker::Message("www.example.com A"));
  Turn();
  std::map<uint16_t, int> ports;
  for (int i = 0; i < 128; ++i) ++ports[server_.Receive().from.port()];
  EXPECT_EQ(ports.size(), 1U);
  std::set<uint16_t> ids;
  for (int i = 128; i < 200; ++i) ids.insert(server_.Receive().id());
  EXPECT_GT(ids.size(), 68U);
}

TEST_F(UdpExchangeTest, IdsAndPortsAreSpread) {
  std::map<uint16_t, int> ports;
  std::set<uint16_t> ids;
  int high = 0;
  int odd = 0;
  int sequential = 0;
  uint16_t last = 0;
  constexpr int kQueries = 2000;
  for (uint32_t i = 0; i < kQueries; ++i) {
    const auto query = Ask(i);
    ++ports[query.from.port()];
    ids.insert(query.id());
    if (query.id() >= 0x8000) ++high;
    if (query.id() & 1) ++odd;
    if (query.id() == static_cast<uint16_t>(last + 1)) ++sequential;
    last = query.id();
  }
  EXPECT_EQ(ports.size(), 8U);
  for (const auto& [port, count] : ports) EXPECT_NEAR(count, kQueries / 8, 100) << port;
  EXPECT_GT(ids.size(), 1920U);  // 1970 are expected of random draws
  EXPECT_NEAR(high, kQueries / 2, 150);
  EXPECT_NEAR(odd, kQueries / 2, 150);
  EXPECT_LT(sequential, 10);
}

TEST_F(UdpExchangeTest, AFloodOfWrongIdsChangesNothing) {
  const auto query = Ask(1);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i) {
      const auto id = static_cast<uint16_t>(query.id() + 1 + round * 100 + i);
      server_.Send(query.from, WithId(ReplyTo(query.message), id));
    }
    Turn();
  }
  AnswerAndWait(query);
  EXPECT_EQ(sink_.replies.size(), 1U);
  EXPECT_TRUE(sink_.failures.empty());
  EXPECT_GT(Count(Metric::kUnmatchedReplies), 100U);
  EXPECT_EQ(Count(Metric::kNoncompliantResponses), 0U);
}

TEST_F(UdpExchangeTest, IdsAtTheEndsOfTheRangeAreOrdinary) {
  const auto query = Ask(1);
  for (const int id : {0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff}) {
    if (id == query.id()) continue;
    server_.Send(query.from, WithId(ReplyTo(query.message), static_cast<uint16_t>(id)));
  }
  AnswerAndWait(query);
  EXPECT_EQ(sink_.replies.size(), 1U);
  EXPECT_GE(Count(Metric::kUnmatchedReplies), 5U);
}

TEST_F(UdpExchangeTest, AReplyToAnotherQuestionIsDropped) {
  const auto query = Ask(1, "www.example.com A");
  for (const char* other : {"www.example.org A", "www.example.com AAAA", "www.example.com A CH",
                            "example.com A", "a.www.example.com A"}) {
    server_.Send(query.from, WithId(ReplyTo(QueryMaker::Message(other)), query.id()));
  }
  AnswerAndWait(query);
  EXPECT_EQ(sink_.replies.size(), 1U);
  EXPECT_EQ(Count(Metric::kUnmatchedReplies), 5U);
  EXPECT_EQ(backend_->counters().noncompliant_responses.Get(), 5U);
}

TEST_F(UdpExchangeTest, TheQuestionMayComeBackInAnotherSpelling) {
  const auto query = Ask(1, "www.example.com A");
  server_.Send(query.from, WithId(ReplyTo(QueryMaker::Message("WWW.eXample.COM A")), query.id()));
  WaitForReplies(1);
}

TEST_F(UdpExchangeTest, MalformedRepliesAreCountedAndDropped) {
  const auto query = Ask(1);
  server_.Send(query.from, {1, 2, 3});
  server_.Send(query.from, query.message);  // QR is not set
  Bytes cut = ReplyTo(query.message);
  cut.resize(20);
  server_.Send(query.from, cut);
  AnswerAndWait(query);
  EXPECT_EQ(sink_.replies.size(), 1U);
  EXPECT_EQ(Count(Metric::kNoncompliantResponses), 3U);
}

TEST_F(UdpExchangeTest, AReplyFromAnotherPortOrHostIsNotSeen) {
  const auto query = Ask(1);
  FakeUdpServer other;
  other.Send(query.from, ReplyTo(query.message));
  FakeUdpServer other_host(*Address::Parse("127.0.0.2", server_.address().port()));
  other_host.Send(query.from, ReplyTo(query.message));
  AnswerAndWait(query);
  EXPECT_EQ(sink_.replies.size(), 1U);
  EXPECT_EQ(Count(Metric::kUnmatchedReplies), 0U);
}

TEST_F(UdpExchangeTest, AReplyToAnotherOfOurSocketsIsDropped) {
  const auto query = Ask(1);
  auto other = Ask(2);
  for (uint32_t i = 3; other.from.port() == query.from.port(); ++i) other = Ask(i);
  server_.Send(other.from, ReplyTo(query.message));
  AnswerAndWait(other);
  ASSERT_EQ(sink_.replies.size(), 1U);
  EXPECT_NE(sink_.replies[0].flight, Flight(1));
  EXPECT_EQ(Count(Metric::kUnmatchedReplies), 1U);
}

TEST_F(UdpExchangeTest, ASecondReplyIsDropped) {
  const auto query = Ask(1);
  server_.Send(query.from, ReplyTo(query.message));
  server_.Send(query.from, ReplyTo(query.message));
  RunUntil([&] { return Count(Metric::kUnmatchedReplies) == 1; });
  EXPECT_EQ(sink_.replies.size(), 1U);
}

TEST_F(UdpExchangeTest, ALateReplyAfterCancelIsDroppedAndCounted) {
  const auto query = Ask(1);
  exchange_->Cancel(Flight(1), 0);
  exchange_->Cancel(Flight(1), 0);
  server_.Send(query.from, ReplyTo(query.message));
  RunUntil([&] { return Count(Metric::kUnmatchedReplies) == 1; });
  EXPECT_TRUE(sink_.replies.empty());
}

TEST_F(UdpExchangeTest, CancelOfAnotherGenerationOrAttemptDoesNothing) {
  const auto query = Ask(1);
  exchange_->Cancel({1, 2}, 0);
  exchange_->Cancel(Flight(1), 1);
  AnswerAndWait(query);
}

TEST_F(UdpExchangeTest, WhatIsCancelledInItsTurnIsNotSent) {
  Send(1, QueryMaker::Message("one.example A"));
  Send(2, QueryMaker::Message("two.example A"));
  exchange_->Cancel(Flight(1), 0);
  Turn();
  EXPECT_EQ(WithId(server_.Receive().message, 0), WithId(QueryMaker::Message("two.example A"), 0));
  EXPECT_FALSE(server_.Waiting());
}

TEST_F(UdpExchangeTest, ARefusedPortFailsWhatIsOutstanding) {
  server_.Close();
  Send(1, QueryMaker::Message("www.example.com A"));
  Send(2, QueryMaker::Message("www.example.com AAAA"));
  WaitForFailures(2);
  for (const auto& failure : sink_.failures) EXPECT_EQ(failure.kind, FailureKind::kRefusedPort);
  // The exchange goes on.
  const size_t before = sink_.failures.size();
  Send(3, QueryMaker::Message("www.example.com A"));
  WaitForFailures(before + 1);
  EXPECT_EQ(sink_.failures.back().flight, Flight(3));
}

TEST_F(UdpExchangeTest, TheSinkMaySendAgainWhenAPortIsRefused) {
  server_.Close();
  int sends = 1;
  sink_.on_failure = [&](FlightId, uint8_t) {
    if (sends < 5) Send(static_cast<uint32_t>(++sends), QueryMaker::Message("www.example.com A"));
  };
  Send(1, QueryMaker::Message("www.example.com A"));
  WaitForFailures(5);
}

TEST_F(UdpExchangeTest, ACancelledAttemptIsNotToldOfTheRefusal) {
  server_.Close();
  Send(1, QueryMaker::Message("www.example.com A"));
  Send(2, QueryMaker::Message("www.example.com A"));
  sink_.on_failure = [&](FlightId flight, uint8_t) {
    exchange_->Cancel(flight == Flight(1) ? Flight(2) : Flight(1), 0);
  };
  WaitForFailures(1);
  Turn();
  EXPECT_EQ(sink_.failures.size(), 1U);
}

TEST_F(UdpExchangeTest, AMessageWithoutAQuestionOrTooLongIsRefusedAtOnce) {
  EXPECT_FALSE(exchange_->Send(Flight(1), 0, {Bytes(5)}).has_value());
  EXPECT_FALSE(exchange_->Send(Flight(1), 0, {Bytes(12)}).has_value());
  EXPECT_EQ(exchange_->Send(Flight(1), 0, {Bytes(5000)}).error(), Error::kNoSpace);
  Turn();
  EXPECT_FALSE(server_.Waiting());
}

TEST_F(UdpExchangeTest, AReplyTooLongForItsSlotBecomesTruncated) {
  const auto query = Ask(1);
  Bytes reply = ReplyTo(query.message);
  StoreU16(reply.data() + 6, 1);
  reply.resize(6000);
  server_.Send(query.from, reply);
  WaitForReplies(1);
  const Bytes& got = sink_.replies[0].message;
  EXPECT_EQ(got.size(), query.message.size());
  EXPECT_TRUE(dns::ConstHeader(got.data()).Has(dns::kFlagTc));
  EXPECT_EQ(LoadU16(got.data() + 6), 0);
}

TEST_F(UdpExchangeTest, BareHeadersMatchForErrorsAndForAllWhereAllowed) {
  auto query = Ask(1);
  const auto bare = [&](uint8_t rcode) {
    Bytes reply = ReplyTo(query.message);
    reply.resize(12);
    for (size_t i = 4; i < 12; ++i) reply[i] = 0;
    reply[3] = rcode;
    return reply;
  };
  server_.Send(query.from, bare(0));
  server_.Send(query.from, bare(3));
  RunUntil([&] { return Count(Metric::kNoncompliantResponses) == 2; });
  server_.Send(query.from, bare(1));
  WaitForReplies(1);
  Make({.allow_empty_response = true});
  query = Ask(2);
  server_.Send(query.from, bare(0));
  WaitForReplies(2);
}

TEST_F(UdpExchangeTest, TheSourceAddressIsUsed) {
  settings_.source = *Address::Parse("127.0.0.9", 0);
  Make({});
  const auto query = Ask(1);
  EXPECT_EQ(query.from.ToString(), "127.0.0.9");
  AnswerAndWait(query);
}

TEST_F(UdpExchangeTest, WithoutASocketNothingIsQueued) {
  settings_.source = *Address::Parse("192.0.2.1", 0);
  Make({});
  EXPECT_EQ(exchange_->Send(Flight(1), 0, {QueryMaker::Message("www.example.com A")}).error(),
            Error::kIo);
  EXPECT_EQ(backend_->counters().send_errors.Get(), 1U);
  EXPECT_EQ(Count(Metric::kDownstreamSendErrors), 1U);
}

TEST_F(UdpExchangeTest, ATooLongQueryIsASendError) {
  Make({});
  Bytes query = QueryMaker::Message("www.example.com A");
  query.resize(UdpExchange::kMaxQuery + 1);
  EXPECT_EQ(exchange_->Send(Flight(1), 0, {query}).error(), Error::kNoSpace);
  EXPECT_EQ(backend_->counters().send_errors.Get(), 1U);
  EXPECT_EQ(Count(Metric::kDownstreamSendErrors), 1U);
}

TEST_F(UdpExchangeTest, SocketsAreOpenedAtFirstUseAndNoMoreThanAskedFor) {
  Make({.sockets = 2});
  EXPECT_EQ(exchange_->open_sockets(), 0U);
  Ask(1);
  EXPECT_EQ(exchange_->open_sockets(), 1U);
  for (uint32_t i = 2; i < 60; ++i) Ask(i);
  EXPECT_EQ(exchange_->open_sockets(), 2U);
}

TEST_F(UdpExchangeTest, ARenewedSocketStillTakesItsRepliesAndThenCloses) {
  Make({.sockets = 1});
  const auto old = Ask(1);
  exchange_->RenewAll();
  const auto fresh = Ask(2);
  EXPECT_NE(fresh.from.port(), old.from.port());
  EXPECT_EQ(exchange_->open_sockets(), 2U);
  AnswerAndWait(old);
  EXPECT_EQ(exchange_->open_sockets(), 1U);
  AnswerAndWait(fresh);
}

TEST_F(UdpExchangeTest, IdleSocketsAreRenewedUntilNoneIsOpen) {
  Make({.sockets = 3, .renew_ms = 5});
  const auto query = Ask(1);
  AnswerAndWait(query);
  RunUntil([&] { return exchange_->open_sockets() == 0; });
}

TEST(SocketsPerBackend, AreEightOrAsConfiguredWithinAQuarterOfTheDescriptors) {
  EXPECT_EQ(SocketsPerBackend(1, {1, 1, 1024}), 8U);
  EXPECT_EQ(SocketsPerBackend(20, {2, 4, 1024}), 20U);
  EXPECT_EQ(SocketsPerBackend(64, {4, 4, 1024}), 16U);
  EXPECT_EQ(SocketsPerBackend(1, {4, 100, 1024}), 1U);
  EXPECT_EQ(SocketsPerBackend(9, {0, 0, 1024}), 9U);
}

}  // namespace
}  // namespace breakwater
