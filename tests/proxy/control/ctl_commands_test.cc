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

#include "proxy/control/control_commands.h"
#include "proxy/control/ctl_client.h"
#include "proxy/control/ctl_text.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

class CtlCommandsTest : public CacheFixture {
 protected:
  CtlCommandsTest() {
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
  FakeTarget target_;
  ControlCommands commands_{target_};
  std::optional<Role> role_;  // instead of the peer's; set before the first command
  bool progress_ = false;
  Loop loop_;
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

TEST_F(CtlCommandsTest, TellsRefusalsByTheExitStatus) {
  EXPECT_EQ(Run({"server", "nobody", "down"}), CtlExit::kFailed);
  EXPECT_NE(err_.str().find("there is no server 'nobody'"), std::string::npos);
  EXPECT_EQ(Run({"server", "nobody", "down", "--json"}), CtlExit::kFailed);
  EXPECT_EQ(json::parse(out_.str())["code"], "not-found");
  EXPECT_EQ(Run({"flush", "--list", "/nonexistent/file"}), CtlExit::kUsage);
  EXPECT_NE(err_.str().find("cannot read /nonexistent/file"), std::string::npos);
}

TEST_F(CtlCommandsTest, ARoleThatIsTooLowIsDenied) {
  role_ = Role::kRead;
  EXPECT_EQ(Run({"flush", "a"}), CtlExit::kDenied);
  EXPECT_EQ(Run({"flush", "--list", WriteList("a\nb\n")}), CtlExit::kDenied);
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
