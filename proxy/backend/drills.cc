#include "proxy/backend/drills.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/log.h"

namespace breakwater {

TextResult<uint64_t> Drills::Begin(const BackendPtr& standby, const DrillOrder& order,
                                   MonoTime now) {
  return state_.With([&](State& state) -> TextResult<uint64_t> {
    if (state.running.standby != nullptr) {
      return Fail(fmt::format("drill {} of '{}' runs: wait for its end or stop it",
                              state.reports.back().id, state.reports.back().server));
    }
    state.running = {.standby = standby, .was_suspect = standby->suspect()};
    DrillReport report{.id = state.next_id++, .server = standby->NameWithAddress(), .order = order};
    report.begun = now;
    report.ends = now + MonoTime::FromSeconds(order.length_s);
    LogInfo("drill", "drill {} of {} begins: {} s, {:.4g} % of the queries{}", report.id,
            report.server, order.length_s, order.share * 100,
            order.mode == DrillMode::kLive ? ", live" : "");
    state.reports.push_back(std::move(report));
    if (state.reports.size() > kReportsKept) state.reports.pop_front();
    threshold_.store(static_cast<uint32_t>(std::min(order.share, 1.0) * UINT32_MAX),
                     std::memory_order_relaxed);
    running_.store(true, std::memory_order_relaxed);
    return state.reports.back().id;
  });
}

bool Drills::Stop(MonoTime now) {
  return state_.With([&](State& state) {
    if (state.running.standby == nullptr) return false;
    state.reports.back().ends = now;
    End(state, DrillReport::State::kStopped);
    return true;
  });
}

void Drills::Step(MonoTime now) {
  if (!running()) return;
  state_.With([&](State& state) {
    if (state.running.standby != nullptr && state.reports.back().ends <= now) {
      End(state, DrillReport::State::kDone);
    }
  });
}

// A drill that was stopped has not shown that all is well.
void Drills::End(State& state, DrillReport::State how) {
  running_.store(false, std::memory_order_relaxed);
  const Running over = std::exchange(state.running, {});
  DrillReport& report = state.reports.back();
  report.state = how;
  const char* const word = how == DrillReport::State::kDone ? "is over" : "was stopped";
  if (report.differences() > 0) {
    LogWarning(
        "drill",
        "drill {} of {} {}: {} of {} answers differ from the first tier's, {} are missing, in "
        "{} zones; the server is suspect until a drill finds none",
        report.id, report.server, word, report.different, report.compared, report.unanswered,
        report.zones.size());
    return;
  }
  if (report.compared == 0) {
    LogWarning("drill", "drill {} of {} {}: no answers were compared, so it says nothing",
               report.id, report.server, word);
    return;
  }
  LogInfo("drill", "drill {} of {} {}: {} answers compared, all equal", report.id, report.server,
          word, report.compared);
  if (how != DrillReport::State::kDone || !over.was_suspect) return;
  over.standby->set_suspect(false);
  LogInfo("drill", "{} is not suspect any more", report.server);
}

std::optional<DrillReport> Drills::Report(uint64_t id) const {
  return state_.With([&](const State& state) -> std::optional<DrillReport> {
    if (state.reports.empty()) return std::nullopt;
    const auto found = std::ranges::find_if(
        state.reports, [&](const DrillReport& report) { return report.id == id; });
    if (id != 0 && found == state.reports.end()) return std::nullopt;
    DrillReport report = id == 0 ? state.reports.back() : *found;
    std::ranges::stable_sort(report.zones, std::greater<>(), &DrillZone::differences);
    return report;
  });
}

std::unique_ptr<DrillProbe> Drills::Probe(MonoTime now) const {
  return state_.With([&](const State& state) -> std::unique_ptr<DrillProbe> {
    if (state.running.standby == nullptr || state.reports.back().ends <= now) return nullptr;
    auto probe = std::make_unique<DrillProbe>();
    probe->drill = state.reports.back().id;
    probe->standby = state.running.standby;
    probe->mode = state.reports.back().order.mode;
    return probe;
  });
}

// What comes after the end is of no account: the verdict was given.
void Drills::Note(const DrillResult& result) {
  state_.With([&](State& state) {
    if (state.running.standby == nullptr || state.reports.back().id != result.drill) return;
    DrillReport& report = state.reports.back();
    ++report.compared;
    report.served += result.served ? 1 : 0;
    if (result.kind == DrillResult::Kind::kEqual) {
      ++report.equal;
      return;
    }
    ++(result.kind == DrillResult::Kind::kDifferent ? report.different : report.unanswered);
    AddToZone(report, result);
    if (report.differences() != 1) return;
    state.running.standby->set_suspect(true);
    LogWarning("drill", "{} is suspect: {}, zone {}: {}; the report of drill {} has all",
               report.server, result.question, result.zone.ToString(), result.difference,
               report.id);
  });
}

void Drills::AddToZone(DrillReport& report, const DrillResult& result) {
  auto found = std::ranges::find_if(
      report.zones, [&](const DrillZone& zone) { return zone.zone == result.zone; });
  if (found == report.zones.end()) {
    if (report.zones.size() == kMostZones) {
      ++report.zones_left_out;
      return;
    }
    report.zones.push_back({.zone = result.zone});
    found = report.zones.end() - 1;
  }
  ++found->differences;
  const bool shown = std::ranges::any_of(found->samples, [&](const DrillSample& sample) {
    return sample.question == result.question && sample.difference == result.difference;
  });
  if (!shown && found->samples.size() < kMostSamples) {
    found->samples.push_back({result.question, result.difference});
  }
}

}  // namespace breakwater
