// Lists of flushes as a peer of the control socket asks for them.
#include "proxy/control/flush_commands.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proxy/cache/flush_number.h"
#include "proxy/control/control_commands.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

class FlushCommandsTest : public CacheFixture {
 protected:
  FlushCommandsTest() {
    RestartFlushNumbers();
    target_.AddBackend("one", "192.0.2.1");
    target_.AddBackend("two", "192.0.2.2");
    target_.AddBackend("down", "192.0.2.3")->ForceDown();
    cache();
    target_.AddPool("", cache_);
    EXPECT_TRUE(Put("www.example.com", kOneAddress));
    Advance(1);
  }
  json Ask(const std::string& line, Role role = Role::kAdmin) {
    return json::parse(commands_.Handle(line, {.role = role, .who = "uid=1 pid=2"}).text);
  }
  json Begin(const std::string& options, const std::string& lines) {
    EXPECT_EQ(Ask(R"({"command":"flush-list")" + options + "}")["ok"], true);
    const json added = Ask(R"({"command":"flush-list-add","job":1,"lines":")" + lines + "\"}");
    EXPECT_EQ(added["ok"], true) << added;
    return Ask(R"({"command":"flush-list-run","job":1})");
  }
  json Status() { return Ask(R"({"command":"flush-list-status","job":1})"); }
  void RunFor(int64_t ms) {
    for (int64_t at = 0; at < ms; at += 20) {
      target_.clock_.Advance(MonoTime::FromMs(20));
      target_.timers_.RunDue(target_.clock_.Now());
    }
  }

  FakeTarget target_;
  Counters counters_;
  ControlCommands commands_{
      target_, {.timers = target_.timers_, .prober = target_.prober_, .counters = &counters_}};
};

TEST_F(FlushCommandsTest, AListWithoutAPaceIsDoneWithItsRun) {
  const json reply = Begin("", R"(www.example.com\n# none\nexample.net suffix hard\n)");
  EXPECT_EQ(reply["state"], "done");
  EXPECT_EQ(reply["flushed"], 2);
  EXPECT_EQ(reply["first-id"], 1);
  EXPECT_EQ(reply["last-id"], 2);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(Ask(R"({"command":"undo","id":1})")["ok"], true);
  EXPECT_TRUE(Hits("www.example.com"));
  EXPECT_EQ(Ask(R"({"command":"undo","id":2})")["error"], "a hard flush cannot be undone");
  EXPECT_TRUE(target_.prober_.asked.empty());
}

TEST_F(FlushCommandsTest, EachNameIsAskedOfEachServerThatIsUp) {
  Begin(R"(,"rate":10,"stop-on":["refused>1%"])", R"(a.example\nb.example\n)");
  RunFor(200);
  EXPECT_EQ(target_.prober_.asked,
            (std::vector<std::string>{"a.example. of one", "a.example. of two", "b.example. of one",
                                      "b.example. of two"}));
  EXPECT_EQ(Status()["state"], "settling");
  target_.prober_.AnswerAll({});
  RunFor(20);
  EXPECT_EQ(Status()["state"], "done");
  EXPECT_EQ(Status()["probes"]["answers"], 4);
}

TEST_F(FlushCommandsTest, AListThatTurnsBadIsTakenBack) {
  std::string lines = "www.example.com\\n";
  for (int i = 0; i < 99; ++i) lines += "n" + std::to_string(i) + ".example\\n";
  Begin(R"(,"rate":100,"stop-on":["refused>1%"],"undo-on-stop":true)", lines);
  RunFor(200);
  EXPECT_FALSE(Hits("www.example.com"));
  target_.prober_.AnswerAll({.bad = BadKind::kRefused});
  RunFor(60);
  const json status = Status();
  EXPECT_EQ(status["state"], "stopped");
  EXPECT_EQ(status["undone"], status["flushed"]);
  EXPECT_LT(status["flushed"], 50);
  EXPECT_EQ(status["probes"]["bad"]["refused"], status["probes"]["answers"]);
  EXPECT_TRUE(Hits("www.example.com"));
  EXPECT_EQ(Ask(R"({"command":"flush-list-stop","job":1})")["code"], "impossible");
}

TEST_F(FlushCommandsTest, OtherFlushesMeanwhileHaveOtherNumbers) {
  Begin(R"(,"rate":10)", R"(a.example\nb.example\nc.example\n)");
  EXPECT_GT(Ask(R"({"command":"flush","name":"www.example.com"})")["id"], 3);
  RunFor(400);
  EXPECT_EQ(Status()["last-id"], 3);
  for (int id = 1; id <= 3; ++id) {
    const std::string number = std::to_string(id);
    EXPECT_EQ(Ask(R"({"command":"undo","id":)" + number + "}")["ok"], true) << id;
  }
  EXPECT_FALSE(Hits("www.example.com"));
}

TEST_F(FlushCommandsTest, WrongRequestsAreRefusedByName) {
  EXPECT_NE(Ask(R"({"command":"flush-list","rate":0})")["error"].get<std::string>().find("'rate'"),
            std::string::npos);
  EXPECT_NE(
      Ask(R"({"command":"flush-list","rate":9,"stop-on":["x"]})")["error"].get<std::string>().find(
          "'stop-on': 'x' is no condition"),
      std::string::npos);
  EXPECT_NE(
      Ask(R"({"command":"flush-list","stop-on":["bad>1%"]})")["error"].get<std::string>().find(
          "needs a 'rate'"),
      std::string::npos);
  EXPECT_EQ(Ask(R"({"command":"flush-list","pool":"none"})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"flush-list-run","job":7})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"flush-list-status","job":7})")["code"], "not-found");
  EXPECT_EQ(Ask(R"({"command":"flush-list"})")["job"], 1);
  EXPECT_NE(Ask(R"({"command":"flush-list-add","job":1,"lines":"a\nb..c\n"})")["error"]
                .get<std::string>()
                .find("'lines', 2: 'b..c' is not a domain name"),
            std::string::npos);
  EXPECT_EQ(Ask(R"({"command":"flush-list"})", Role::kRead)["code"], "denied");
}

TEST_F(FlushCommandsTest, ATokenBoundToZonesMakesListsOfThemAlone) {
  const auto add_token = [&](const std::string& name) {
    target_.config->settings.control_access.tokens.push_back(
        {.name = name,
         .hash = HashToken(name + "-0123456789"),
         .role = Role::kFlush,
         .zones = {*dns::Name::Parse("example.com")}});
  };
  add_token("shop");
  add_token("other");
  const auto as = [&](const std::string& token, const std::string& request) {
    return Ask("{" + request + R"(,"token":")" + token + "-0123456789\"}", Role::kRead);
  };
  EXPECT_EQ(as("shop", R"("command":"flush-list")")["job"], 1);
  const std::string add = R"("command":"flush-list-add","job":1,"lines":)";
  EXPECT_EQ(as("shop", add + R"("a.example.com\nexample.org\n")")["code"], "denied");
  EXPECT_EQ(as("shop", add + R"("a.example.com\n")")["total"], 1);
  EXPECT_EQ(as("other", add + R"("b.example.com\n")")["code"], "denied");
  EXPECT_EQ(Ask(R"({"command":"flush-list-add","job":1,"lines":"a.example\n"})")["code"], "denied");
  EXPECT_EQ(as("other", R"("command":"flush-list-run","job":1)")["code"], "denied");
  EXPECT_EQ(as("shop", R"("command":"flush-list-run","job":1)")["flushed"], 1);
  EXPECT_EQ(as("other", R"("command":"undo","id":1)")["code"], "denied");
  EXPECT_EQ(as("other", R"("command":"flush-list-stop","job":1)")["code"], "denied");
  EXPECT_EQ(as("shop", R"("command":"undo","id":1)")["ok"], true);
}

TEST_F(FlushCommandsTest, ATokenCannotUseUpTheFlushesThatACacheRemembers) {
  settings.flush_limits.max_flushes = 6;
  cache_ = nullptr;
  cache();
  target_.AddPool("", cache_);
  target_.config->settings.control_access.tokens.push_back(
      {.name = "shop", .hash = HashToken("shop-0123456789"), .role = Role::kFlush, .zones = {}});
  const std::string token = R"(,"token":"shop-0123456789"})";
  const auto flush = [&](const std::string& end) {
    return Ask(R"({"command":"flush","name":"a.example.com")" + end, Role::kFlush);
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(flush(token)["ok"], true) << i;
  const json refused = flush(token);
  EXPECT_EQ(refused["code"], "share-used-up");
  EXPECT_NE(refused["error"].get<std::string>().find("share of the token 'shop'"),
            std::string::npos);
  // A list that would not fit is refused whole; others have their own share.
  EXPECT_EQ(Ask(R"({"command":"flush-list")" + token)["job"], 1);
  const std::string lines = R"({"command":"flush-list-add","job":1,"lines":"a.example\n")";
  EXPECT_EQ(Ask(lines + token)["total"], 1);
  EXPECT_EQ(Ask(R"({"command":"flush-list-run","job":1)" + token)["code"], "share-used-up");
  EXPECT_EQ(Status()["state"], "stopped");
  // Who needs no token is never refused a single flush, and a list where it would be too many.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(flush("}")["ok"], true) << i;
  EXPECT_EQ(Ask(R"({"command":"flush-list"})")["job"], 2);
  EXPECT_EQ(Ask(R"({"command":"flush-list-add","job":2,"lines":"a.example\n"})")["total"], 1);
  EXPECT_EQ(Ask(R"({"command":"flush-list-run","job":2})")["code"], "share-used-up");
  EXPECT_EQ(cache_->Stats().flushes, 7u);
  EXPECT_EQ(counters_.Get(Metric::kFlushShareRefused), 3u);
}

TEST_F(FlushCommandsTest, ARangeIsTakenBackInOneRequestTheNewestFirst) {
  // Of one name: only the newest can be taken back at a time.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(R"({"command":"flush","name":"www.example.com"})")["id"], i + 1);
  }
  EXPECT_FALSE(Hits("www.example.com"));
  const json undone = Ask(R"({"command":"undo","id":3,"to":3})");
  EXPECT_EQ(undone["ok"], true);
  EXPECT_EQ(Ask(R"({"command":"flush","name":"a.example"})")["id"], 4);
  EXPECT_EQ(Ask(R"({"command":"flush","name":"b.example","hard":true})")["id"], 5);
  const json part = Ask(R"({"command":"undo","id":4,"to":6})");
  EXPECT_EQ(part["ok"], false);
  EXPECT_EQ(part["undone"], 1);
  EXPECT_EQ(part["not-undone"], 2);
  EXPECT_EQ(part["error"], "1 of 3 flushes were taken back; not 6: there is no flush 6");
  EXPECT_EQ(Ask(R"({"command":"undo","id":2,"to":1})")["code"], "bad-request");
  EXPECT_EQ(Ask(R"({"command":"undo","id":1,"to":50001})")["code"], "bad-request");
}

TEST_F(FlushCommandsTest, WhatWasFlushedElsewhereIsTakenBackByTheNumberThatWasTold) {
  const auto other = *PacketCache::Make(settings, clock);
  target_.AddPool("other", other);
  EXPECT_EQ(Ask(R"({"command":"flush","name":"example.org"})")["id"],
            3);  // 1 and 2 are in the caches
  // A NOTIFY, a source, Lua.
  const FlushId elsewhere = cache_->Flush({.name = NameOf("www.example.com")}, "NOTIFY");
  EXPECT_EQ(elsewhere, 4u);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(Ask(R"({"command":"flush-status","id":4})")["undone"], false);
  EXPECT_EQ(Ask(R"({"command":"undo","id":4})")["ok"], true);
  EXPECT_TRUE(Hits("www.example.com"));
  EXPECT_EQ(Ask(R"({"command":"undo","id":3})")["caches"], 2);
  // No token has made it.
  target_.config->settings.control_access.tokens.push_back(
      {.name = "shop",
       .hash = HashToken("shop-0123456789"),
       .role = Role::kFlush,
       .zones = {*dns::Name::Parse("example.com")}});
  EXPECT_EQ(Ask(R"({"command":"undo","id":4,"token":"shop-0123456789"})")["code"], "denied");
}

TEST_F(FlushCommandsTest, OfARangeEachMustBeTheTokensOwn) {
  for (const char* name : {"shop", "other"}) {
    target_.config->settings.control_access.tokens.push_back(
        {.name = name,
         .hash = HashToken(std::string(name) + "-0123456789"),
         .role = Role::kFlush,
         .zones = {*dns::Name::Parse("example.com")}});
  }
  const auto as = [&](const std::string& token, const std::string& request) {
    return Ask("{" + request + R"(,"token":")" + token + "-0123456789\"}", Role::kRead);
  };
  EXPECT_EQ(as("shop", R"("command":"flush","name":"a.example.com")")["id"], 1);
  EXPECT_EQ(as("shop", R"("command":"flush","name":"b.example.com")")["id"], 2);
  EXPECT_EQ(as("other", R"("command":"flush","name":"c.example.com")")["id"], 3);
  EXPECT_EQ(as("shop", R"("command":"undo","id":1,"to":3)")["code"], "denied");
  EXPECT_EQ(as("other", R"("command":"undo","id":1,"to":2)")["code"], "denied");
  EXPECT_EQ(as("shop", R"("command":"undo","id":1,"to":2)")["undone"], 2);
}

TEST_F(FlushCommandsTest, NoMoreThanSoManyListsAtATimeAndForgottenOnesMakeRoom) {
  for (size_t i = 0; i < FlushCommands::kMostJobs; ++i) {
    EXPECT_EQ(Ask(R"({"command":"flush-list"})")["ok"], true);
  }
  EXPECT_EQ(Ask(R"({"command":"flush-list"})")["code"], "busy");
  target_.clock_.Advance(FlushCommands::kLoadingTime + MonoTime::FromSeconds(1));
  EXPECT_EQ(Ask(R"({"command":"flush-list"})")["ok"], true);
  EXPECT_EQ(Status()["state"], "stopped");
  EXPECT_EQ(Status()["why"], "it was never run");
  EXPECT_EQ(Ask(R"({"command":"flush-list-status"})")["jobs"].size(), FlushCommands::kMostJobs + 1);
}

TEST_F(FlushCommandsTest, TheSameNameTwiceIsOneFlushAndCanBeTakenBack) {
  const json reply = Begin("", R"(www.example.com\nWWW.example.com\nwww.example.com suffix\n)");
  EXPECT_EQ(reply["flushed"], 2);
  EXPECT_EQ(Ask(R"({"command":"undo","id":1})")["ok"], true);
}

TEST_F(FlushCommandsTest, WithNobodyToAskAListDoesNotRunBlind) {
  for (const BackendPtr& backend : target_.config->backends) backend->ForceDown();
  std::string lines;
  for (int i = 0; i < 99; ++i) lines += "n" + std::to_string(i) + ".example\\n";
  Begin(R"(,"rate":100,"stop-on":["timeout>1%"],"undo-on-stop":true)", lines);
  RunFor(1000);
  EXPECT_EQ(Status()["state"], "stopped");
  EXPECT_LT(Status()["flushed"], 50);
}

TEST_F(FlushCommandsTest, AListThatIsNeverRunGivesItsMemoryBack) {
  EXPECT_EQ(Ask(R"({"command":"flush-list"})")["ok"], true);
  RunFor(FlushCommands::kLoadingTime.ms() + 20);
  EXPECT_EQ(Status()["state"], "stopped");
  EXPECT_EQ(Ask(R"({"command":"flush-list-add","job":1,"lines":"a\n"})")["code"], "not-found");
}

TEST_F(FlushCommandsTest, AHardListForgetsItsZones) {
  const auto name = *dns::Name::Parse("www.gone.example");
  target_.zones_.Note({.name = name.wire(), .backend = 1, .apex_labels = 2, .now = {}});
  EXPECT_EQ(target_.zones_.zone_count(), 1u);
  Begin("", R"(gone.example suffix hard\n)");
  EXPECT_EQ(target_.zones_.zone_count(), 0u);
}

}  // namespace
}  // namespace breakwater::test
