#include "proxy/web/web_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "proxy/base/text.h"
#include "proxy/base/unique_fd.h"
#include "proxy/guard/dyn_block_table.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/control/fake_target.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

// Remembers what it was to do.
class FakeRunner : public CommandRunner {
 public:
  std::string RunCommand(std::string_view line) override {
    lines.emplace_back(line);
    return says;
  }
  void StopCommandOf(pthread_t) override {}
  std::vector<std::string> Complete(std::string_view) override { return {}; }
  std::optional<WebResponse> AnswerPage(const WebRequest& request) override {
    asked = request;
    if (request.path != own_path) return std::nullopt;
    return WebResponse{.status = 203,
                       .body = "of its own",
                       .content_type = "",
                       .headers = {{"x-frame-options", "sameorigin"}}};
  }
  ConfigPtr CurrentConfig() const override { return nullptr; }

  std::vector<std::string> lines;
  std::string says;
  std::string own_path;
  WebRequest asked;
};

class WebServerTest : public CacheFixture {
 protected:
  WebServerTest() {
    WebServerSettings& web = target_.config->web;
    web.password = "pw";
    web.api_key = "key";
    EXPECT_TRUE(web.acl.Add("127.0.0.1"));
  }
  void Serve() {
    server_ = std::make_unique<WebServer>(target_, runner_, rates_);
    const auto started = server_->Start(*Address::Parse("127.0.0.1:0"));
    ASSERT_TRUE(started) << started.error();
    address_ = server_->address();
  }
  UniqueFd Connect() const {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(connect(fd.get(), address_.sockaddr_ptr(), address_.sockaddr_length()), 0);
    return fd;
  }
  static std::string ReadToEnd(const UniqueFd& fd) {
    std::string all;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = recv(fd.get(), buffer, sizeof(buffer), 0)) > 0) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  }
  // The whole answer. Each of `headers` with its line end.
  std::string Ask(const std::string& line, const std::string& headers = "X-API-Key: key\r\n",
                  const std::string& body = "") {
    const UniqueFd fd = Connect();
    const std::string request = line + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body;
    EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return ReadToEnd(fd);
  }
  static int StatusOf(const std::string& answer) {
    return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
  }
  static std::string BodyOf(const std::string& answer) {
    return answer.substr(std::min(answer.find("\r\n\r\n") + 4, answer.size()));
  }

  std::string PutList(const std::string& body) {
    return Ask("PUT /api/v1/servers/localhost/config/allow-from",
               "X-API-Key: key\r\nContent-Length: " + std::to_string(body.size()) + "\r\n", body);
  }

  FakeTarget target_;
  FakeRunner runner_;
  ServerRates rates_;
  std::unique_ptr<WebServer> server_;
  Address address_;
};

TEST_F(WebServerTest, ServesMetricsAndCloses) {
  Serve();
  const std::string answer = Ask("GET /metrics");
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(answer.find("X-Frame-Options: deny\r\n"), std::string::npos);
  EXPECT_NE(BodyOf(answer).find("# TYPE dnsdist_queries counter\n"), std::string::npos);
}

TEST_F(WebServerTest, APageOfItsOwnIsServedToWhomMaySeeIt) {
  runner_.own_path = "/own";
  Serve();
  const std::string basic = "Authorization: Basic " + Base64Encode(AsBytes("u:pw")) + "\r\n";
  EXPECT_EQ(StatusOf(Ask("GET /own")), 401);
  EXPECT_EQ(StatusOf(Ask("DELETE /own", basic)), 405);
  const std::string answer = Ask("GET /own?a=1&b=x%20y", basic + "X-Thing: Value\r\n");
  EXPECT_EQ(StatusOf(answer), 203);
  EXPECT_EQ(BodyOf(answer), "of its own");
  EXPECT_NE(answer.find("x-frame-options: sameorigin\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("X-Frame-Options: deny"), std::string::npos);
  EXPECT_EQ(runner_.asked.version, 11);
  EXPECT_EQ(runner_.asked.arguments, (WebFields{{"a", "1"}, {"b", "x y"}}));
  EXPECT_NE(std::find(runner_.asked.headers.begin(), runner_.asked.headers.end(),
                      std::pair<std::string, std::string>("x-thing", "Value")),
            runner_.asked.headers.end());
  // In place of one that is there already, where only DELETE was allowed too.
  for (const std::string path : {"/metrics", "/api/v1/cache"}) {
    runner_.own_path = path;
    EXPECT_EQ(BodyOf(Ask("GET " + path)), "of its own");
  }
}

TEST(WebMessageTest, ReadsForms) {
  EXPECT_EQ(ParseForm("a=1&b=x+y%21&&c&=d&e=%zz%4"),
            (WebFields{{"a", "1"}, {"b", "x y!"}, {"c", ""}, {"", "d"}, {"e", "%zz%4"}}));
  std::string many;
  for (int i = 0; i < 1100; ++i) many += "a&";
  EXPECT_EQ(ParseForm(many).size(), 1000u);
}

TEST_F(WebServerTest, ServesStatisticsAsJson) {
  target_.registry.AddWorker()->counters.Add(Metric::kQueries, 7);
  Serve();
  const json stats = json::parse(BodyOf(Ask("GET /jsonstat?command=stats")));
  EXPECT_EQ(stats["queries"], 7);
  EXPECT_TRUE(stats.contains("latency-avg100"));
  EXPECT_TRUE(stats.contains("server-policy"));
  EXPECT_EQ(BodyOf(Ask("GET /jsonstat?command=dynblocklist")), "{}");
  EXPECT_EQ(BodyOf(Ask("GET /jsonstat?command=ebpfblocklist")), "{}");
  EXPECT_EQ(StatusOf(Ask("GET /jsonstat")), 404);
  EXPECT_EQ(StatusOf(Ask("GET /jsonstat?command=other")), 404);
}

TEST_F(WebServerTest, ServesTheDynamicBlocks) {
  {
    const auto cause = std::make_shared<const DynBlockCause>(
        DynBlockCause{.reason = "too \"many\"", .action = DynBlockAction::kRefused});
    const MonoTime now = target_.clock_.Now();
    DynBlockTable::Edit edit(*target_.config->dyn_blocks, now);
    edit.BlockClient(ClientRange(*Address::Parse("192.0.2.1"), 24), cause,
                     now + MonoTime::FromSeconds(9));
    edit.BlockName(*dns::Name::Parse("Bad.example"), cause, now + MonoTime::FromSeconds(9));
  }
  target_.config->dyn_blocks->Snapshot()
      ->FindClient(*Address::Parse("192.0.2.7"), target_.clock_.Now())
      ->hits->Add(3);
  Serve();
  const json blocks = json::parse(BodyOf(Ask("GET /jsonstat?command=dynblocklist")));
  EXPECT_EQ(blocks.at("192.0.2.0/24"), json({{"reason", "too \"many\""},
                                             {"seconds", 9},
                                             {"blocks", 3},
                                             {"action", "Send Refused"},
                                             {"ebpf", false},
                                             {"warning", false}}));
  EXPECT_EQ(blocks.at("bad.example.").at("blocks"), 0);
  EXPECT_FALSE(blocks.at("bad.example.").contains("warning"));
  EXPECT_EQ(blocks.size(), 2u);
}

TEST_F(WebServerTest, ServesTheServersPageWhateverTheNames) {
  target_.AddBackend("evil\"\xff</script>", "192.0.2.1");
  target_.AddPool("", nullptr);
  target_.AddPool("other", nullptr);
  Serve();
  const json page = json::parse(BodyOf(Ask("GET /api/v1/servers/localhost")));
  EXPECT_EQ(page["daemon_type"], "dnsdist");
  EXPECT_EQ(page["servers"][0]["address"], "192.0.2.1:53");
  EXPECT_EQ(page["servers"][0]["pools"], json::array({"other"}));
  EXPECT_TRUE(page["rules"].is_array());
  EXPECT_TRUE(page["timeout-response-rules"].is_array());
  EXPECT_TRUE(page["statistics"].contains("uptime"));
  const json items = json::parse(BodyOf(Ask("GET /api/v1/servers/localhost/statistics")));
  EXPECT_EQ(items[0]["type"], "StatisticItem");
}

TEST_F(WebServerTest, AskedWithoutCredentialsWantsThem) {
  Serve();
  const std::string answer = Ask("GET /metrics", "");
  EXPECT_EQ(StatusOf(answer), 401);
  EXPECT_NE(answer.find("WWW-Authenticate: basic realm=\"PowerDNS\"\r\n"), std::string::npos);
  EXPECT_EQ(BodyOf(answer), "<h1>Unauthorized</h1>");
  const std::string login = "Authorization: Basic " + Base64Encode(AsBytes("u:pw")) + "\r\n";
  EXPECT_EQ(StatusOf(Ask("GET /metrics", login)), 200);
}

TEST_F(WebServerTest, ChecksLoginThenMethodThenPath) {
  Serve();
  EXPECT_EQ(StatusOf(Ask("POST /nothing", "")), 401);
  EXPECT_EQ(StatusOf(Ask("POST /api/nothing")), 405);
  EXPECT_EQ(StatusOf(Ask("HEAD /metrics")), 405);
  EXPECT_EQ(StatusOf(Ask("GET /api/nothing")), 404);
  EXPECT_EQ(StatusOf(Ask("GET /api/v1/cache")), 405);
  EXPECT_EQ(StatusOf(Ask("PUT /api/v1/servers/localhost/config/allow-from")), 405);
}

TEST_F(WebServerTest, TellsWhatTheRingsHold) {
  const auto message = QueryMaker::Message("a\\200.example TXT +qr +aa +tc +rd +rcode=3 +id=4660");
  const Address client = *Address::Parse("192.0.2.7:4000");
  const RingRecord record{.now = target_.clock_.Now(),
                          .client = client,
                          .protocol = Protocol::kDot,
                          .message = message,
                          .name = std::span(message).subspan(12, 12),
                          .type = dns::Type::kTxt};
  RingCursor cursor;
  target_.rings_.AddQuery(cursor, record);
  target_.rings_.AddResponse(cursor, record, 1234, *Address::Parse("192.0.2.53:53"));
  target_.rings_.AddResponse(cursor, record, 0, Address());
  target_.clock_.Advance(MonoTime::FromMs(1500));
  Serve();
  const json all = json::parse(BodyOf(Ask("GET /api/v1/servers/localhost/rings")));
  EXPECT_EQ(all["queries"], json::parse(R"([{"age": 1.5, "id": 4660, "name": "a\\200.example.",
      "requestor": "192.0.2.7:4000", "size": 28, "qtype": 16, "protocol": "DoT", "rd": true,
      "mac": ""}])"));
  ASSERT_EQ(all["responses"].size(), 2U);
  EXPECT_EQ(all["responses"][0], json::parse(R"({"age": 1.5, "id": 4660, "rcode": 3,
      "name": "a\\200.example.", "requestor": "192.0.2.7:4000", "size": 28, "qtype": 16,
      "protocol": "DoT", "rd": true, "latency": 1234, "tc": true, "aa": true, "answers": 0,
      "backend": "192.0.2.53:53"})"));
  EXPECT_EQ(all["responses"][1]["backend"], "Cache");
}

TEST_F(WebServerTest, GivesSoManyRingEntriesAsAreAskedFor) {
  const auto message = QueryMaker::Message("www.example TXT");
  const Address client = *Address::Parse("192.0.2.7:4000");
  RingCursor cursor;
  for (int i = 0; i < 9; ++i) {
    target_.rings_.AddQuery(cursor, {.now = target_.clock_.Now(),
                                     .client = client,
                                     .protocol = Protocol::kDoUdp,
                                     .message = message,
                                     .name = std::span(message).subspan(12, 13),
                                     .type = dns::Type::kTxt});
    target_.clock_.Advance(MonoTime::FromSeconds(1));
  }
  Serve();
  const auto queries = [&](const std::string& arguments) {
    return json::parse(BodyOf(Ask("GET /api/v1/servers/localhost/rings" + arguments)))["queries"];
  };
  EXPECT_EQ(queries("").size(), 9U);
  EXPECT_EQ(queries("?maxQueries=x&maxResponses=-1").size(), 9U);
  EXPECT_EQ(queries("?maxQueries=4x").size(), 9U);
  const json newest = queries("?maxQueries=2");
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[1]["age"], 1.0);
  EXPECT_EQ(queries("?maxQueries=0").size(), 0U);
}

TEST_F(WebServerTest, PurgesAName) {
  cache();
  target_.AddPool("", cache_);
  ASSERT_TRUE(Put("www.example.com", kOneAddress));
  Serve();
  const std::string answer = Ask("DELETE /api/v1/cache?pool=&name=example.com&suffix=");
  EXPECT_EQ(json::parse(BodyOf(answer)), json({{"count", "1"}, {"status", "purged"}}));
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(StatusOf(Ask("DELETE /api/v1/cache?pool=")), 400);
  EXPECT_EQ(StatusOf(Ask("DELETE /api/v1/cache?pool=&name=a..b")), 400);
  EXPECT_EQ(StatusOf(Ask("DELETE /api/v1/cache?pool=no&name=a")), 404);
}

TEST_F(WebServerTest, ShowsAPool) {
  target_.AddBackend("one", "192.0.2.1");
  target_.AddPool("p", nullptr);
  Serve();
  const json page = json::parse(BodyOf(Ask("GET /api/v1/servers/localhost/pool?name=p")));
  EXPECT_EQ(page["stats"]["serversCount"], 1);
  EXPECT_EQ(page["servers"][0]["name"], "one");
  EXPECT_EQ(StatusOf(Ask("GET /api/v1/servers/localhost/pool")), 400);
  EXPECT_EQ(StatusOf(Ask("GET /api/v1/servers/localhost/pool?name=q")), 404);
}

TEST_F(WebServerTest, ShowsTheConfiguration) {
  target_.config->settings.ecs_prefix_v4 = 20;
  ASSERT_TRUE(target_.config->acl.Add("192.0.2.0/24"));
  ASSERT_TRUE(target_.config->acl.Add("!192.0.2.7"));
  Serve();
  const json items = json::parse(BodyOf(Ask("GET /api/v1/servers/localhost/config")));
  json values;
  for (const json& setting : items) {
    EXPECT_EQ(setting["type"], "ConfigSetting");
    values[setting["name"].get<std::string>()] = setting["value"];
  }
  EXPECT_EQ(values.size(), 15u);
  EXPECT_EQ(values["acl"], "192.0.2.0/24, !192.0.2.7/32");
  EXPECT_EQ(values["ecs-source-prefix-v4"], 20);
  EXPECT_EQ(values["verbose"], false);
  EXPECT_EQ(json::parse(BodyOf(Ask("GET /api/v1/servers/localhost/config/allow-from"))),
            json({{"name", "allow-from"},
                  {"type", "ConfigSetting"},
                  {"value", {"192.0.2.0/24", "!192.0.2.7/32"}}}));
}

TEST_F(WebServerTest, ReplacesTheAccessListWhereItMay) {
  Serve();
  const std::string list = R"({"value": ["192.0.2.0/24", "!2001:db8::1"]})";
  EXPECT_EQ(StatusOf(PutList(list)), 405);
  target_.config->web.api_read_write = true;
  const std::string answer = PutList(list);
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_EQ(json::parse(BodyOf(answer)), json({{"name", "allow-from"},
                                               {"type", "ConfigSetting"},
                                               {"value", {"192.0.2.0/24", "!2001:db8::1/128"}}}));
  EXPECT_EQ(runner_.lines,
            std::vector<std::string>{R"(setACL({"192.0.2.0/24", "!2001:db8::1/128"}))"});
  EXPECT_EQ(StatusOf(PutList(R"({"value": []})")), 200);
  EXPECT_EQ(runner_.lines.back(), "setACL({})");
}

TEST_F(WebServerTest, AnAccessListThatIsNoneChangesNothing) {
  target_.config->web.api_read_write = true;
  Serve();
  for (const char* bad :
       {"", "{bad", "[]", "7", "{}", R"({"value": "192.0.2.1"})", R"({"value": [5]})",
        R"({"value": ["192.0.2.1", "x\"}) os.exit(setACL({\""]})",
        R"({"value": ["1.2.3.4/33"]})"}) {
    EXPECT_EQ(StatusOf(PutList(bad)), 400) << bad;
  }
  EXPECT_TRUE(runner_.lines.empty());
}

TEST_F(WebServerTest, KeepsTheAccessListInTheDirectory) {
  char directory[] = "/tmp/web_server_test_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::filesystem::path path(directory);
  target_.config->web.api_read_write = true;
  target_.config->web.api_config_directory = directory;
  Serve();
  EXPECT_EQ(StatusOf(PutList(R"({"value": ["192.0.2.0/24"]})")), 200);
  std::stringstream text;
  text << std::ifstream(path / "acl.conf").rdbuf();
  EXPECT_NE(text.str().find("\nsetACL({\"192.0.2.0/24\"})\n"), std::string::npos) << text.str();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path), {}), 1);
  std::filesystem::remove_all(path);
  const std::string answer = PutList(R"({"value": ["192.0.2.0/24"]})");
  EXPECT_EQ(StatusOf(answer), 500);
  EXPECT_NE(BodyOf(answer).find("cannot write " + path.string()), std::string::npos);
  EXPECT_EQ(runner_.lines.size(), 1u);
}

TEST_F(WebServerTest, CrossOriginReadsOnlyWhereAllowed) {
  Serve();
  const std::string origin = "X-API-Key: key\r\nOrigin: http://evil.example\r\n";
  EXPECT_EQ(Ask("GET /metrics", origin).find("Access-Control"), std::string::npos);
  const std::string preflight = Ask("OPTIONS /metrics", "Origin: http://a\r\n");
  EXPECT_EQ(StatusOf(preflight), 200);
  EXPECT_NE(preflight.find("Access-Control-Allow-Methods: GET\r\n"), std::string::npos);
  EXPECT_EQ(preflight.find("Access-Control-Allow-Origin"), std::string::npos);
  auto config = std::make_shared<Config>(*target_.config);
  config->web.allow_cross_origin_requests = true;
  server_.reset();
  target_.config = config;
  Serve();
  const std::string allowed = Ask("GET /metrics", origin);
  EXPECT_NE(allowed.find("Access-Control-Allow-Origin: http://evil.example\r\n"),
            std::string::npos);
  EXPECT_NE(allowed.find("Vary: Origin\r\n"), std::string::npos);
}

TEST_F(WebServerTest, CustomHeadersReplaceOurs) {
  target_.config->web.custom_headers = {{"x-frame-options", ""}, {"X-Custom", "yes"}};
  Serve();
  const std::string answer = Ask("GET /metrics");
  EXPECT_EQ(answer.find("X-Frame-Options"), std::string::npos);
  EXPECT_NE(answer.find("X-Custom: yes\r\n"), std::string::npos);
}

TEST_F(WebServerTest, ClosesSilentlyOutsideTheAccessList) {
  target_.config->web.acl.Clear();
  ASSERT_TRUE(target_.config->web.acl.Add("192.0.2.0/24"));
  Serve();
  EXPECT_EQ(ReadToEnd(Connect()), "");
}

TEST_F(WebServerTest, ClosesSilentlyAboveTheConnectionLimit) {
  target_.config->web.max_concurrent_connections = 1;
  Serve();
  const UniqueFd first = Connect();
  // The second is refused once the first was taken, which nothing tells us but the refusal.
  EXPECT_EQ(ReadToEnd(Connect()), "");
  const std::string request = "GET /jsonstat?command=stats HTTP/1.0\r\nX-API-Key: key\r\n\r\n";
  ASSERT_GT(send(first.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  EXPECT_EQ(StatusOf(ReadToEnd(first)), 200);
}

TEST_F(WebServerTest, DropsABodyThatDoesNotEnd) {
  Serve();
  const UniqueFd fd = Connect();
  std::string request =
      "PUT /x HTTP/1.1\r\nHost: x\r\nX-API-Key: key\r\nContent-Length: 99999999\r\n\r\n";
  request += std::string(3 << 20, 'b');
  size_t sent = 0;
  while (sent < request.size()) {
    const ssize_t wrote =
        send(fd.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (wrote <= 0) break;
    sent += static_cast<size_t>(wrote);
  }
  ReadToEnd(fd);
  EXPECT_EQ(StatusOf(Ask("GET /metrics")), 200);
}

TEST_F(WebServerTest, AnAddressInUseIsAnError) {
  Serve();
  WebServer other(target_, runner_, rates_);
  const auto started = other.Start(address_);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("cannot bind"), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
