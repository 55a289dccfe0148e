#include "proxy/zone/zone_set.h"

#include <utility>

#include "proxy/base/text.h"

namespace breakwater {

const Zone* ZoneSet::FindFrom(std::span<const uint8_t> folded) const {
  while (true) {
    const auto found = zones_.find(AsText(folded));
    if (found != zones_.end()) return found->second.get();
    if (folded[0] == 0) return nullptr;
    folded = folded.subspan(1u + folded[0]);
  }
}

const Zone* ZoneSet::Find(const dns::Name& name) const {
  return FindFrom(name.Folded().wire());
}

const Zone* ZoneSet::FindAbove(const dns::Name& apex) const {
  if (apex.IsRoot()) return nullptr;
  return FindFrom(apex.Folded().Parent().wire());
}

void ZoneSet::Put(ZonePtr zone) {
  Remove(zone->folded_apex());
  const std::string_view apex = zone->folded_apex();
  zones_.emplace(apex, std::move(zone));
}

bool ZoneSet::Remove(std::string_view folded_apex) {
  const auto found = zones_.find(folded_apex);
  if (found == zones_.end()) return false;
  const ZonePtr kept = found->second;  // the key lies in it
  zones_.erase(found);
  return true;
}

}  // namespace breakwater
