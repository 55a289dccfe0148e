#include "proxy/web/zones_page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proxy/web/api_json.h"
#include "proxy/web/web_handler.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

class NoRunner : public CommandRunner {
 public:
  std::string RunCommand(std::string_view) override { return {}; }
  void StopCommandOf(pthread_t) override {}
  std::vector<std::string> Complete(std::string_view) override { return {}; }
  std::optional<WebResponse> AnswerPage(const WebRequest&) override { return {}; }
  ConfigPtr CurrentConfig() const override { return nullptr; }
};

class ZonesPageTest : public testing::Test {
 protected:
  ZonesPageTest() {
    target_.config->web.password = "pw";
    target_.config->web.api_key = "key";
    target_.clock_.Advance(MonoTime::FromSeconds(100));
  }
  // Answers for `zone` by `server`: a good one by which it is learned, then refusals.
  void MakeBad(const std::string& zone, const BackendPtr& server) {
    const dns::Name name = *dns::Name::Parse(zone);
    ZoneHealth::Answer answer{.name = name.wire(),
                              .backend = server->number(),
                              .authoritative = true,
                              .apex_labels = static_cast<uint8_t>(name.CountLabels()),
                              .now = target_.clock_.Now()};
    (void)target_.zones_.Note(answer);
    answer.bad = BadKind::kRefused;
    for (int i = 0; i < 3; ++i) (void)target_.zones_.Note(answer);
  }
  WebResponse Get(const std::string& path, bool bad = false) {
    WebRequest request;
    request.method = "GET";
    request.path = path;
    request.headers.emplace_back("x-api-key", "key");
    if (path == "/zones") request.headers.emplace_back("authorization", "Basic dTpwdw==");
    if (bad) request.arguments.emplace_back("bad", "");
    return WebHandler(target_, runner_, rates_).Handle(request);
  }

  FakeTarget target_;
  NoRunner runner_;
  ServerRates rates_;
};

TEST_F(ZonesPageTest, TheApiTellsZonesByServer) {
  const BackendPtr server = target_.AddBackend("one", "192.0.2.1");
  MakeBad("b.example", server);
  MakeBad("a.example", server);
  const dns::Name good = *dns::Name::Parse("c.example");
  (void)target_.zones_.Note({.name = good.wire(),
                             .backend = server->number(),
                             .authoritative = true,
                             .apex_labels = 2,
                             .now = target_.clock_.Now()});
  target_.clock_.Advance(MonoTime::FromSeconds(60));
  const json all = json::parse(Get("/api/v1/servers/localhost/zones").body);
  EXPECT_EQ(all["known"], 3);
  EXPECT_EQ(all["zones"].size(), 3u);
  const json bad = json::parse(Get("/api/v1/servers/localhost/zones", true).body);
  EXPECT_EQ(bad["bad"], 2);
  ASSERT_EQ(bad["zones"].size(), 2u);
  const json& first = bad["zones"][0];
  EXPECT_EQ(first["zone"], "a.example.");
  EXPECT_EQ(first["server"], "one (192.0.2.1:53)");
  EXPECT_EQ(first["state"], "bad");
  EXPECT_EQ(first["last-bad"], "refused");
  EXPECT_EQ(first["bad"]["refused"], 3);
  EXPECT_EQ(first["since"], target_.clock_.WallSeconds() - 60);
  EXPECT_FALSE(all["zones"][2].contains("since"));
}

TEST_F(ZonesPageTest, BothWantTheirCredentials) {
  WebRequest api;
  api.method = "GET";
  api.path = "/api/v1/servers/localhost/zones";
  const WebHandler handler(target_, runner_, rates_);
  EXPECT_EQ(handler.Handle(api).status, 401u);
  api.headers.emplace_back("authorization", "Basic dTpwdw==");  // an API endpoint takes the key
  EXPECT_EQ(handler.Handle(api).status, 401u);
  WebRequest page;
  page.method = "GET";
  page.path = "/zones";
  EXPECT_EQ(handler.Handle(page).status, 401u);
  page.headers.emplace_back("authorization", "Basic dTpwdw==");
  EXPECT_EQ(handler.Handle(page).status, 200u);
  page.method = "POST";
  EXPECT_EQ(handler.Handle(page).status, 405u);
}

TEST_F(ZonesPageTest, ThePageShowsBadZonesAndHasNothingToRun) {
  const BackendPtr server = target_.AddBackend("<b>one</b>", "192.0.2.1");
  MakeBad("<script>alert(1)</script>.example", server);
  const WebResponse response = Get("/zones");
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  const std::string& page = response.body;
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert"), std::string::npos) << page;
  EXPECT_NE(page.find("&lt;b&gt;one&lt;/b&gt; (192.0.2.1:53)"), std::string::npos);
  EXPECT_NE(page.find("refused 3"), std::string::npos);
  EXPECT_NE(page.find(" UTC</td>"), std::string::npos);
  EXPECT_NE(page.find("1 bad, 1 zones known"), std::string::npos);
}

TEST_F(ZonesPageTest, WithoutBadZonesItSaysSo) {
  EXPECT_NE(Get("/zones").body.find("None of 0 known zones is bad."), std::string::npos);
}

TEST_F(ZonesPageTest, SuspectServersAndTheLastDrillAreShown) {
  const BackendPtr server = target_.AddBackend("standby", "192.0.2.9");
  server->set_suspect(true);
  json servers = json::parse(JsonServersPage(target_, ServerRates()));
  EXPECT_EQ(servers["servers"][0]["suspect"], true);
  EXPECT_EQ(servers["servers"][0]["tier"], 1);
  EXPECT_TRUE(servers["drill"].is_null());
  EXPECT_NE(Get("/zones").body.find("suspect"), std::string::npos);
  const MonoTime now = target_.clock_.Now();
  ASSERT_TRUE(target_.drills_.Begin(server, {.server = "standby"}, now));
  servers = json::parse(JsonServersPage(target_, ServerRates()));
  EXPECT_EQ(servers["drill"]["server"], server->NameWithAddress());
  EXPECT_EQ(servers["drill"]["state"], "running");
  EXPECT_NE(Get("/zones").body.find("standby (192.0.2.9:53), running: 0 compared"),
            std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
