// All zones of one source at one moment: immutable, looked up by the name asked. Workers hold it by
// shared_ptr; the next one is made from a copy.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string_view>

#include "proxy/zone/zone.h"

namespace breakwater {

class ZoneSet {
 public:
  // The zone that `name` belongs to: the one with the longest apex. Null: none is held.
  const Zone* Find(const dns::Name& name) const;
  // The same among the zones above `apex` (a DS record is the parent's, RFC 4035, 3.1.4.1).
  const Zone* FindAbove(const dns::Name& apex) const;
  size_t size() const { return zones_.size(); }

  // While it is made:
  void Put(ZonePtr zone);  // in place of the one of the same name
  bool Remove(std::string_view folded_apex);

 private:
  const Zone* FindFrom(std::span<const uint8_t> folded) const;

  absl::flat_hash_map<std::string_view, ZonePtr> zones_;  // the key is the zone's own
};

using ZoneSetPtr = std::shared_ptr<const ZoneSet>;

}  // namespace breakwater
