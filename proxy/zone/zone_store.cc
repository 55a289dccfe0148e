#include "proxy/zone/zone_store.h"

#include <fmt/format.h>

namespace breakwater {

void ZoneStore::Publish(ZoneSetPtr zones) {
  published_.Add();
  zone_count_.store(zones->size(), std::memory_order_relaxed);
  // The old set may hold the last of many zones: it is let go of outside of the lock.
  zones_.With([&](ZoneSetPtr& current) { current.swap(zones); });
}

void ZoneStore::SetStatus(ZoneStatus status) {
  status_.With([&](ZoneStatus& current) { current = std::move(status); });
}

std::string ZoneStore::Describe() const {
  const ZoneStatus now = status();
  std::string text = fmt::format("{} zones of {}", now.zones, settings_.path);
  if (!now.looked) text += ", still loading";
  if (now.bad_files > 0) text += fmt::format(", {} files not taken", now.bad_files);
  if (!now.problem.empty()) text += ": " + now.problem;
  return text;
}

}  // namespace breakwater
