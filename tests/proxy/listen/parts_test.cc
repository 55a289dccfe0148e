// Zone transfers to a client: answers of several messages.
#include "tests/proxy/listen/stream_fixture.h"

namespace breakwater {
namespace {

using test::ScriptedSink;

// An answer of several messages: all of the same size.
class PartsTest : public test::StreamTest {
 protected:
  void Begin() {
    Listen();
    sink.mode = ScriptedSink::Mode::kHold;
    client_ = Accepted();
    SendAll(client_, Framed(Query(1)));
    ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
    sink.held[0]->ReplaceMessage(queries.packets(), std::vector<uint8_t>(60000, 'a'));
  }
  ReplyTarget::Room SendPart(FlightId flight = {9, 1}) {
    return listener->SendPart(*sink.held[0], flight);
  }
  bool HasRoom(FlightId flight) { return listener->HasRoom(*sink.held[0], flight); }
  // Until the client's own buffers, and what is queued here, are full.
  void Fill() {
    while (SendPart() == ReplyTarget::Room::kFree) {
      Settle();
      ++sent_;
      ASSERT_LT(sent_, 1000);
    }
    ++sent_;
  }
  UniqueFd client_;
  int sent_ = 0;
};

TEST_F(PartsTest, TheAnswerGoesOnUntilItsLastMessage) {
  Begin();
  EXPECT_EQ(SendPart(), ReplyTarget::Room::kFree);
  EXPECT_EQ(ReadMessage(client_).size(), 60000u);
  Advance(100000);  // no time-out of the client's while the answer is under way
  EXPECT_EQ(SendPart(), ReplyTarget::Room::kFree);
  EXPECT_EQ(ReadMessage(client_).size(), 60000u);
  sink.AnswerHeld(0);
  EXPECT_EQ(ReadMessage(client_).size(), 60000u);
  EXPECT_EQ(frontend->responses.Get(), 1u);
  SendAll(client_, Framed(Query(2)));
  EXPECT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
}

TEST_F(PartsTest, AClientThatReadsAgainIsTold) {
  Begin();
  Fill();
  Settle();
  EXPECT_TRUE(sink.room_for.empty());
  for (int i = 0; i < sent_; ++i) ASSERT_EQ(ReadMessage(client_).size(), 60000u) << i;
  EXPECT_EQ(sink.room_for, (std::vector<FlightId>{{9, 1}}));
  EXPECT_EQ(SendPart(), ReplyTarget::Room::kFree);
}

TEST_F(PartsTest, ManyPartsOfOneTurnReachAClientThatReads) {
  Begin();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(SendPart(), ReplyTarget::Room::kFree) << i;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(ReadMessage(client_).size(), 60000u) << i;
}

TEST_F(PartsTest, WhoMayGoOnIsToldOneByOneAndInTurn) {
  Begin();
  Fill();
  // Others of the same connection find out before they send.
  EXPECT_FALSE(HasRoom({7, 1}));
  EXPECT_FALSE(HasRoom({8, 1}));
  EXPECT_FALSE(HasRoom({7, 1}));
  sink.on_room = [&](FlightId flight) {
    // The first takes all the room there is.
    if (sink.room_for.size() == 1) {
      EXPECT_EQ(flight, (FlightId{9, 1}));
      while (SendPart(flight) == ReplyTarget::Room::kFree) ++sent_;
      ++sent_;
    }
  };
  for (; sink.room_for.empty(); --sent_) ASSERT_EQ(ReadMessage(client_).size(), 60000u);
  Settle();
  EXPECT_EQ(sink.room_for.size(), 1u);
  for (; sent_ > 0; --sent_) ASSERT_EQ(ReadMessage(client_).size(), 60000u);
  Settle();
  EXPECT_EQ(sink.room_for, (std::vector<FlightId>{{9, 1}, {7, 1}, {8, 1}, {9, 1}}));
}

TEST_F(PartsTest, AClientThatGoesAwayIsTold) {
  Begin();
  Fill();
  EXPECT_FALSE(HasRoom({7, 1}));
  Advance(3000);  // it took nothing in time
  EXPECT_EQ(sink.room_for, (std::vector<FlightId>{{9, 1}, {7, 1}}));
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(SendPart(), ReplyTarget::Room::kGone);
}

}  // namespace
}  // namespace breakwater
