#include "proxy/control/drill_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/base/log.h"
#include "proxy/config/standby.h"

namespace breakwater {
namespace {

using nlohmann::json;

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

void DrillScheduler::Step() {
  const ConfigPtr config = target_.CurrentConfig();
  const MonoTime now = target_.clock().Now();
  const auto& drills = config->settings.drills;
  for (size_t i = 0; i < drills.size(); ++i) {
    const MonoTime every = MonoTime::FromSeconds(drills[i].every_s);
    if (i == next_.size()) next_.push_back(now + std::min(every, kFirst));
    if (now < next_[i] || target_.drills().running()) continue;
    next_[i] = now + every;
    if (auto begun = BeginDrill(target_, drills[i].order); !begun) {
      LogError("drill", "the drill of '{}' (addDrill) was not made: {}", drills[i].order.server,
               begun.error());
    }
  }
}

}  // namespace breakwater
