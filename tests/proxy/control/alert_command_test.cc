#include "proxy/control/alert_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/manual_clock.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

class AlertCommandTest : public testing::Test {
 protected:
  AlertCommandTest() {
    char pattern[] = "/tmp/bw-alert-XXXXXX";
    close(mkstemp(pattern));
    path_ = pattern;
    Use("cat >> $1");
  }
  ~AlertCommandTest() override { unlink(path_.c_str()); }

  void Use(const std::string& script) {
    settings_.command = {"/bin/sh", "-c", script, "sh", path_};
  }
  void Tell(const std::string& zone, bool bad, const std::string& server = "one") {
    alert_.Add({.zones = {{.zone = *dns::Name::Parse(zone),
                           .server = server,
                           .is_bad = bad,
                           .kind = BadKind::kRefused,
                           .when = clock_.Now()}}},
               settings_);
  }
  // Lets so many seconds pass, one turn of the loop for each, and what runs then end.
  void Pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(MonoTime::FromSeconds(1));
      uv_run(loop_.raw(), UV_RUN_NOWAIT);
      while (alert_.running() && wait_) uv_run(loop_.raw(), UV_RUN_ONCE);
    }
  }
  std::vector<json> Runs() const {
    std::vector<json> runs;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) runs.push_back(json::parse(line));
    return runs;
  }
  static std::vector<std::string> Zones(const json& list) {
    std::vector<std::string> zones;
    for (const json& one : list) zones.push_back(one["zone"]);
    return zones;
  }

  ManualClock clock_;
  Loop loop_{clock_};
  Counters counters_;
  AlertSettings settings_;
  AlertCommand alert_{loop_, counters_};
  std::string path_;
  bool wait_ = true;  // Pass() waits for programs to end
};

TEST_F(AlertCommandTest, TellsTheSerialsOfAnOlderZone) {
  alert_.Add({.zones = {{.zone = *dns::Name::Parse("a.example"),
                         .server = "one",
                         .is_bad = true,
                         .kind = BadKind::kOlder,
                         .when = clock_.Now(),
                         .serial = ToldSerial{.serial = 5, .newest = 8}}}},
             settings_);
  Pass(2);
  const auto runs = Runs();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0]["bad"][0]["kind"], "older");
  EXPECT_EQ(runs[0]["bad"][0]["serial"], 5);
  EXPECT_EQ(runs[0]["bad"][0]["newest-serial"], 8);
}

TEST_F(AlertCommandTest, TellsOfPoolsUnlessTheyCameBackBeforeTheRun) {
  const auto tell = [&](const std::string& pool, bool down) {
    alert_.Add({.pools = {{.pool = pool, .is_down = down, .when = clock_.Now()}}}, settings_);
  };
  tell("a", true);
  tell("b", true);
  tell("b", false);
  Pass(2);
  const auto runs = Runs();
  ASSERT_EQ(runs.size(), 1u);
  ASSERT_EQ(runs[0]["pools-down"].size(), 1u);
  EXPECT_EQ(runs[0]["pools-down"][0]["pool"], "a");
  EXPECT_TRUE(runs[0]["pools-up"].empty());
  EXPECT_TRUE(runs[0]["bad"].empty());
}

TEST_F(AlertCommandTest, TellsChangesThatComeTogetherInOneRun) {
  Tell("a.example", true);
  Pass(1);
  Tell("b.example", true, "two");
  EXPECT_TRUE(Runs().empty());
  Pass(1);
  const auto runs = Runs();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0]["event"], "zones");
  EXPECT_EQ(Zones(runs[0]["bad"]), (std::vector<std::string>{"a.example.", "b.example."}));
  EXPECT_EQ(runs[0]["good"], json::array());
  EXPECT_EQ(runs[0]["bad"][1]["server"], "two");
  EXPECT_EQ(runs[0]["bad"][1]["kind"], "refused");
  EXPECT_THAT(runs[0]["bad"][1]["since"].get<std::string>(),
              testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9:]+Z"));
  EXPECT_EQ(counters_.Get(Metric::kAlertCommands), 1u);
  EXPECT_EQ(counters_.Get(Metric::kAlertCommandFailures), 0u);
}

TEST_F(AlertCommandTest, WhatIsTheMatterIsToldWithinTenSecondsWhereNothingElseIsSaid) {
  Tell("a.example", true);
  Pass(2);
  ASSERT_EQ(Runs().size(), 1u);
  Tell("b.example", true);
  Pass(10);
  EXPECT_EQ(Runs().size(), 2u);
}

TEST_F(AlertCommandTest, RunsOnceInAnIntervalAndTellsThenWhatCameMeanwhile) {
  settings_.interval_s = 60;
  Tell("a.example", true);
  Pass(2);
  ASSERT_EQ(Runs().size(), 1u);
  for (int i = 0; i < 50; ++i) {
    Tell("z" + std::to_string(i) + ".example", true);
    Pass(1);
  }
  Tell("a.example", false);
  Pass(9);
  EXPECT_EQ(Runs().size(), 1u);
  Pass(1);
  const auto runs = Runs();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1]["bad"].size(), 50u);
  EXPECT_EQ(Zones(runs[1]["good"]), (std::vector<std::string>{"a.example."}));
  Pass(1000);
  EXPECT_EQ(Runs().size(), 2u);
}

TEST_F(AlertCommandTest, WhatIsTakenBackBeforeItWasToldIsLeftOut) {
  Tell("a.example", true);
  Tell("b.example", true);
  Tell("a.example", false);
  Pass(2);
  ASSERT_EQ(Runs().size(), 1u);
  EXPECT_EQ(Zones(Runs()[0]["bad"]), (std::vector<std::string>{"b.example."}));
  Tell("b.example", false);
  Tell("b.example", true);
  Pass(100);
  EXPECT_EQ(Runs().size(), 1u);
}

TEST_F(AlertCommandTest, TheEnvironmentTellsCountsAndTheFirstNames) {
  Use("env | grep ^BREAKWATER_ | sort > $1");
  for (int i = 100; i < 200; ++i) Tell("z" + std::to_string(i) + ".example", true);
  Tell("good.example", false);
  Pass(2);
  std::ostringstream text;
  text << std::ifstream(path_).rdbuf();
  EXPECT_THAT(text.str(), testing::StartsWith("BREAKWATER_BAD=100\nBREAKWATER_BAD_ZONES=z100."
                                              "example. z101.example. "));
  EXPECT_THAT(text.str(), testing::HasSubstr(" z149.example.\nBREAKWATER_EVENT=zones\n"
                                             "BREAKWATER_GOOD=1\n"
                                             "BREAKWATER_GOOD_ZONES=good.example.\n"));
}

TEST_F(AlertCommandTest, WhatAFailedRunHadToTellIsToldInTheNext) {
  Use("exit 7");
  Tell("a.example", true);
  Tell("b.example", true);
  Pass(2);
  EXPECT_EQ(counters_.Get(Metric::kAlertCommandFailures), 1u);
  Use("cat >> $1");
  Tell("b.example", false);
  Tell("c.example", true);
  Pass(60);
  ASSERT_EQ(Runs().size(), 1u);
  EXPECT_EQ(Zones(Runs()[0]["bad"]), (std::vector<std::string>{"a.example.", "c.example."}));
  EXPECT_EQ(counters_.Get(Metric::kAlertCommands), 2u);
}

TEST_F(AlertCommandTest, AProgramThatIsGoneIsAFailure) {
  settings_.command = {"/nonexistent/alert"};
  Tell("a.example", true);
  Pass(2);
  EXPECT_EQ(counters_.Get(Metric::kAlertCommandFailures), 1u);
}

TEST_F(AlertCommandTest, AProgramThatHangsIsKilledAndHoldsUpNothing) {
  wait_ = false;
  Use("sleep 1000");
  Tell("a.example", true);
  Pass(2);
  EXPECT_TRUE(alert_.running());
  Pass(9);
  EXPECT_TRUE(alert_.running());
  wait_ = true;
  Pass(1);
  EXPECT_FALSE(alert_.running());
  EXPECT_EQ(counters_.Get(Metric::kAlertCommandFailures), 1u);
}

TEST_F(AlertCommandTest, WithoutAProgramNothingIsKept) {
  settings_.command.clear();
  Tell("a.example", true);
  Use("cat >> $1");
  alert_.Add({}, settings_);
  Pass(100);
  EXPECT_TRUE(Runs().empty());
  EXPECT_EQ(counters_.Get(Metric::kAlertCommands), 0u);
}

}  // namespace
}  // namespace breakwater::test
