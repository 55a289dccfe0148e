#include "proxy/control/control_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "proxy/cache/flush_number.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/control/fake_target.h"
#include "tests/support/test_certificate.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

class ControlCommandsTest : public CacheFixture {
 protected:
  ControlCommandsTest() { RestartFlushNumbers(); }
  json Ask(const std::string& line, Role role = Role::kAdmin) {
    return json::parse(commands_.Handle(line, {.role = role, .who = "uid=1 pid=2"}).text);
  }
  // A pool with the fixture's cache, which holds www.example.com and example.org.
  void FillCache() {
    cache();
    target_.AddPool("", cache_);
    EXPECT_TRUE(Put("www.example.com", kOneAddress));
    EXPECT_TRUE(Put("www.example.com AAAA", "/ answer www.example.com 300 AAAA 2001:db8::1"));
    EXPECT_TRUE(Put("example.org", "/ answer example.org 300 A 192.0.2.2"));
    Advance(1);
  }
  void AddTlsFrontend(const std::string& address, const TlsCertificateFiles& files) {
    auto frontend = std::make_shared<Frontend>();
    frontend->settings.address = *Address::Parse(address);
    TlsServerSettings tls;
    tls.certificates = {files};
    frontend->tls = std::make_shared<TlsServer>(std::move(tls), target_.clock().Now());
    ASSERT_TRUE(frontend->tls->Load());
    target_.config->frontends.push_back(std::move(frontend));
  }
  // As a query would see it: a soft flush makes a fresh hit a miss (or stale).
  bool Fresh(const std::string& query) { return Hits(query); }

  FakeTarget target_;
  ControlCommands commands_{target_, target_.Tools()};
};

TEST_F(ControlCommandsTest, StatusCountsServersAndQueries) {
  target_.AddBackend("a", "192.0.2.1");
  target_.AddBackend("b", "192.0.2.2")->ForceDown();
  target_.registry.AddWorker()->counters.Add(Metric::kQueries, 12);
  const json reply = Ask(R"({"command":"status"})", Role::kRead);
  EXPECT_EQ(reply["ok"], true);
  EXPECT_EQ(reply["version"], "9.8.7");
  EXPECT_EQ(reply["uptime"], 10);
  EXPECT_EQ(reply["servers"], 2);
  EXPECT_EQ(reply["servers-up"], 1);
  EXPECT_EQ(reply["queries"], 12);
}

TEST_F(ControlCommandsTest, ForcesAServerDownAndUp) {
  const BackendPtr backend = target_.AddBackend("a", "192.0.2.1");
  EXPECT_EQ(Ask(R"({"command":"server","server":"a","state":"down"})")["server"]["state"], "DOWN");
  EXPECT_FALSE(backend->IsUp());
  EXPECT_EQ(Ask(R"({"command":"server","server":"192.0.2.1:53","state":"up"})")["server"]["state"],
            "UP");
  EXPECT_TRUE(backend->IsUp());
  EXPECT_EQ(Ask(R"({"command":"server","server":")" + backend->id() + R"(","state":"auto"})")["ok"],
            true);
  EXPECT_FALSE(backend->health().forced());
}

TEST_F(ControlCommandsTest, NamesAServerThatIsUnknownOrAmbiguous) {
  target_.AddBackend("twin", "192.0.2.1");
  target_.AddBackend("twin", "192.0.2.2");
  EXPECT_EQ(Ask(R"({"command":"server","server":"x","state":"up"})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"server","server":"twin","state":"up"})")["code"], "ambiguous");
}

TEST_F(ControlCommandsTest, AFlushConcernsOneNameOrAllBelowIt) {
  FillCache();
  EXPECT_EQ(Ask(R"({"command":"flush","name":"example.com"})")["ok"], true);
  EXPECT_TRUE(Fresh("www.example.com"));
  EXPECT_EQ(Ask(R"({"command":"flush","name":"EXAMPLE.com","suffix":true})")["ok"], true);
  EXPECT_FALSE(Fresh("www.example.com"));
  EXPECT_TRUE(Fresh("example.org"));
}

TEST_F(ControlCommandsTest, AFlushMayConcernOneType) {
  FillCache();
  Ask(R"({"command":"flush","name":"www.example.com","type":"AAAA"})");
  EXPECT_FALSE(Fresh("www.example.com AAAA"));
  EXPECT_TRUE(Fresh("www.example.com"));
}

TEST_F(ControlCommandsTest, ASoftFlushIsTakenBackByItsId) {
  FillCache();
  const json flush = Ask(R"({"command":"flush","name":"www.example.com"})");
  EXPECT_FALSE(Fresh("www.example.com"));
  const json undo = Ask(R"({"command":"undo","id":)" + flush["id"].dump() + "}");
  EXPECT_EQ(undo["ok"], true) << undo;
  EXPECT_TRUE(Fresh("www.example.com"));
}

TEST_F(ControlCommandsTest, AHardFlushIsNotTakenBack) {
  FillCache();
  const json flush = Ask(R"({"command":"flush","name":"www.example.com","hard":true})");
  const json undo = Ask(R"({"command":"undo","id":)" + flush["id"].dump() + "}");
  EXPECT_EQ(undo["ok"], false);
  EXPECT_NE(undo["error"].get<std::string>().find("hard"), std::string::npos);
  EXPECT_FALSE(Fresh("www.example.com"));
}

TEST_F(ControlCommandsTest, UnknownFlushesAreNotFound) {
  FillCache();
  EXPECT_EQ(Ask(R"({"command":"undo","id":1})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"undo","id":0})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"flush-status","id":18446744073709551615})")["code"], "not-found");
}

TEST_F(ControlCommandsTest, TheCountOfAFlushFollowsTheSweeper) {
  FillCache();
  const json flush = Ask(R"({"command":"flush","name":"example.com","suffix":true})");
  const std::string ask = R"({"command":"flush-status","id":)" + flush["id"].dump() + "}";
  EXPECT_EQ(Ask(ask)["swept"], false);
  SweepAll();
  SweepAll();
  EXPECT_EQ(Ask(ask)["swept"], true);
  EXPECT_EQ(Ask(ask)["matched"], 2);
}

TEST_F(ControlCommandsTest, ACacheOfTwoPoolsIsFlushedOnce) {
  FillCache();
  target_.AddPool("second", cache_);
  EXPECT_EQ(Ask(R"({"command":"flush","name":"example.org"})")["caches"], 1);
  EXPECT_EQ(cache().Stats().flushes, 1u);
}

TEST_F(ControlCommandsTest, AFlushWithoutACacheToFlushSaysSo) {
  target_.AddPool("", nullptr);
  EXPECT_EQ(Ask(R"({"command":"flush","name":"a"})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"flush","name":"a","pool":""})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"flush","name":"a","pool":"none"})")["code"], "not-found");
}

TEST_F(ControlCommandsTest, CacheStatsNameThePools) {
  FillCache();
  target_.AddPool("second", cache_);
  const json reply = Ask(R"({"command":"cache-stats"})", Role::kRead);
  ASSERT_EQ(reply["caches"].size(), 1u);
  EXPECT_EQ(reply["caches"][0]["pools"], json::array({"", "second"}));
  EXPECT_EQ(reply["caches"][0]["entries"], 3);
}

TEST_F(ControlCommandsTest, EachCommandNeedsItsRole) {
  FillCache();
  target_.AddBackend("a", "192.0.2.1");
  EXPECT_EQ(Ask(R"({"command":"flush","name":"example.org"})", Role::kRead)["code"], "denied");
  EXPECT_TRUE(Fresh("example.org"));
  EXPECT_EQ(Ask(R"({"command":"server","server":"a","state":"down"})", Role::kFlush)["code"],
            "denied");
  EXPECT_TRUE(target_.config->backends[0]->IsUp());
  EXPECT_EQ(Ask(R"({"command":"flush","name":"example.org"})", Role::kFlush)["ok"], true);
  EXPECT_EQ(Ask(R"({"command":"servers"})", Role::kRead)["ok"], true);
}

TEST_F(ControlCommandsTest, ATokenCountsInPlaceOfThePeersRole) {
  FillCache();
  target_.AddBackend("a", "192.0.2.1");
  auto& tokens = target_.config->settings.control_access.tokens;
  tokens.push_back({.name = "shop",
                    .hash = HashToken("shop-0123456789"),
                    .zones = {*dns::Name::Parse("example.com")}});
  tokens.push_back(
      {.name = "ops", .hash = HashToken("ops-0123456789"), .role = Role::kOperate, .zones = {}});
  const auto with = [&](const std::string& members, const std::string& token, Role role) {
    return Ask("{" + members + R"(,"token":")" + token + "\"}", role);
  };
  const std::string inside = R"("command":"flush","name":"www.example.com")";
  const std::string outside = R"("command":"flush","name":"example.org")";
  const std::string above = R"("command":"flush","name":"com","suffix":true,"hard":true)";
  EXPECT_EQ(with(inside, "shop-0123456789", Role::kRead)["id"], 1);
  EXPECT_FALSE(Fresh("www.example.com"));
  // An administrator who shows the token has its rights, no more.
  EXPECT_EQ(with(outside, "shop-0123456789", Role::kAdmin)["code"], "denied");
  EXPECT_EQ(with(above, "shop-0123456789", Role::kAdmin)["code"], "denied");
  EXPECT_TRUE(Fresh("example.org"));
  EXPECT_EQ(with(outside, "ops-0123456789", Role::kRead)["id"], 2);
  EXPECT_EQ(with(R"("command":"undo","id":2)", "shop-0123456789", Role::kAdmin)["code"], "denied");
  EXPECT_EQ(with(R"("command":"undo","id":77)", "shop-0123456789", Role::kAdmin)["code"], "denied");
  EXPECT_EQ(with(R"("command":"undo","id":1)", "shop-0123456789", Role::kRead)["ok"], true);
  EXPECT_TRUE(Fresh("www.example.com"));
}

TEST_F(ControlCommandsTest, AWrongTokenIsRefusedSlowlyEvenWhereTheRoleWouldDo) {
  target_.config->settings.control_access.tokens.push_back(
      {.name = "shop", .hash = HashToken("shop-0123456789"), .zones = {}});
  const ControlReply wrong = commands_.Handle(R"({"command":"status","token":"shop-0123456788"})",
                                              {.role = Role::kAdmin, .who = "uid=0"});
  EXPECT_EQ(json::parse(wrong.text)["code"], "denied");
  EXPECT_GE(wrong.hold, MonoTime::FromSeconds(1));
  const ControlReply right = commands_.Handle(R"({"command":"status","token":"shop-0123456789"})",
                                              {.role = Role::kRead, .who = "uid=7"});
  EXPECT_EQ(json::parse(right.text)["ok"], true);
  EXPECT_EQ(right.hold, MonoTime{});
}

TEST_F(ControlCommandsTest, EveryRequestLeavesOneLineInTheAuditLog) {
  FillCache();
  char pattern[] = "/tmp/bw-audit-XXXXXX";
  close(mkstemp(pattern));
  ASSERT_TRUE(commands_.OpenAudit(pattern));
  target_.config->settings.control_access.tokens.push_back(
      {.name = "my shop", .hash = HashToken("shop-0123456789"), .zones = {}});
  (void)Ask(R"({"command":"status"})", Role::kRead);
  (void)Ask(R"({"command":"flush","name":"example.org","suffix":true})", Role::kFlush);
  (void)Ask(R"({"command":"server","server":"a\noutcome=ok","state":"up"})", Role::kFlush);
  (void)Ask(R"({"command":"version","token":"shop-0123456789"})", Role::kRead);
  (void)Ask(R"({"command":"version","token":"guess"})", Role::kRead);
  (void)Ask("nonsense\x1b");
  std::vector<std::string> lines;
  std::ifstream file(pattern);
  for (std::string line; std::getline(file, line);) lines.push_back(line.substr(21));
  unlink(pattern);
  const std::string who = "uid=1 pid=2 ";
  EXPECT_THAT(
      lines,
      testing::ElementsAre(
          who + "role=read command=status outcome=ok",
          who + "role=flush command=flush name=example.org suffix=true outcome=ok id=1",
          testing::StartsWith(who + "role=flush command=server server=\"a\\x0aoutcome=ok\" "
                                    "state=up outcome=denied error=\"'server' needs"),
          who + "role=flush token=\"my shop\" command=version outcome=ok",
          who + "command=version outcome=denied error=\"the token is none that is known here\"",
          who + "role=admin outcome=bad-request error=\"the request is not a JSON object\""));
}

TEST_F(ControlCommandsTest, CertificatesAreLoadedAgainOnEveryFrontend) {
  CertificateFolder folder;
  const TlsCertificateFiles first = folder.Make({.names = {"a.example"}});
  const TlsCertificateFiles second = folder.Make({.names = {"b.example"}});
  AddTlsFrontend("192.0.2.1:853", first);
  AddTlsFrontend("192.0.2.2:853", second);
  const std::string line = R"({"command":"reload-certificates"})";
  EXPECT_EQ(Ask(line, Role::kFlush)["code"], "denied");
  EXPECT_EQ(Ask(line, Role::kOperate), json({{"ok", true}, {"loaded", 2}}));
  std::ofstream(first.key) << "no key";
  const json reply = Ask(line);
  EXPECT_EQ(reply["ok"], false);
  EXPECT_EQ(reply["code"], "bad-certificate");
  EXPECT_EQ(reply["loaded"], 1);
  ASSERT_EQ(reply["failed"].size(), 1u) << reply;
  EXPECT_EQ(reply["failed"][0]["frontend"], "192.0.2.1:853");
  EXPECT_NE(reply["error"].get<std::string>().find(first.key), std::string::npos) << reply;
  EXPECT_NE(target_.config->frontends[0]->tls->NewSession().ssl, nullptr);
}

TEST_F(ControlCommandsTest, ZonesAreToldWithTheirServersAndAHardFlushForgetsThem) {
  FillCache();
  const BackendPtr server = target_.AddBackend("a", "192.0.2.1");
  const auto name = QueryMaker::WireName("www.example.com");
  ZoneHealth::Answer answer{
      .name = name, .backend = server->number(), .apex_labels = 2, .now = target_.clock().Now()};
  target_.zones_.Note(answer);
  EXPECT_EQ(Ask(R"({"command":"zones","bad":true})", Role::kRead)["zones"].size(), 0u);
  answer.bad = BadKind::kRefused;
  for (int i = 0; i < 3; ++i) target_.zones_.Note(answer);
  const json reply = Ask(R"({"command":"zones","bad":true})", Role::kRead);
  EXPECT_EQ(reply["known"], 1);
  EXPECT_EQ(reply["bad"], 1);
  ASSERT_EQ(reply["zones"].size(), 1u);
  const json& zone = reply["zones"][0];
  EXPECT_EQ(zone["zone"], "example.com.");
  EXPECT_EQ(zone["server"], "a (192.0.2.1:53)");
  EXPECT_EQ(zone["state"], "bad");
  EXPECT_EQ(zone["good"], 1);
  EXPECT_EQ(zone["bad"], (json{{"refused", 3}}));

  (void)Ask(R"({"command":"flush","name":"example.com","suffix":true})");
  EXPECT_EQ(Ask(R"({"command":"zones"})")["known"], 1);
  (void)Ask(R"({"command":"flush","name":"example.com","suffix":true,"hard":true})");
  EXPECT_EQ(Ask(R"({"command":"zones"})")["known"], 0);
}

TEST_F(ControlCommandsTest, ZonesAreToldWithTheirSerials) {
  target_.zones_.UseSettings({.serials = {.on = true}});
  const BackendPtr server = target_.AddBackend("a", "192.0.2.1");
  const auto name = QueryMaker::WireName("www.example.com");
  const ZoneHealth::Asked asked{
      .name = name, .backend = server->number(), .now = target_.clock().Now()};
  target_.zones_.TellSerial(asked, 2, 8);
  json zone = Ask(R"({"command":"zones"})")["zones"][0];
  EXPECT_EQ(zone["serial"], 8);
  EXPECT_FALSE(zone.contains("newest-serial"));
  target_.zones_.TellSerial(asked, 2, 5);
  zone = Ask(R"({"command":"zones","bad":true})")["zones"][0];
  EXPECT_EQ(zone["serial"], 5);
  EXPECT_EQ(zone["newest-serial"], 8);
  EXPECT_EQ(zone["last-bad"], "older");

  // A flush says that it changes: servers are asked at once.
  const auto apex = QueryMaker::WireName("example.com");
  const MonoTime now = target_.clock().Now();
  FillCache();
  while (target_.zones_.TakeSerialTurn(apex, now)) continue;
  (void)Ask(R"({"command":"flush","name":"example.com","suffix":true})");
  EXPECT_TRUE(target_.zones_.TakeSerialTurn(apex, now));
}

TEST_F(ControlCommandsTest, AReplyIsOneLineWhateverTheNames) {
  target_.AddBackend("line\nbreak \xff \"quote\"", "192.0.2.1");
  const std::string reply = commands_.Handle(R"({"command":"servers"})", {}).text;
  EXPECT_EQ(reply.find('\n'), std::string::npos);
  EXPECT_TRUE(json::accept(reply));
}

TEST_F(ControlCommandsTest, ABadRequestIsAnsweredWithItsError) {
  const json reply = Ask("nonsense");
  EXPECT_EQ(reply["ok"], false);
  EXPECT_EQ(reply["code"], "bad-request");
}

}  // namespace
}  // namespace breakwater::test
