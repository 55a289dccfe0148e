// breakwaterctl's commands against the real socket, commands and cache.
#include "proxy/control/ctl_commands.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "proxy/cache/flush_number.h"
#include "proxy/control/control_commands.h"
#include "proxy/control/ctl_client.h"
#include "proxy/control/ctl_flush_list.h"
#include "proxy/control/ctl_text.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

// Lists keep their pace by the target's clock; here time is real, as the client's.
class LiveTarget : public FakeTarget {
 public:
  const Clock& clock() const override { return system_; }

 private:
  SystemClock system_;
};

class CtlCommandsTest : public CacheFixture {
 protected:
  CtlCommandsTest() {
    RestartFlushNumbers();
    char pattern[] = "/tmp/bw-ctl-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/control.sock";
    target_.AddBackend("one", "192.0.2.1");
    cache();
    target_.AddPool("", cache_);
    socket_ = std::make_unique<ControlSocket>(
        loop_,
        [this](std::string_view line, const ControlCaller& caller) {
          return commands_.Handle(line, {.role = role_.value_or(caller.role), .who = caller.who});
        },
        ControlSocketSettings{.path = path_, .mode = 0600, .group = {}});
    const auto started = socket_->Start();
    EXPECT_TRUE(started) << started.error();
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~CtlCommandsTest() override {
    loop_.Stop();
    thread_.join();
    socket_.reset();
    std::filesystem::remove_all(directory_);
  }

  CtlExit Run(std::vector<std::string> words) {
    words.insert(words.begin(), {"--socket", path_});
    const auto options = ParseCtlOptions(words);
    EXPECT_TRUE(options) << options.error();
    out_.str("");
    err_.str("");
    return RunCtl(*options, {.out = out_, .err = err_, .progress = progress_});
  }
  std::string WriteList(const std::string& text) {
    const std::string list = directory_ + "/names";
    std::ofstream(list) << text;
    return list;
  }

  std::string directory_;
  std::string path_;
  LiveTarget target_;
  std::optional<Role> role_;  // instead of the peer's; set before the first command
  bool progress_ = false;
  Loop loop_;
  ControlCommands commands_{target_, {.timers = loop_.timers(), .prober = target_.prober_}};
  std::unique_ptr<ControlSocket> socket_;
  std::thread thread_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CtlCommandsTest, PrintsTextOrJson) {
  EXPECT_EQ(Run({"servers"}), CtlExit::kDone);
  EXPECT_NE(out_.str().find("one                  192.0.2.1:53"), std::string::npos) << out_.str();
  EXPECT_EQ(Run({"servers", "--json"}), CtlExit::kDone);
  EXPECT_EQ(json::parse(out_.str())["servers"][0]["name"], "one");
  EXPECT_EQ(Run({"version"}), CtlExit::kDone);
  EXPECT_EQ(out_.str(), "9.8.7\n");
  EXPECT_EQ(Run({"status"}), CtlExit::kDone);
  EXPECT_NE(out_.str().find("servers-up           1\n"), std::string::npos) << out_.str();
  EXPECT_EQ(Run({"cache", "stats"}), CtlExit::kDone);
  EXPECT_NE(out_.str().find("(default)"), std::string::npos);
  EXPECT_EQ(Run({"rules"}), CtlExit::kDone);
  EXPECT_EQ(out_.str(), "no rules\n");
}

TEST_F(CtlCommandsTest, FlushesAndTakesItBack) {
  ASSERT_TRUE(Put("www.example.com", kOneAddress));
  EXPECT_EQ(Run({"flush", "example.com", "--suffix"}), CtlExit::kDone);
  EXPECT_EQ(out_.str(), "flush 1\n");
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(Run({"flush", "undo", "1"}), CtlExit::kDone);
  EXPECT_TRUE(Hits("www.example.com"));
}

TEST_F(CtlCommandsTest, FlushesAListAndNamesItsBadLines) {
  const std::string list = WriteList("# zones\nexample.com\n\n  bad..name # here\nexample.org\r\n");
  EXPECT_EQ(Run({"flush", "--list", list, "--suffix"}), CtlExit::kFailed);
  EXPECT_NE(err_.str().find("line 4: 'bad..name'"), std::string::npos) << err_.str();
  EXPECT_NE(out_.str().find("2 flushed, 1 failed"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("flush undo 1-2"), std::string::npos) << out_.str();
  EXPECT_EQ(Run({"flush", "undo", "1-2"}), CtlExit::kDone);
  EXPECT_EQ(cache().Stats().flushes, 2u);
}

TEST_F(CtlCommandsTest, AListKeepsItsPaceAndShowsHowFarItIs) {
  progress_ = true;
  const std::string list = WriteList("a\nb\nc\nd\ne\n");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Run({"flush", "--list", list, "--rate", "100", "--json"}), CtlExit::kDone);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(40));
  EXPECT_NE(err_.str().find("5/5"), std::string::npos) << err_.str();
  const json summary = json::parse(out_.str());
  EXPECT_EQ(summary["flushed"], 5);
  EXPECT_EQ(summary["last-id"], 5);
}

TEST_F(CtlCommandsTest, AStrictListWithABadLineDoesNothing) {
  const std::string list = WriteList("example.com\nexample.org wide\n");
  EXPECT_EQ(Run({"flush", "--list", list, "--strict"}), CtlExit::kFailed);
  EXPECT_NE(err_.str().find("line 2: 'wide' is neither"), std::string::npos) << err_.str();
  EXPECT_EQ(cache().Stats().flushes, 0u);
  EXPECT_EQ(Run({"flush", "--list", list, "--strict", "--json"}), CtlExit::kFailed);
  const json reply = json::parse(out_.str());
  EXPECT_EQ(reply["code"], "bad-list");
  EXPECT_EQ(reply["lines-not-understood"][0]["line"], 2);
}

TEST_F(CtlCommandsTest, ALineOfAListSaysWhatIsFlushed) {
  std::istringstream in(
      "a.example SUFFIX\nb.example aaaa hard\na.example # again\na.example suffix\n");
  const ListedFlushes list = ReadFlushList(in, {});
  EXPECT_EQ(list.lines,
            (std::vector<std::string>{"a.example. suffix", "b.example. AAAA hard", "a.example."}));
  EXPECT_TRUE(list.problems.empty());
}

TEST_F(CtlCommandsTest, AListThatIsStoppedTakesItsFlushesBackAndSaysWhy) {
  const std::string list = WriteList("a.example\nb.example\nc.example\n");
  std::thread other([&] {
    auto client = CtlClient::Connect(path_);
    ASSERT_TRUE(client) << client.error();
    json reply = json::object();
    while (reply.value("flushed", 0) == 0) {
      reply = *client->Request({{"command", "flush-list-status"}, {"job", 1}});
    }
    EXPECT_EQ((*client->Request({{"command", "flush-list-stop"}, {"job", 1}}))["ok"], true);
  });
  EXPECT_EQ(Run({"flush", "--list", list, "--rate", "0.01", "--undo-on-stop"}), CtlExit::kStopped);
  other.join();
  EXPECT_NE(out_.str().find("stopped: stopped by uid"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("1 of 3 names were flushed, 1 of them taken back"), std::string::npos)
      << out_.str();
  EXPECT_EQ(Run({"flush", "lists"}), CtlExit::kDone);
  EXPECT_NE(out_.str().find("1      stopped          3        1        1"), std::string::npos)
      << out_.str();
  EXPECT_EQ(Run({"flush", "stop", "1"}), CtlExit::kFailed);
}

TEST_F(CtlCommandsTest, AListThatIsRefusedForItsZonesIsOver) {
  target_.config->settings.control_access.tokens.push_back(
      {.name = "shop",
       .hash = HashToken("shop-0123456789"),
       .role = Role::kFlush,
       .zones = {*dns::Name::Parse("example.com")}});
  const std::string token = WriteList("shop-0123456789\n");
  std::filesystem::permissions(token, std::filesystem::perms::owner_read);
  const std::string list = directory_ + "/zones";
  std::ofstream(list) << "www.example.com\nexample.org\n";
  EXPECT_EQ(Run({"flush", "--list", list, "--token-file", token}), CtlExit::kDenied);
  EXPECT_EQ(cache().Stats().flushes, 0u);
  EXPECT_EQ(Run({"flush", "lists"}), CtlExit::kDone);
  EXPECT_NE(out_.str().find("stopped"), std::string::npos) << out_.str();
  EXPECT_EQ(out_.str().find("loading"), std::string::npos) << out_.str();
}

TEST_F(CtlCommandsTest, TellsRefusalsByTheExitStatus) {
  EXPECT_EQ(Run({"server", "nobody", "down"}), CtlExit::kFailed);
  EXPECT_NE(err_.str().find("there is no server 'nobody'"), std::string::npos);
  EXPECT_EQ(Run({"server", "nobody", "down", "--json"}), CtlExit::kFailed);
  EXPECT_EQ(json::parse(out_.str())["code"], "not-found");
  EXPECT_EQ(Run({"flush", "--list", "/tmp"}), CtlExit::kUsage);
  EXPECT_NE(err_.str().find("cannot read /tmp"), std::string::npos) << err_.str();
  EXPECT_EQ(Run({"flush", "--list", "/nonexistent/file"}), CtlExit::kUsage);
  EXPECT_NE(err_.str().find("cannot read /nonexistent/file"), std::string::npos);
}

TEST_F(CtlCommandsTest, ARoleThatIsTooLowIsDenied) {
  role_ = Role::kRead;
  EXPECT_EQ(Run({"flush", "a"}), CtlExit::kDenied);
  EXPECT_EQ(Run({"flush", "--list", WriteList("a\nb\n")}), CtlExit::kDenied);
}

TEST_F(CtlCommandsTest, ShowsTheTokenOfAFileOrOfTheEnvironment) {
  role_ = Role::kRead;
  target_.config->settings.control_access.tokens.push_back(
      {.name = "shop", .hash = HashToken("shop-0123456789"), .zones = {}});
  const std::string path = WriteList("shop-0123456789\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  EXPECT_EQ(Run({"flush", "a"}), CtlExit::kDenied);
  EXPECT_EQ(Run({"flush", "a", "--token-file", path}), CtlExit::kDone) << err_.str();
  EXPECT_EQ(Run({"flush", "--list", path, "--token-file", path}), CtlExit::kDone) << err_.str();
  setenv("BREAKWATER_TOKEN", "shop-0123456789", 1);
  EXPECT_EQ(Run({"flush", "a"}), CtlExit::kDone) << err_.str();
  setenv("BREAKWATER_TOKEN", "a wrong one", 1);
  EXPECT_EQ(Run({"flush", "a", "--token-file", path}), CtlExit::kDone) << err_.str();
  EXPECT_EQ(Run({"flush", "a"}), CtlExit::kDenied);
  unsetenv("BREAKWATER_TOKEN");
  EXPECT_EQ(Run({"flush", "a", "--token-file", "/nonexistent/token"}), CtlExit::kUsage);
  EXPECT_NE(err_.str().find("/nonexistent/token"), std::string::npos);
}

TEST_F(CtlCommandsTest, WithoutAServerSaysWhatToCheck) {
  path_ = directory_ + "/other.sock";
  EXPECT_EQ(Run({"status"}), CtlExit::kNoServer);
  EXPECT_NE(err_.str().find("controlUnixSocket()"), std::string::npos) << err_.str();
}

TEST_F(CtlCommandsTest, ManyFlushesGoOverOneConnection) {
  auto client = CtlClient::Connect(path_);
  ASSERT_TRUE(client) << client.error();
  constexpr int kCount = 2000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kCount; ++i) {
    const auto reply = client->Request(
        {{"command", "flush"}, {"name", "z" + std::to_string(i) + ".example"}, {"suffix", true}});
    ASSERT_TRUE(reply) << reply.error();
    ASSERT_EQ((*reply)["ok"], true);
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("us_per_flush", std::to_string(took.count() / kCount));
  std::cout << "round trip of a flush: " << took.count() / kCount << " us\n";
  EXPECT_EQ(cache().Stats().flushes, static_cast<uint64_t>(kCount));
}

TEST(CtlText, ProgressShowsShareRateAndRemainder) {
  const std::string text = CtlProgressText({.done = 250, .total = 1000, .seconds = 0.5});
  EXPECT_EQ(text, "[##########                              ] 250/1000  500/s  2 s left");
}

TEST(CtlText, ControlCharactersOfANameDoNotReachTheTerminal) {
  const json reply = {{"ok", true}, {"servers", {{{"name", "evil\x1b[31m"}}}}};
  EXPECT_EQ(CtlReplyText(CtlCommand::kServers, reply).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
