// Lua's DNSNameSet: exact names. A value that copies on write (see NameTable).
#pragma once

#include <span>
#include <string>

#include "proxy/rules/name_table.h"

namespace breakwater {

class NameSet {
 public:
  bool Add(const dns::Name& name) { return table_.Add(name); }
  bool Remove(const dns::Name& name) { return table_.Remove(name); }
  void Clear() { table_.Clear(); }
  size_t size() const { return table_.size(); }
  bool empty() const { return table_.size() == 0; }

  // `name` is one uncompressed name that was checked before.
  bool Matches(std::span<const uint8_t> name) const { return !table_.Find(name).empty(); }
  bool Matches(const dns::Name& name) const { return Matches(name.wire()); }

  std::vector<dns::Name> Names() const { return table_.Sorted(); }
  std::string ToString() const;  // one name a line, without the last dot

 private:
  NameTable table_;
};

}  // namespace breakwater
