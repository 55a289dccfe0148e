// Lua's SuffixMatchNode: does one of these names cover a given one? A value that copies on write
// (see NameTable). One hash lookup for each label count that any stored name has; no allocation.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "proxy/rules/name_table.h"

namespace breakwater {

class SuffixMatchTree {
 public:
  bool Add(const dns::Name& suffix) { return table_.Add(suffix); }
  bool Remove(const dns::Name& suffix) { return table_.Remove(suffix); }
  void Clear() { table_.Clear(); }
  size_t size() const { return table_.size(); }
  bool empty() const { return table_.size() == 0; }

  // `name` is one uncompressed name that was checked before (Query::name(), Name::wire()).
  bool Matches(std::span<const uint8_t> name) const { return !table_.FindSuffix(name).empty(); }
  bool Matches(const dns::Name& name) const { return Matches(name.wire()); }
  // The longest suffix stored that covers `name`, in the spelling it was added with.
  std::optional<dns::Name> BestMatch(std::span<const uint8_t> name) const;

  std::vector<dns::Name> Names() const { return table_.Sorted(); }
  std::string ToString() const;  // "example.com., example.net."

 private:
  NameTable table_;
};

}  // namespace breakwater
