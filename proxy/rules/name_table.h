// Names looked up by their lower-case wire form: what NameSet and SuffixMatchTree are made of. A
// value that copies on write: a copy costs nothing until one of the two is changed, so a rule
// keeps the names as they were when it was made. Changed on one thread (the script's); copies
// may be read by any number of threads. Looking up allocates nothing.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/hash.h"
#include "proxy/dns/name.h"

namespace breakwater {

class NameTable {
 public:
  bool Add(const dns::Name& name);  // false where it was there already
  bool Remove(const dns::Name& name);
  void Clear() { data_.reset(); }
  size_t size() const { return data_ ? data_->names.size() : 0; }

  // The wire form as it was added, or null. `folded` is a wire form in lower case.
  const std::string* Find(std::string_view folded) const {
    if (!data_) return nullptr;
    const auto found = data_->names.find(folded);
    return found == data_->names.end() ? nullptr : &found->second;
  }
  // Whether any name of that many labels is here.
  bool HasDepth(size_t labels) const { return data_ && data_->depths[labels] > 0; }
  // In an order that does not depend on how they were added.
  std::vector<dns::Name> Sorted() const;

 private:
  static constexpr size_t kMaxLabels = 127;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const {
      return HashBytes({reinterpret_cast<const uint8_t*>(key.data()), key.size()},
                       ProcessHashSeed());
    }
  };
  struct Data {
    absl::flat_hash_map<std::string, std::string, Hash, std::equal_to<>>
        names;  // lower-case wire form -> as added
    std::array<uint32_t, kMaxLabels + 1> depths{};
  };
  Data& Edit();

  std::shared_ptr<Data> data_;
};

}  // namespace breakwater
