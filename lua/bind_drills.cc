// addDrill: a standby that is tried on a schedule.
#include <fmt/format.h>

#include "lua/object_args.h"
#include "lua/script_bindings.h"

namespace breakwater::lua {
namespace {

TextResult<void> AddDrill(Call& call, Options options) {
  DrillSchedule schedule;
  DrillOrder& order = schedule.order;
  bool live = false;
  options.Read("server", &order.server);
  options.Read("every", &schedule.every_s);
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
     "addDrill({server=, every=86400, duration=30, share=0.01, live=false})",
     "Compares a standby's answers to a share of the queries with the first tier's, each `every` "
     "seconds.",
     Scope::kConfigOnly},
};

}  // namespace

FunctionPage DrillFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
