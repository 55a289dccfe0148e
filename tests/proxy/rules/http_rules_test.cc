#include "proxy/rules/actions/http_actions.h"
#include "proxy/rules/selectors/http_selectors.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class HttpRulesTest : public RuleHarness {
 protected:
  QueryPtr Request(const std::string& path, HttpHeaders headers = {}) {
    QueryPtr query = maker_.Make("a.test +doh");
    query->http = std::make_unique<HttpExchange>();
    query->http->path = path;
    query->http->headers = std::move(headers);
    return query;
  }
  bool MatchesRequest(const SelectorPtr& selector, const QueryPtr& query) {
    return selector->Matches(*query, context_);
  }
};

TEST_F(HttpRulesTest, PathAsAWhole) {
  const auto selector = MakeHttpPathSelector("/dns");
  EXPECT_TRUE(MatchesRequest(selector, Request("/dns")));
  EXPECT_FALSE(MatchesRequest(selector, Request("/dns-query")));
  EXPECT_FALSE(Matches(selector, "a.test +tcp"));
  EXPECT_EQ(selector->ToString(), "url path == /dns");
}

TEST_F(HttpRulesTest, PathByExpression) {
  const auto selector = *MakeHttpPathRegexSelector("^/dns[0-9]$");
  EXPECT_TRUE(MatchesRequest(selector, Request("/DNS1")));
  EXPECT_FALSE(MatchesRequest(selector, Request("/dns12")));
  EXPECT_FALSE(Matches(selector, "a.test +tcp"));
  EXPECT_FALSE(MakeHttpPathRegexSelector("["));
}

TEST_F(HttpRulesTest, HeaderByExpression) {
  const auto selector = *MakeHttpHeaderSelector("User-Agent", "firefox");
  EXPECT_TRUE(MatchesRequest(selector, Request("/", {{"user-agent", "x Firefox/1"}})));
  EXPECT_FALSE(MatchesRequest(selector, Request("/", {{"agent", "firefox"}})));
  EXPECT_FALSE(MatchesRequest(selector, Request("/")));
  EXPECT_FALSE(Matches(selector, "a.test"));
  EXPECT_FALSE(MakeHttpHeaderSelector("a", "(").has_value());
}

TEST_F(HttpRulesTest, NameOfTheHandshake) {
  const auto selector = MakeSniSelector("doh.test");
  const QueryPtr query = maker_.Make("a.test +dot");
  EXPECT_FALSE(MatchesRequest(selector, query));
  auto info = std::make_shared<ConnectionInfo>();
  info->server_name = "doh.test";
  query->connection = info;
  EXPECT_TRUE(MatchesRequest(selector, query));
  EXPECT_FALSE(MatchesRequest(MakeSniSelector("test"), query));
}

TEST_F(HttpRulesTest, StatusAnswersRequestsAlone) {
  HttpAnswer answer{.status = 302, .body = "https://a/", .content_type = "x", .flags = {}};
  answer.flags.aa = true;
  const auto action = MakeHttpStatusAction(answer);
  const QueryPtr query = Request("/");
  EXPECT_EQ(action->Apply(*query, context_), Flow::kAnswer);
  EXPECT_EQ(query->http->status, 302);
  EXPECT_EQ(query->http->body, "https://a/");
  EXPECT_EQ(query->http->content_type, "x");
  EXPECT_TRUE(query->header().Has(dns::kFlagAa));
  const QueryPtr other = maker_.Make("a.test +dot");
  EXPECT_EQ(action->Apply(*other, context_), Flow::kContinue);
  EXPECT_FALSE(other->header().Has(dns::kFlagQr));
}

}  // namespace
}  // namespace breakwater::test
