#include "proxy/listen/doh_response.h"

#include <gtest/gtest.h>

#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

class DohResponseTest : public ::testing::Test {
 protected:
  // The value of that header; "-" where it is not there.
  static std::string Header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "-";
  }
  std::string CacheControl(std::string_view answer) {
    return Header(AnswerResponse(*maker_.Make(answer), settings_), "cache-control");
  }
  HttpResponse OfRule(uint16_t status, std::string body, std::string type = "") {
    const QueryPtr query = maker_.Make("a.test A +qr");
    query->http = std::make_unique<HttpExchange>();
    query->http->status = status;
    query->http->body = std::move(body);
    query->http->content_type = std::move(type);
    return AnswerResponse(*query, settings_);
  }

  test::QueryMaker maker_;
  DohSettings settings_;
};

TEST_F(DohResponseTest, FreshForAsLongAsTheShortestRecord) {
  EXPECT_EQ(
      CacheControl("a.test A +qr / answer a.test 60 A 192.0.2.1 / answer a.test 5 A 192.0.2.2 "
                   "/ authority test 30 NS ns.test"),
      "max-age=5");
  EXPECT_EQ(CacheControl("a.test A +qr +edns / authority test 30 NS ns.test"), "max-age=30");
  EXPECT_EQ(CacheControl("a.test A +qr +edns"), "-");
  settings_.cache_control = false;
  EXPECT_EQ(CacheControl("a.test A +qr / answer a.test 60 A 192.0.2.1"), "-");
}

TEST_F(DohResponseTest, AnswerIsTheMessage) {
  const QueryPtr query = maker_.Make("a.test A +qr / answer a.test 60 A 192.0.2.1");
  settings_.response_headers = {{"x-own", "value"}};
  const HttpResponse response = AnswerResponse(*query, settings_);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Header(response, "content-type"), "application/dns-message");
  EXPECT_EQ(Header(response, "x-own"), "value");
  EXPECT_EQ(response.body, std::string(query->message().begin(), query->message().end()));
}

TEST_F(DohResponseTest, RulesAnswerInHttp) {
  EXPECT_EQ(Header(OfRule(200, "x", "text/html"), "content-type"), "text/html");
  EXPECT_EQ(Header(OfRule(200, "x"), "content-type"), "application/dns-message");
  EXPECT_EQ(Header(OfRule(404, "x", "text/html"), "content-type"), "text/plain; charset=utf-8");
  const HttpResponse moved = OfRule(302, "https://doh.test/");
  EXPECT_EQ(Header(moved, "location"), "https://doh.test/");
  EXPECT_EQ(Header(moved, "content-type"), "text/html; charset=utf-8");
  for (const uint16_t status : {uint16_t{204}, uint16_t{304}}) {
    const HttpResponse nothing = OfRule(status, "x", "text/html");
    EXPECT_EQ(nothing.status, status);
    EXPECT_EQ(nothing.body, "");
    EXPECT_EQ(Header(nothing, "content-type"), "-");
    EXPECT_EQ(Header(nothing, "location"), "-");
  }
}

TEST_F(DohResponseTest, NothingThatRulesSayBecomesAHeaderOfItsOwn) {
  EXPECT_EQ(Header(OfRule(302, "https://a/\r\nset-cookie: x"), "location"), "https://a/");
  EXPECT_EQ(Header(OfRule(200, "x", "text/html\r\nset-cookie: x"), "content-type"), "text/html");
}

TEST_F(DohResponseTest, MapsGiveTheFirstThatMatches) {
  const auto entry = [](const char* pattern, uint16_t status) {
    auto made = std::make_shared<DohResponse>();
    made->path = std::make_unique<re2::RE2>(pattern);
    made->status = status;
    made->content = "content";
    return made;
  };
  auto own = entry("^/b", 200);
  own->headers = {{"other", "1"}};
  own->has_headers = true;
  settings_.response_headers = {{"x-own", "value"}};
  const DohResponses map = {entry("^/a", 404), own, entry("^/ab", 200)};
  EXPECT_FALSE(MappedResponse(map, "/c", settings_));
  EXPECT_EQ(MappedResponse(map, "/ab", settings_)->status, 404);
  EXPECT_EQ(Header(*MappedResponse(map, "/a", settings_), "x-own"), "value");
  const auto mapped = MappedResponse(map, "/b", settings_);
  EXPECT_EQ(Header(*mapped, "x-own"), "-");
  EXPECT_EQ(Header(*mapped, "other"), "1");
  EXPECT_EQ(Header(*mapped, "content-type"), "-");
  EXPECT_EQ(mapped->body, "content");
}

TEST_F(DohResponseTest, StatusByReason) {
  EXPECT_EQ(DropStatus(DropReason::kRule), 403);
  EXPECT_EQ(DropStatus(DropReason::kInvalid), 400);
  for (const auto reason :
       {DropReason::kNoServer, DropReason::kTimeout, DropReason::kBackend, DropReason::kShutdown}) {
    EXPECT_EQ(DropStatus(reason), 502);
  }
}

TEST_F(DohResponseTest, ContentTypes) {
  for (const char* good : {"", "application/dns-message", "Application/DNS-Message",
                           "application/dns-message; charset=x"}) {
    EXPECT_TRUE(IsDnsContentType(good)) << good;
  }
  for (const char* bad : {"application/dns-json", "application/dns-messages", "text/plain", ";"}) {
    EXPECT_FALSE(IsDnsContentType(bad)) << bad;
  }
}

TEST_F(DohResponseTest, VersionIsRefusedWithADateAndTheEndOfTheConnection) {
  const std::string text = VersionRefusal({.seconds = 784111777});
  EXPECT_TRUE(
      text.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: Close\r\n"
                       "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  const size_t body = text.find("\r\n\r\n") + 4;
  EXPECT_NE(text.find("Content-Length: " + std::to_string(text.size() - body) + "\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace breakwater
