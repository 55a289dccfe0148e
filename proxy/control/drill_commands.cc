#include "proxy/control/drill_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "proxy/base/log.h"
#include "proxy/config/standby.h"

namespace breakwater {
namespace {

using nlohmann::json;

constexpr int64_t kDay_s = 86400;
constexpr int64_t kLatest_s = 3600;

std::string_view StateName(DrillReport::State state) {
  switch (state) {
    case DrillReport::State::kRunning:
      return "running";
    case DrillReport::State::kDone:
      return "done";
    case DrillReport::State::kStopped:
      return "stopped";
  }
  return "stopped";
}

}  // namespace

TextResult<uint64_t> BeginDrill(const ControlTarget& target, const DrillOrder& order) {
  const auto server = FindStandby(*target.CurrentConfig(), order.server);
  if (!server) return Fail(server.error());
  return target.drills().Begin(*server, order, target.clock().Now());
}

json DrillReportJson(const DrillReport& report, MonoTime now) {
  json zones = json::array();
  for (const DrillZone& zone : report.zones) {
    json samples = json::array();
    for (const DrillSample& sample : zone.samples) {
      samples.push_back({{"question", sample.question}, {"difference", sample.difference}});
    }
    zones.push_back({{"zone", zone.zone.ToString()},
                     {"differences", zone.differences},
                     {"samples", std::move(samples)}});
  }
  json reply = {{"id", report.id},
                {"server", report.server},
                {"state", StateName(report.state)},
                {"live", report.order.mode == DrillMode::kLive},
                {"share", report.order.share},
                {"compared", report.compared},
                {"equal", report.equal},
                {"different", report.different},
                {"unanswered", report.unanswered},
                {"served", report.served},
                {"zones", std::move(zones)},
                {"in-other-zones", report.zones_left_out}};
  if (report.state == DrillReport::State::kRunning) {
    reply["seconds-left"] = std::max<int64_t>((report.ends - now).seconds(), 0);
  }
  return reply;
}

int64_t NextTimeOfDay(int64_t now_s, uint32_t at_s) {
  const auto now = static_cast<std::time_t>(now_s);
  std::tm local{};
  if (localtime_r(&now, &local) == nullptr) return now_s + kDay_s;
  for (int days = 0;; ++days) {
    std::tm day = local;
    day.tm_mday += days;
    day.tm_hour = static_cast<int>(at_s / 3600);
    day.tm_min = static_cast<int>(at_s / 60 % 60);
    day.tm_sec = static_cast<int>(at_s % 60);
    day.tm_isdst = -1;  // the time zone says
    const std::time_t then = std::mktime(&day);
    if (then >= now || days > 1) return then;
  }
}

bool DrillScheduler::IsDue(const DrillSchedule& schedule, Next& next) const {
  if (!schedule.at_s) return target_.clock().Now() >= next.every;
  const int64_t now_s = target_.clock().WallSeconds();
  // Somebody may have set the clock: a time that was missed, or lies beyond a day, is none.
  const bool known =
      next.day_s >= 0 && now_s - next.day_s < kLatest_s && next.day_s - now_s <= kDay_s + kLatest_s;
  if (!known) next.day_s = NextTimeOfDay(now_s, *schedule.at_s);
  return now_s >= next.day_s;
}

void DrillScheduler::Step() {
  const ConfigPtr config = target_.CurrentConfig();
  const MonoTime now = target_.clock().Now();
  const auto& drills = config->settings.drills;
  for (size_t i = 0; i < drills.size(); ++i) {
    const MonoTime every = MonoTime::FromSeconds(drills[i].every_s);
    const auto& server = drills[i].order.server;
    if (i == next_.size()) next_.emplace_back();
    if (next_[i].server != server || next_[i].at_s != drills[i].at_s) {
      next_[i] = {.every = now + std::min(every, kFirst), .server = server, .at_s = drills[i].at_s};
    }
    if (!IsDue(drills[i], next_[i]) || target_.drills().running()) continue;
    next_[i].every = now + every;
    if (drills[i].at_s) {
      next_[i].day_s = NextTimeOfDay(target_.clock().WallSeconds() + 1, *drills[i].at_s);
    }
    if (auto begun = BeginDrill(target_, drills[i].order); !begun) {
      LogError("drill", "the drill of '{}' (addDrill) was not made: {}", drills[i].order.server,
               begun.error());
    }
  }
}

}  // namespace breakwater
