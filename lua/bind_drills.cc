// addDrill: a standby that is tried on a schedule.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
namespace {

// "03:00", or "03:00:30": seconds after midnight.
std::optional<uint32_t> ParseTimeOfDay(std::string_view text) {
  constexpr std::array<uint32_t, 3> kBounds = {24, 60, 60};
  const auto parts = Split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  uint32_t seconds = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    uint32_t value = 0;
    if (i < parts.size()) {
      const std::string_view part = parts[i];
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
      const bool whole = error == std::errc() && end == part.data() + part.size();
      if (part.size() != 2 || !whole || value >= kBounds[i]) return std::nullopt;
    }
    seconds = seconds * 60 + value;
  }
  return seconds;
}

void ReadWhen(Options& options, DrillSchedule* schedule) {
  options.Read("every", &schedule->every_s);
  std::string at;
  if (!options.Read("at", &at)) return;
  schedule->at_s = ParseTimeOfDay(at);
  if (!schedule->at_s) {
    options.Reject(fmt::format("at is a time of day, \"03:00\" or \"03:00:30\", not '{}'", at));
  }
  if (options.Has("every")) options.Reject("at and every: it needs one of them");
}

TextResult<void> AddDrill(Call& call, Options options) {
  DrillSchedule schedule;
  DrillOrder& order = schedule.order;
  bool live = false;
  options.Read("server", &order.server);
  ReadWhen(options, &schedule);
  options.Read("duration", &order.length_s);
  options.Read("share", &order.share);
  options.Read("live", &live);
  if (order.server.empty()) options.Reject("server is missing: the name of the standby");
  if (!(order.share > 0) || order.share > 1) options.Reject("share must be above 0 and at most 1");
  if (order.length_s == 0 || schedule.every_s <= order.length_s) {
    options.Reject("duration must be 1 second or more, and every longer than that");
  }
  if (auto good = options.Finish(); !good) return good;
  order.mode = live ? DrillMode::kLive : DrillMode::kMirror;
  call.builder().Edit().settings.drills.push_back(std::move(schedule));
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"addDrill", Bind<&AddDrill>,
     "addDrill({server=, every=86400 or at=\"03:00\", duration=30, share=0.01, live=false})",
     "Compares a standby's answers to a share of the queries with the first tier's, each `every` "
     "seconds, or each day at a local time.",
     Scope::kConfigOnly},
};

}  // namespace

FunctionPage DrillFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
