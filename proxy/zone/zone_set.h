// All zones of one source at one moment: immutable, looked up by the name asked. Workers hold it by
// shared_ptr; the next one is made from a copy, which shares all parts but those that change: one
// zone of 40,000 costs no more than one of few. Copies are made, changed and freed by one thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
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
  size_t size() const { return size_; }

  // While it is made:
  void Put(const ZonePtr& zone);  // in place of the one of the same name
  bool Remove(std::string_view folded_apex);

 private:
  using Part = absl::flat_hash_map<std::string_view, ZonePtr>;  // the key is the zone's own
  static constexpr size_t kParts = 256;

  static size_t PartOf(std::string_view folded_apex);
  Part& OwnPart(std::string_view folded_apex);
  const Zone* FindFrom(std::span<const uint8_t> folded) const;

  std::array<std::shared_ptr<Part>, kParts> parts_;  // null: empty
  size_t size_ = 0;
};

using ZoneSetPtr = std::shared_ptr<const ZoneSet>;

}  // namespace breakwater
