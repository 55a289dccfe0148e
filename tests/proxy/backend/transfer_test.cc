// Answers of many messages through a StreamExchange.
#include "tests/proxy/backend/stream_exchange_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::FakeTcpConnection;
using test::QueryMaker;
using test::WithId;

const std::string kSoa =
    " / answer zone.example 60 SOA ns.example. host.example. 7 7200 3600 1209600 60";
const std::string kRecord = " / answer www.zone.example 60 A 192.0.2.1";

class TransferTest : public test::StreamExchangeTest {
 protected:
  // A message of the answer to that query.
  static Bytes Message(const Bytes& query, const std::string& records) {
    return WithId(QueryMaker::Message("zone.example AXFR +norec +qr" + records),
                  LoadU16(query.data()));
  }
  static Bytes WithoutQuestion(Bytes message) {
    const auto question_end = static_cast<ptrdiff_t>(dns::ParseQuestion(message)->end());
    message.erase(message.begin() + 12, message.begin() + question_end);
    message[5] = 0;
    return message;
  }
  FakeTcpConnection Begin(uint32_t slot) {
    Ask(slot, "zone.example AXFR");
    FakeTcpConnection connection = server_.Accept();
    query_ = connection.Receive();
    return connection;
  }
  void WaitForParts(size_t count) {
    RunUntil([&] { return sink_.parts.size() >= count; });
  }
  Bytes query_;
};

TEST_F(TransferTest, EveryMessageIsHandedOnInOrder) {
  Make();
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa + kRecord));
  WaitForParts(1);
  connection.Send(WithoutQuestion(Message(query_, kRecord)));
  connection.Send(Message(query_, kRecord + kSoa));
  WaitForReplies(1);
  ASSERT_EQ(sink_.parts.size(), 2U);
  EXPECT_EQ(sink_.parts[0].flight, Flight(1));
  EXPECT_EQ(sink_.parts[0].message, Message(query_, kSoa + kRecord));
  EXPECT_EQ(sink_.parts[1].message, WithoutQuestion(Message(query_, kRecord)));
  EXPECT_EQ(sink_.replies[0].message, Message(query_, kRecord + kSoa));
  EXPECT_EQ(Count(Metric::kUnmatchedReplies), 0U);
}

TEST_F(TransferTest, TheFirstMessageMustHaveTheQuestion) {
  Make();
  FakeTcpConnection connection = Begin(1);
  connection.Send(WithoutQuestion(Message(query_, kSoa)));
  RunUntil([&] { return Count(Metric::kUnmatchedReplies) == 1; });
  EXPECT_TRUE(sink_.parts.empty());
}

TEST_F(TransferTest, HasAConnectionToItselfAndGivesItBack) {
  settings_.max_in_flight = 4;
  Make();
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa));
  WaitForParts(1);
  Ask(2);
  FakeTcpConnection other = server_.Accept();
  Answer(other, other.Receive());
  connection.Send(Message(query_, kSoa));
  WaitForReplies(2);
  for (uint32_t slot = 3; slot <= 7; ++slot) Ask(slot);  // one more than the other takes
  Answer(connection, connection.Receive());
  EXPECT_EQ(counters().tcp_new_connections.Get(), 2U);
}

TEST_F(TransferTest, IsNotPutBehindAnotherQuery) {
  settings_.max_in_flight = 4;
  Make();
  Ask(1);
  FakeTcpConnection busy = server_.Accept();
  Begin(2);
  EXPECT_EQ(counters().tcp_new_connections.Get(), 2U);
}

TEST_F(TransferTest, AConnectionCutInTheMiddleIsAFailureAndNeverASecondTry) {
  Make();
  Ask(1);
  FakeTcpConnection kept = server_.Accept();
  Answer(kept, kept.Receive());
  Ask(2, "zone.example AXFR");
  query_ = kept.Receive();
  kept.Send(Message(query_, kSoa));
  WaitForParts(1);
  kept.Close();
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].flight, Flight(2));
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kConnection);
  EXPECT_FALSE(server_.Waiting());
  EXPECT_EQ(counters().tcp_died_reading_response.Get(), 1U);
}

TEST_F(TransferTest, AMessageThatDoesNotParseIsAFailure) {
  Make();
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa));
  WaitForParts(1);
  Bytes cut = Message(query_, kRecord);
  cut.pop_back();
  connection.Send(cut);
  WaitForFailures(1);
  EXPECT_EQ(sink_.parts.size(), 1U);
  EXPECT_EQ(Count(Metric::kNoncompliantResponses), 1U);
}

TEST_F(TransferTest, SilenceBetweenTwoMessagesIsATimeOut) {
  settings_.tcp_recv_timeout_ms = 20;
  Make();
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa));
  WaitForParts(1);
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kTimeout);
}

TEST_F(TransferTest, PausedItReadsNothingAndDoesNotTimeOut) {
  settings_.tcp_recv_timeout_ms = 20;
  Make();
  sink_.on_part = [&](FlightId flight, uint8_t attempt) {
    if (sink_.parts.size() == 1) exchange_->Pause(flight, attempt);
  };
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa));
  WaitForParts(1);
  connection.Send(Message(query_, kRecord));
  bool late = false;
  loop_.timers().Add(loop_.now() + MonoTime::FromMs(60), [&] { late = true; });
  RunUntil([&] { return late; });
  EXPECT_EQ(sink_.parts.size(), 1U);
  EXPECT_TRUE(sink_.failures.empty());
  exchange_->Resume(Flight(1), 0);
  WaitForParts(2);
  connection.Send(Message(query_, kSoa));
  WaitForReplies(1);
}

TEST_F(TransferTest, AsksBeforeItReadsMore) {
  Make();
  bool room = false;
  sink_.may_read = [&](FlightId flight, uint8_t attempt) {
    EXPECT_EQ(flight, Flight(1));
    if (!room) exchange_->Pause(flight, attempt);
    return room;
  };
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa));
  Settle();
  EXPECT_TRUE(sink_.parts.empty());
  room = true;
  exchange_->Resume(Flight(1), 0);
  WaitForParts(1);
  connection.Send(Message(query_, kSoa));
  WaitForReplies(1);
}

TEST_F(TransferTest, AskedAgainItBeginsAnew) {
  Make();
  Ask(1);
  FakeTcpConnection kept = server_.Accept();
  Answer(kept, kept.Receive());
  Ask(2, "zone.example AXFR");
  query_ = kept.Receive();
  Bytes cut = Message(query_, kSoa + kRecord);
  cut.pop_back();
  kept.Send(cut);  // its SOA can be read
  RunUntil([&] { return server_.Waiting(); });
  FakeTcpConnection fresh = server_.Accept();
  Settle();
  query_ = fresh.Receive();
  fresh.Send(Message(query_, kSoa));
  WaitForParts(1);
  EXPECT_EQ(sink_.replies.size(), 1U);
  fresh.Send(Message(query_, kSoa));
  WaitForReplies(2);
  EXPECT_TRUE(sink_.failures.empty());
}

TEST_F(TransferTest, CancelledWithinAMessageItEndsTheConnection) {
  Make();
  sink_.on_part = [&](FlightId flight, uint8_t attempt) { exchange_->Cancel(flight, attempt); };
  FakeTcpConnection connection = Begin(1);
  connection.Send(Message(query_, kSoa));
  connection.Send(Message(query_, kSoa));
  WaitForParts(1);
  Settle();
  EXPECT_TRUE(connection.AtEnd());
  EXPECT_EQ(sink_.parts.size(), 1U);
  EXPECT_TRUE(sink_.replies.empty());
}

}  // namespace
}  // namespace breakwater
