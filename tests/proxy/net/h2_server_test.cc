#include "proxy/net/h2_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/h2_client.h"

namespace breakwater {
namespace {

class H2ServerTest : public ::testing::Test, public HttpHandler {
 protected:
  void OnRequest(uint32_t stream, HttpRequest request) override {
    waiting_.push_back(stream);
    requests_.push_back(std::move(request));
    if (answers_at_once_) Answer(stream, "at once");
  }
  void Answer(uint32_t stream, const std::string& body) {
    HttpResponse response;
    response.headers = {{"content-type", "text/plain"}};
    response.body = body;
    server_.Respond(stream, std::move(response));
  }
  bool Feed(const std::string& bytes) {
    return server_.Feed({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, now_);
  }
  // All that both have to say; false where the server ends the connection.
  bool Talk() {
    bool good = true;
    for (int i = 0; i < 100; ++i) {
      const std::string asked = client_.TakeOutput();
      if (!asked.empty()) good = Feed(asked) && good;
      bool said = false;
      for (auto bytes = server_.NextOutput(); !bytes.empty(); bytes = server_.NextOutput()) {
        said = true;
        EXPECT_TRUE(client_.Give(bytes));
      }
      if (!said && asked.empty()) break;
    }
    return good;
  }
  // A frame as it stands on the wire.
  static std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
    std::string frame;
    for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
    return frame += payload;
  }
  // Feeds the frame until the server has had enough; how often it took it.
  int Flood(const std::string& frame, int most) {
    for (int i = 0; i < most; ++i) {
      if (!Feed(frame)) return i;
      while (!server_.NextOutput().empty()) continue;
    }
    return most;
  }

  MonoTime now_ = MonoTime::FromMs(1000);
  bool answers_at_once_ = false;
  std::vector<HttpRequest> requests_;
  std::vector<uint32_t> waiting_;
  H2Server server_{*this, HttpLimits{.keep_headers = true}};
  H2Client client_;
};

TEST_F(H2ServerTest, GetAndItsAnswer) {
  const int32_t id = client_.Get(
      "/dns-query?dns=AA", {{"x-forwarded-for", "1.2.3.4"}, {"accept", "one"}, {"accept", "two"}});
  EXPECT_TRUE(Talk());
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, HttpMethod::kGet);
  EXPECT_EQ(requests_[0].target, "/dns-query?dns=AA");
  EXPECT_EQ(requests_[0].host, "a.test");
  EXPECT_EQ(requests_[0].scheme, "https");
  EXPECT_EQ(requests_[0].forwarded_for, "1.2.3.4");
  EXPECT_EQ(std::count(requests_[0].headers.begin(), requests_[0].headers.end(),
                       std::pair<std::string, std::string>("accept", "one")),
            1);
  Answer(waiting_[0], "body");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(client_.responses[id].status, "200");
  EXPECT_EQ(client_.responses[id].headers["content-length"], "4");
  EXPECT_EQ(client_.responses[id].body, "body");
  EXPECT_TRUE(client_.responses[id].ended);
  EXPECT_FALSE(client_.responses[id].reset);
  EXPECT_EQ(server_.held_bytes(), 0u);
}

TEST_F(H2ServerTest, TheAnswerToHeadHasNoBody) {
  const int32_t id = client_.Submit(
      {{":method", "HEAD"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}},
      nullptr);
  EXPECT_TRUE(Talk());
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, HttpMethod::kOther);
  Answer(waiting_[0], "body");
  EXPECT_EQ(server_.held_bytes(), 0u);
  EXPECT_TRUE(Talk());
  EXPECT_EQ(client_.responses[id].headers["content-length"], "4");
  EXPECT_EQ(client_.responses[id].body, "");
  EXPECT_TRUE(client_.responses[id].ended);
  EXPECT_FALSE(client_.responses[id].reset);
}

TEST_F(H2ServerTest, StatusesWithoutContentHaveNone) {
  for (const uint16_t status : {uint16_t{204}, uint16_t{304}}) {
    const int32_t id = client_.Get("/");
    EXPECT_TRUE(Talk());
    HttpResponse response;
    response.status = status;
    response.body = "text";
    server_.Respond(waiting_.back(), std::move(response));
    EXPECT_EQ(server_.held_bytes(), 0u);
    EXPECT_TRUE(Talk());
    EXPECT_EQ(client_.responses[id].status, std::to_string(status));
    EXPECT_EQ(client_.responses[id].headers.count("content-length"), 0u);
    EXPECT_EQ(client_.responses[id].body, "");
    EXPECT_TRUE(client_.responses[id].ended);
    EXPECT_FALSE(client_.responses[id].reset);
  }
}

TEST_F(H2ServerTest, BodiesUpToTheLimitAreTakenOneAfterAnother) {
  for (int i = 0; i < 20; ++i) {
    const std::string body(65535, static_cast<char>('a' + i));
    client_.Post(body);
    EXPECT_TRUE(Talk());
    ASSERT_EQ(requests_.size(), static_cast<size_t>(i + 1));
    EXPECT_EQ(requests_.back().error, 0);
    EXPECT_EQ(requests_.back().body, body);
    Answer(waiting_.back(), "");
  }
}

TEST_F(H2ServerTest, LongerBodiesAreRefusedAndTheConnectionGoesOn) {
  const int32_t id = client_.Post(std::string(65536, 'x'));
  EXPECT_TRUE(Talk());
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].error, 413);
  Answer(waiting_[0], "too large");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(client_.responses[id].body, "too large");
  client_.Post("good");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(requests_.size(), 2u);
}

TEST_F(H2ServerTest, AnswersComeInAnyOrder) {
  const int32_t first = client_.Get("/1");
  const int32_t second = client_.Get("/2");
  EXPECT_TRUE(Talk());
  ASSERT_EQ(waiting_.size(), 2u);
  Answer(waiting_[1], "two");
  EXPECT_TRUE(Talk());
  EXPECT_FALSE(client_.responses[first].ended);
  EXPECT_EQ(client_.responses[second].body, "two");
  Answer(waiting_[0], "one");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(client_.responses[first].body, "one");
}

TEST_F(H2ServerTest, AHundredAtATime) {
  for (int i = 0; i < 101; ++i) client_.Get("/");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(requests_.size(), 100u);
}

TEST_F(H2ServerTest, RequestsTakenBackStillCountUntilTheyAreAnswered) {
  EXPECT_TRUE(Talk());
  for (int i = 0; i < 60; ++i) {
    const int32_t id = client_.Get("/");
    EXPECT_TRUE(Talk());
    nghttp2_submit_rst_stream(client_.session, 0, id, NGHTTP2_CANCEL);
    EXPECT_TRUE(Talk());
  }
  EXPECT_EQ(server_.in_progress(), 60u);
  EXPECT_FALSE(server_.Awaits(waiting_[0]));
  for (int i = 0; i < 60; ++i) client_.Get("/");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(requests_.size(), 100u);
  for (const uint32_t stream : waiting_) Answer(stream, "");
  EXPECT_EQ(server_.in_progress(), 0u);
}

TEST_F(H2ServerTest, RapidResetEnds) {
  answers_at_once_ = false;
  bool good = true;
  int resets = 0;
  while (good && resets < 10000) {
    const int32_t id = client_.Get("/");
    good = Talk();
    nghttp2_submit_rst_stream(client_.session, 0, id, NGHTTP2_CANCEL);
    good = good && Talk();
    ++resets;
    for (const uint32_t stream : std::exchange(waiting_, {})) server_.Refuse(stream);
  }
  EXPECT_LT(resets, 1000);
  EXPECT_TRUE(client_.goaway);
  EXPECT_EQ(client_.goaway_error, static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
}

TEST_F(H2ServerTest, FloodsOfFramesThatAskForNothingEnd) {
  EXPECT_TRUE(Talk());
  EXPECT_LT(Flood(Frame(NGHTTP2_PING, 0, 0, "12345678"), 5000), 1100);
}
TEST_F(H2ServerTest, FloodOfSettingsEnds) {
  EXPECT_TRUE(Talk());
  EXPECT_LT(Flood(Frame(NGHTTP2_SETTINGS, 0, 0, ""), 5000), 1100);
}
TEST_F(H2ServerTest, FloodOfUnknownFramesEnds) {
  EXPECT_TRUE(Talk());
  EXPECT_LT(Flood(Frame(0x77, 0, 0, ""), 5000), 1100);
}
TEST_F(H2ServerTest, FloodOfEmptyDataEnds) {
  const int32_t id = client_.Post("x", false);
  EXPECT_TRUE(Talk());
  EXPECT_LT(Flood(Frame(NGHTTP2_DATA, 0, static_cast<uint32_t>(id), ""), 5000), 1100);
}
TEST_F(H2ServerTest, FloodOfContinuationsEnds) {
  EXPECT_TRUE(Talk());
  EXPECT_TRUE(Feed(Frame(NGHTTP2_HEADERS, 0, 1, "")));
  EXPECT_LT(Flood(Frame(NGHTTP2_CONTINUATION, 0, 1, ""), 5000), 20);
}

TEST_F(H2ServerTest, PingsThatAreSpacedAreNoFlood) {
  EXPECT_TRUE(Talk());
  for (int i = 0; i < 5000; ++i) {
    now_ = now_ + MonoTime::FromMs(100);
    ASSERT_TRUE(Feed(Frame(NGHTTP2_PING, 0, 0, "12345678"))) << i;
    while (!server_.NextOutput().empty()) continue;
  }
}

TEST_F(H2ServerTest, ManyRequestsInSequenceAreNoFlood) {
  answers_at_once_ = true;
  for (int i = 0; i < 20000; ++i) {
    client_.Get("/dns-query");
    ASSERT_TRUE(Talk()) << i;
  }
  EXPECT_EQ(requests_.size(), 20000u);
}

TEST_F(H2ServerTest, TooManyHeadersEndTheConnection) {
  H2Client::Fields many;
  for (int i = 0; i < 257; ++i) many.emplace_back("h" + std::to_string(i), "v");
  client_.Get("/", many);
  EXPECT_FALSE(Talk());
  EXPECT_TRUE(requests_.empty());
  EXPECT_EQ(client_.goaway_error, static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
}

TEST_F(H2ServerTest, ALongTargetIsRefused) {
  client_.Get("/" + std::string(20000, 'a'));
  EXPECT_TRUE(Talk());
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].error, 414);
}

TEST_F(H2ServerTest, AnswersTheClientDoesNotTakeAreHeldAndNothingElseIsTaken) {
  H2Client::Fields none;
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
  nghttp2_submit_settings(client_.session, 0, &entry, 1);
  for (int i = 0; i < 50; ++i) client_.Get("/");
  EXPECT_TRUE(Talk());
  for (const uint32_t stream : waiting_) Answer(stream, std::string(60000, 'x'));
  EXPECT_TRUE(Talk());
  EXPECT_GT(server_.held_bytes(), size_t{1} << 20);
  client_.Get("/");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(requests_.size(), 50u);
  EXPECT_EQ(server_.TakeRefused(), 1u);
}

TEST_F(H2ServerTest, AnUnfinishedRequestIsGivenUp) {
  const int32_t id = client_.Post("half", false);
  EXPECT_TRUE(Talk());
  EXPECT_EQ(server_.unfinished(), 1u);
  server_.ResetUnfinished(now_);
  EXPECT_TRUE(Talk());
  EXPECT_FALSE(client_.responses[id].ended);
  server_.ResetUnfinished(now_ + MonoTime::FromMs(1));
  EXPECT_TRUE(Talk());
  EXPECT_TRUE(client_.responses[id].reset);
  EXPECT_EQ(server_.unfinished(), 0u);
  EXPECT_EQ(server_.TakeRefused(), 1u);
  EXPECT_EQ(server_.TakeRefused(), 0u);
}

TEST_F(H2ServerTest, AfterTheGoodbyeWhatIsInProgressIsAnswered) {
  const int32_t id = client_.Get("/");
  EXPECT_TRUE(Talk());
  server_.StopTaking();
  EXPECT_TRUE(Talk());
  EXPECT_TRUE(client_.goaway);
  EXPECT_FALSE(server_.Over());
  Answer(waiting_[0], "last");
  EXPECT_TRUE(Talk());
  EXPECT_EQ(client_.responses[id].body, "last");
  EXPECT_TRUE(server_.Over());
}

TEST_F(H2ServerTest, WhatIsNotHttp2IsNotUnderstood) {
  EXPECT_FALSE(Feed("GET / HTTP/1.1\r\n\r\n123456789"));
}

}  // namespace
}  // namespace breakwater
