// What a fuzz target does where a property does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

namespace breakwater::fuzz {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Hands the input out piece by piece; a piece past its end is short, a byte there 0.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : bytes_(data, size) {}
  uint8_t Byte() {
    const auto taken = Take(1);
    return taken.empty() ? uint8_t{0} : taken[0];
  }
  std::span<const uint8_t> Take(size_t count) {
    const auto taken = bytes_.first(count < bytes_.size() ? count : bytes_.size());
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  // On the heap and of its exact size, so that a sanitizer sees any step past the end.
  std::vector<uint8_t> Rest() {
    std::vector<uint8_t> rest(bytes_.begin(), bytes_.end());
    bytes_ = {};
    return rest;
  }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace breakwater::fuzz
