#include "proxy/zone/zone_set.h"

#include <absl/hash/hash.h>

#include <utility>

#include "proxy/base/text.h"

namespace breakwater {

size_t ZoneSet::PartOf(std::string_view folded_apex) {
  // Not the bits that a part's own table goes by first.
  return absl::Hash<std::string_view>{}(folded_apex) >> 32 & (kParts - 1);
}

// One that no other set has.
ZoneSet::Part& ZoneSet::OwnPart(std::string_view folded_apex) {
  std::shared_ptr<Part>& part = parts_[PartOf(folded_apex)];
  if (part == nullptr) {
    part = std::make_shared<Part>();
  } else if (part.use_count() > 1) {
    part = std::make_shared<Part>(*part);
  }
  return *part;
}

const Zone* ZoneSet::FindFrom(std::span<const uint8_t> folded) const {
  while (true) {
    if (const Part* part = parts_[PartOf(AsText(folded))].get(); part != nullptr) {
      const auto found = part->find(AsText(folded));
      if (found != part->end()) return found->second.get();
    }
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

void ZoneSet::Put(const ZonePtr& zone) {
  Remove(zone->folded_apex());
  const std::string_view apex = zone->folded_apex();
  OwnPart(apex).emplace(apex, zone);
  ++size_;
}

bool ZoneSet::Remove(std::string_view folded_apex) {
  Part& part = OwnPart(folded_apex);
  const auto found = part.find(folded_apex);
  if (found == part.end()) return false;
  const ZonePtr kept = found->second;  // the key lies in it
  part.erase(found);
  --size_;
  return true;
}

}  // namespace breakwater
