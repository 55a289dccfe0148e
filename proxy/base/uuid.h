// The identity of a rule, a backend or an event: 128 bits, written as RFC 9562 text.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace breakwater {

class Uuid {
 public:
  Uuid() = default;      // all zero: unset
  static Uuid Random();  // version 4, from the kernel's generator
  // 36 characters, hyphens in place, either case; any version.
  static std::optional<Uuid> Parse(std::string_view text);

  bool IsSet() const { return *this != Uuid(); }
  std::span<const uint8_t> bytes() const { return bytes_; }
  std::string ToString() const;  // lower case
  auto operator<=>(const Uuid& other) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

}  // namespace breakwater
