#include "proxy/control/drill_commands.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>

#include <nlohmann/json.hpp>

#include "proxy/control/control_commands.h"
#include "proxy/control/ctl_drill.h"
#include "proxy/control/ctl_options.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class DrillCommandsTest : public testing::Test {
 protected:
  DrillCommandsTest() {
    Add("one", 1);
    standby_ = Add("standby", 9);
    auto pool = std::make_shared<Pool>();
    pool->servers = target_.config->backends;
    pool->SortIntoTiers();
    target_.config->pools[""] = std::move(pool);
  }
  BackendPtr Add(const std::string& name, uint8_t tier) {
    BackendSettings settings;
    settings.name = name;
    settings.tier = tier;
    settings.address = *Address::Parse(fmt::format("192.0.2.{}:53", tier));
    target_.config->backends.push_back(std::make_shared<Backend>(settings));
    return target_.config->backends.back();
  }
  json Ask(const std::string& line, Role role = Role::kOperate) {
    return json::parse(commands_.Handle(line, {.role = role, .who = "uid=1 pid=2"}).text);
  }
  void Difference(uint64_t drill) {
    target_.drills_.Note({.drill = drill,
                          .kind = DrillResult::Kind::kDifferent,
                          .zone = *dns::Name::Parse("example.org"),
                          .question = "www.example.org. A",
                          .difference = "it\x1b differs"});
  }
  void Advance(double seconds) {
    target_.clock_.Advance(MonoTime::FromSeconds(seconds));
    target_.drills_.Step(target_.clock_.Now());
  }

  FakeTarget target_;
  ControlCommands commands_{target_, target_.Tools()};
  BackendPtr standby_;
};

TEST_F(DrillCommandsTest, BeginsOneAndReports) {
  EXPECT_EQ(Ask(R"({"command":"drill-report"})")["error"], "there was no drill yet");
  const json begun = Ask(R"({"command":"drill","server":"standby","seconds":10,"share":0.5})");
  ASSERT_TRUE(begun["ok"]) << begun;
  EXPECT_EQ(begun["id"], 1);
  Advance(4);
  Difference(1);
  json report = Ask(R"({"command":"drill-report","id":1})", Role::kRead);
  EXPECT_EQ(report["state"], "running");
  EXPECT_EQ(report["seconds-left"], 6);
  EXPECT_EQ(report["different"], 1);
  EXPECT_EQ(report["zones"][0]["zone"], "example.org.");
  EXPECT_EQ(report["zones"][0]["samples"][0]["question"], "www.example.org. A");
  EXPECT_FALSE(DrillIsOver(report));
  Advance(6);
  report = Ask(R"({"command":"drill-report"})", Role::kRead);
  EXPECT_TRUE(DrillIsOver(report));
  EXPECT_FALSE(DrillIsClean(report));
  EXPECT_THAT(DrillText(report), HasSubstr("    www.example.org. A: it? differs\n"));
  EXPECT_EQ(Ask(R"({"command":"drill-report","id":7})")["code"], "not-found");
}

TEST_F(DrillCommandsTest, RefusesWhatCannotBe) {
  EXPECT_THAT(std::string(Ask(R"({"command":"drill","server":"one"})")["error"]),
              HasSubstr("'one' is no standby"));
  EXPECT_EQ(Ask(R"({"command":"drill","server":"two"})")["error"], "there is no server 'two'");
  EXPECT_EQ(Ask(R"({"command":"drill","server":"standby"})", Role::kFlush)["code"], "denied");
  EXPECT_EQ(Ask(R"({"command":"drill-stop"})", Role::kFlush)["code"], "denied");
  for (const char* const member :
       {R"("seconds":0)", R"("seconds":-1)", R"("seconds":604801)", R"("seconds":"1")",
        R"("share":0)", R"("share":1.1)", R"("share":true)", R"("live":1)"}) {
    EXPECT_EQ(Ask(fmt::format(R"({{"command":"drill","server":"standby",{}}})", member))["code"],
              "bad-request")
        << member;
  }
  EXPECT_EQ(Ask(R"({"command":"drill"})")["error"], "'server' is missing");
}

TEST_F(DrillCommandsTest, IsStopped) {
  EXPECT_EQ(Ask(R"({"command":"drill-stop"})")["error"], "no drill runs");
  (void)Ask(R"({"command":"drill","server":"192.0.2.9:53","live":true})");
  EXPECT_THAT(std::string(Ask(R"({"command":"drill","server":"standby"})")["error"]),
              HasSubstr("drill 1 of"));
  const json report = Ask(R"({"command":"drill-stop"})");
  EXPECT_EQ(report["state"], "stopped");
  EXPECT_EQ(report["live"], true);
  EXPECT_THAT(DrillText(report), HasSubstr("nothing is known"));
  EXPECT_FALSE(DrillIsClean(report));
}

TEST_F(DrillCommandsTest, SuspectServersAreShown) {
  EXPECT_EQ(Ask(R"({"command":"servers"})")["servers"][1]["suspect"], false);
  standby_->set_suspect(true);
  EXPECT_EQ(Ask(R"({"command":"servers"})")["servers"][1]["suspect"], true);
}

TEST_F(DrillCommandsTest, TheClockBeginsOneEachTime) {
  DrillScheduler scheduler(target_);
  const auto step = [&](double seconds) {
    Advance(seconds);
    scheduler.Step();
    const auto report = target_.drills_.Report();
    return report ? report->id : 0;
  };
  target_.config->settings.drills = {{.order = {.server = "standby", .length_s = 5}, .every_s = 60},
                                     {.order = {.server = "nobody"}, .every_s = 60}};
  EXPECT_EQ(step(0), 0u);
  EXPECT_EQ(step(59), 0u);
  EXPECT_EQ(step(1), 1u);
  EXPECT_EQ(step(59), 1u);
  EXPECT_EQ(step(1), 2u);
}

TEST_F(DrillCommandsTest, TheFirstOneDoesNotWaitForADay) {
  DrillScheduler scheduler(target_);
  target_.config->settings.drills = {{.order = {.server = "standby"}, .every_s = 86400}};
  scheduler.Step();
  Advance(599);
  scheduler.Step();
  EXPECT_FALSE(target_.drills_.running());
  Advance(1);
  scheduler.Step();
  EXPECT_TRUE(target_.drills_.running());
}

TEST(CtlDrillTest, ReadsTimesAndShares) {
  EXPECT_EQ(ParseSeconds("30").value_or(0), 30u);
  EXPECT_EQ(ParseSeconds("30s").value_or(0), 30u);
  EXPECT_EQ(ParseSeconds("5m").value_or(0), 300u);
  EXPECT_EQ(ParseSeconds("2h").value_or(0), 7200u);
  for (const char* const bad : {"", "0", "-1", "s", "1d", "8000h", "1.5s"}) {
    EXPECT_FALSE(ParseSeconds(bad)) << bad;
  }
  EXPECT_DOUBLE_EQ(ParseShare("1%").value_or(0), 0.01);
  EXPECT_DOUBLE_EQ(ParseShare("0.25").value_or(0), 0.25);
  EXPECT_DOUBLE_EQ(ParseShare("100%").value_or(0), 1);
  for (const char* const bad : {"", "0", "101%", "2", "-1%", "1%%", "nan", "a"}) {
    EXPECT_FALSE(ParseShare(bad)) << bad;
  }
}

TEST(CtlDrillTest, ReadsItsWords) {
  const auto options = ParseCtlOptions({"drill", "standby", "--for", "1m", "--share=5%", "--live"});
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->command, CtlCommand::kDrill);
  EXPECT_EQ(DrillRequest(options->drill), json({{"command", "drill"},
                                                {"server", "standby"},
                                                {"seconds", 60},
                                                {"share", 0.05},
                                                {"live", true}}));
  EXPECT_EQ(DrillRequest(ParseCtlOptions({"drill", "report", "3"})->drill)["id"], 3);
  EXPECT_EQ(DrillRequest(ParseCtlOptions({"drill", "stop"})->drill)["command"], "drill-stop");
  EXPECT_FALSE(ParseCtlOptions({"drill"}));
  EXPECT_FALSE(ParseCtlOptions({"drill", "report", "x"}));
  EXPECT_FALSE(ParseCtlOptions({"drill", "stop", "--live"}));
  EXPECT_FALSE(ParseCtlOptions({"servers", "--share", "1%"}));
}

TEST_F(DrillCommandsTest, ATimeOfDayBeginsOneEachDay) {
  ASSERT_EQ(setenv("TZ", "UTC", 1), 0);
  tzset();
  const auto wall = [&] { return target_.clock_.WallSeconds(); };
  const auto of_day = static_cast<uint32_t>((wall() + 90) % 86400);
  target_.config->settings.drills.push_back(
      {.order = {.server = "standby", .length_s = 10}, .at_s = of_day});
  DrillScheduler scheduler(target_);
  const auto step = [&](double seconds) {
    Advance(seconds);
    scheduler.Step();
    const auto report = target_.drills_.Report();
    return report ? report->id : 0;
  };
  EXPECT_EQ(step(0), 0u);
  EXPECT_EQ(step(89), 0u);
  EXPECT_EQ(step(1), 1u);
  EXPECT_EQ(step(20), 1u);
  EXPECT_EQ(step(86400 - 21), 1u);
  EXPECT_EQ(step(1), 2u);
  // One whose time was missed is not made up for; when the clock was set back its time comes again.
  target_.clock_.StepWall(86400 + 7200);
  EXPECT_EQ(step(20), 2u);
  target_.clock_.StepWall(-3 * 86400 - 7200 - 20 + 86400 - 60);
  EXPECT_EQ(step(59), 2u);
  EXPECT_EQ(step(1), 3u);
}

TEST_F(DrillCommandsTest, ADrillThatTakesAnothersPlaceInTheListKeepsItsOwnTime) {
  ASSERT_EQ(setenv("TZ", "UTC", 1), 0);
  tzset();
  const auto in = [&](int64_t seconds) {
    return static_cast<uint32_t>((target_.clock_.WallSeconds() + seconds) % 86400);
  };
  auto& drills = target_.config->settings.drills;
  drills.push_back({.order = {.server = "standby", .length_s = 10}, .at_s = in(7200)});
  DrillScheduler scheduler(target_);
  scheduler.Step();
  // As after a change of the configuration: an hour sooner.
  drills[0].at_s = in(3600);
  Advance(3599);
  scheduler.Step();
  EXPECT_FALSE(target_.drills_.Report());
  Advance(1);
  scheduler.Step();
  EXPECT_TRUE(target_.drills_.Report());
}

TEST(TimeOfDay, GoesByTheTimeZoneThroughItsChanges) {
  ASSERT_EQ(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
  tzset();
  constexpr int64_t kNoon = 1711188000;  // 2024-03-23 11:00 CET, a week before the change
  const int64_t first = NextTimeOfDay(kNoon, 3 * 3600);
  EXPECT_EQ(first, 1711245600);  // 2024-03-24 03:00 CET
  // A week later clocks went forward in that night: 03:00 is an hour sooner.
  EXPECT_EQ(NextTimeOfDay(kNoon + 7 * 86400, 3 * 3600), first + 7 * 86400 - 3600);
  EXPECT_EQ(NextTimeOfDay(first, 3 * 3600), first);
  ASSERT_EQ(setenv("TZ", "UTC", 1), 0);
  tzset();
}

}  // namespace
}  // namespace breakwater::test
