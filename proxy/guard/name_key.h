// Names in lower-case wire form as keys of hash maps that are looked up by std::string_view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/hash.h"

namespace breakwater {

struct NameKeyHash {
  using is_transparent = void;
  size_t operator()(std::string_view key) const {
    return HashBytes({reinterpret_cast<const uint8_t*>(key.data()), key.size()}, ProcessHashSeed());
  }
};

}  // namespace breakwater
