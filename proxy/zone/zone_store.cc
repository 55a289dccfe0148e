#include "proxy/zone/zone_store.h"

#include <fmt/format.h>

namespace breakwater {

void ZoneStore::Publish(ZoneSetPtr zones) {
  published_.Add();
  zone_count_.store(zones->size(), std::memory_order_relaxed);
  zones_.With([&](ZoneSetPtr& current) { current.swap(zones); });
  retired_.push_back(std::move(zones));
  FreeRetired();
}

void ZoneStore::FreeRetired() {
  // Nobody can take another reference to these.
  std::erase_if(retired_, [](const ZoneSetPtr& zones) { return zones.use_count() == 1; });
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
