#include "proxy/net/http1_server.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace breakwater {
namespace {

class Http1ServerTest : public ::testing::Test, public HttpHandler {
 protected:
  void OnRequest(uint32_t stream, HttpRequest request) override {
    last_stream_ = stream;
    requests_.push_back(std::move(request));
    if (answers_at_once_) Answer("at once");
  }
  bool Feed(std::string_view text) {
    return server_->Feed({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, now_);
  }
  void Answer(std::string_view body) {
    HttpResponse response;
    response.body = body;
    server_->Respond(last_stream_, std::move(response));
  }
  std::string Output() {
    std::string all;
    for (auto bytes = server_->NextOutput(); !bytes.empty(); bytes = server_->NextOutput()) {
      all.append(bytes.begin(), bytes.end());
    }
    return all;
  }
  // The status that a request which cannot be served is delivered with; 0 for one that can.
  uint16_t ErrorOf(const std::string& text) {
    server_ = std::make_unique<Http1Server>(*this, HttpLimits{});
    requests_.clear();
    (void)Feed(text);
    return requests_.size() == 1 ? requests_[0].error : uint16_t{1};
  }

  MonoTime now_ = MonoTime::FromMs(1000);
  std::vector<HttpRequest> requests_;
  uint32_t last_stream_ = 0;
  bool answers_at_once_ = false;
  std::unique_ptr<Http1Server> server_ =
      std::make_unique<Http1Server>(*this, HttpLimits{.keep_headers = true});
};

TEST_F(Http1ServerTest, GetIsDeliveredWithItsFields) {
  EXPECT_TRUE(
      Feed("GET /dns-query?dns=AA HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 1.2.3.4\r\n"
           "Accept: one\r\nACCEPT: two\r\n\r\n"));
  ASSERT_EQ(requests_.size(), 1u);
  const HttpRequest& request = requests_[0];
  EXPECT_EQ(request.error, 0);
  EXPECT_EQ(request.method, HttpMethod::kGet);
  EXPECT_EQ(request.target, "/dns-query?dns=AA");
  EXPECT_EQ(request.host, "a.test");
  EXPECT_EQ(request.scheme, "http");
  EXPECT_EQ(request.forwarded_for, "1.2.3.4");
  EXPECT_EQ(request.headers,
            (HttpFields{{"host", "a.test"}, {"x-forwarded-for", "1.2.3.4"}, {"accept", "one"}}));
}

constexpr std::string_view kChunked = "POST /q HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n";

TEST_F(Http1ServerTest, ABodyInChunksIsPutTogether) {
  answers_at_once_ = true;
  const std::string request =
      std::string(kChunked) + "3\r\nabc\r\n00A ; x=\"y\"\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n";
  EXPECT_TRUE(Feed(request + request));
  for (const char c : request) EXPECT_TRUE(Feed(std::string_view(&c, 1)));
  EXPECT_TRUE(Feed(std::string(kChunked) + "0\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
  ASSERT_EQ(requests_.size(), 5u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(requests_[i].error, 0);
    EXPECT_EQ(requests_[i].body, "abc0123456789");
  }
  EXPECT_EQ(requests_[3].body, "");
  EXPECT_EQ(requests_[4].method, HttpMethod::kGet);
}

TEST_F(Http1ServerTest, ChunksAreBoundedAndAsTheRfcSays) {
  const std::string head(kChunked);
  std::string most = head, many = head;
  for (int i = 0; i < 0xFFFF; i += 0xFF) most += "ff\r\n" + std::string(0xFF, 'x') + "\r\n";
  for (int i = 0; i < 40000; ++i) many += "1;x=yyyyyyyyyyyyyyyyyyyyyyyy\r\nx\r\n";
  EXPECT_EQ(ErrorOf(most + "0\r\n\r\n"), 0);
  EXPECT_EQ(requests_[0].body.size(), 65535u);
  EXPECT_EQ(ErrorOf(most + "1\r\n"), 413);
  EXPECT_EQ(ErrorOf(head + "10000\r\n"), 413);
  EXPECT_EQ(ErrorOf(head + "FFFFFFFFFFFFFFFFFFFF\r\n"), 413);
  EXPECT_EQ(ErrorOf(many), 400);
  EXPECT_EQ(ErrorOf(head + std::string(2000, '0')), 400);
  for (const char* bad : {"\r\n", "g\r\n", "-1\r\n", "0x1\r\n", " 1\r\n", "1 2\r\n", "1\nx\r\n",
                          "1\r\nxy\r\n", "1;\n\r\n", "0\r\na\nb\r\n"}) {
    EXPECT_EQ(ErrorOf(head + bad), 400) << bad;
  }
  // Two who read them might see two messages.
  EXPECT_EQ(ErrorOf("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
            400);
  EXPECT_EQ(ErrorOf("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400);
  EXPECT_EQ(
      ErrorOf(
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
      400);
  EXPECT_EQ(ErrorOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST_F(Http1ServerTest, AChunkThatDoesNotComeIsUnfinished) {
  EXPECT_TRUE(Feed(kChunked));
  now_ = MonoTime::FromMs(2000);
  EXPECT_TRUE(Feed("2\r\nab"));
  EXPECT_EQ(server_->unfinished(), 1u);
  // It began with its head.
  server_->ResetUnfinished(MonoTime::FromMs(1500));
  EXPECT_EQ(server_->TakeRefused(), 1u);
}

TEST_F(Http1ServerTest, StatusesWithoutContentHaveNone) {
  for (const auto& [status, line] : {std::pair(uint16_t{204}, "HTTP/1.1 204 No Content"),
                                     std::pair(uint16_t{304}, "HTTP/1.1 304 Not Modified")}) {
    EXPECT_TRUE(Feed("GET / HTTP/1.1\r\n\r\n"));
    HttpResponse response;
    response.status = status;
    response.body = "text";
    server_->Respond(last_stream_, std::move(response));
    EXPECT_EQ(Output(), std::string(line) + "\r\nconnection: keep-alive\r\n\r\n");
  }
}

TEST_F(Http1ServerTest, OneByteAtATimeGivesTheSame) {
  for (const char c : std::string("POST /q HTTP/1.1\r\nContent-Length: 4\r\n\r\n\0ab\n", 44)) {
    EXPECT_TRUE(Feed(std::string_view(&c, 1)));
  }
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].body, std::string("\0ab\n", 4));
}

TEST_F(Http1ServerTest, NextRequestWaitsForTheAnswer) {
  EXPECT_TRUE(Feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(requests_.size(), 1u);
  EXPECT_FALSE(server_->WantsInput());
  Answer("one");
  EXPECT_TRUE(server_->HasInput());
  EXPECT_TRUE(Feed(""));
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_EQ(requests_[1].target, "/2");
  EXPECT_EQ(Output(), "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\none");
}

TEST_F(Http1ServerTest, PipelinedRequestsAnsweredAtOnceAreAllTaken) {
  answers_at_once_ = true;
  EXPECT_TRUE(Feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(requests_.size(), 3u);
}

TEST_F(Http1ServerTest, ClosesWhereTheClientSaysSoOrSpeaks10) {
  EXPECT_TRUE(Feed("GET / HTTP/1.0\r\n\r\n"));
  Answer("");
  EXPECT_FALSE(server_->Over());
  EXPECT_NE(Output().find("connection: close"), std::string::npos);
  EXPECT_TRUE(server_->Over());
  server_ = std::make_unique<Http1Server>(*this, HttpLimits{});
  EXPECT_TRUE(Feed("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n"));
  Answer("");
  EXPECT_NE(Output().find("connection: close"), std::string::npos);
}

TEST_F(Http1ServerTest, OtherMethodsAreTheLast) {
  EXPECT_TRUE(Feed("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, HttpMethod::kOther);
  Answer("body");
  EXPECT_TRUE(Output().ends_with("content-length: 4\r\nconnection: close\r\n\r\n"));
  EXPECT_TRUE(server_->Over());
}

TEST_F(Http1ServerTest, TellsAClientThatAsksToGoOn) {
  EXPECT_TRUE(Feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
  EXPECT_EQ(Output(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(Feed("x"));
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(Http1ServerTest, WhatCannotBeServedHasItsStatus) {
  EXPECT_EQ(ErrorOf("POST / HTTP/1.1\r\n\r\n"), 411);
  EXPECT_EQ(ErrorOf("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(ErrorOf("POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n"), 413);
  EXPECT_EQ(ErrorOf("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(ErrorOf("GET /" + std::string(9000, 'a')), 431);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 257; ++i) many += "a: b\r\n";
  EXPECT_EQ(ErrorOf(many + "\r\n"), 431);
}

TEST_F(Http1ServerTest, WhatIsNotHttpIsABadRequest) {
  for (const char* bad :
       {"GET /\r\n\r\n", "GET / HTTP/x.y.z\r\n\r\n", "G T / HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\na : x\r\n\r\n",
        "GET / HTTP/1.1\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\na: x\ny: z\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"}) {
    EXPECT_EQ(ErrorOf(bad), 400) << bad;
  }
}

TEST_F(Http1ServerTest, NothingFollowsABadRequest) {
  EXPECT_FALSE(Feed("nonsense\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(requests_.size(), 1u);
  Answer("");
  EXPECT_FALSE(server_->WantsInput());
}

TEST_F(Http1ServerTest, AnUnfinishedRequestIsGivenUp) {
  EXPECT_TRUE(Feed("GET / HT"));
  EXPECT_EQ(server_->unfinished(), 1u);
  server_->ResetUnfinished(now_);
  EXPECT_FALSE(server_->Over());
  EXPECT_EQ(server_->TakeRefused(), 0u);
  server_->ResetUnfinished(now_ + MonoTime::FromMs(1));
  EXPECT_TRUE(server_->Over());
  server_->ResetUnfinished(now_ + MonoTime::FromMs(1));
  EXPECT_EQ(server_->TakeRefused(), 1u);
}

}  // namespace
}  // namespace breakwater
