// Names looked up by their lower-case wire form: what NameSet and SuffixMatchTree are made of. A
// value that copies on write: a copy costs nothing until one of the two is changed, so a rule
// keeps the names as they were when it was made. Changed on one thread (the script's); copies
// may be read by any number of threads. Looking up allocates nothing. A name takes some 25 bytes
// beside its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/dns/name.h"

namespace breakwater {

class NameTable {
 public:
  bool Add(const dns::Name& name);  // false where it was there already
  bool Remove(const dns::Name& name);
  void Clear() { data_.reset(); }
  size_t size() const;

  // The wire form as it was added; empty where it is not here. `name` is one uncompressed name.
  std::span<const uint8_t> Find(std::span<const uint8_t> name) const;
  // The same of the name itself or, where that is not here, the nearest of its parents.
  std::span<const uint8_t> FindSuffix(std::span<const uint8_t> name) const;
  // In an order that does not depend on how they were added.
  std::vector<dns::Name> Sorted() const;

 private:
  class Data;
  Data& Edit();

  std::shared_ptr<Data> data_;
};

}  // namespace breakwater
