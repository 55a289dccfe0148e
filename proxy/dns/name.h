// A domain name as a value: uncompressed wire form, at most 255 octets, the client's spelling
// kept. Comparison ignores ASCII case only (RFC 4343). 256 bytes, no allocation; for sets and
// maps use `FoldedKey()`.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace breakwater::dns {

inline constexpr size_t kMaxNameLength = 255;
inline constexpr size_t kMaxLabelLength = 63;

class Name {
 public:
  Name() : length_(1) { wire_[0] = 0; }  // the root

  // Presentation form ("www.example.com", "a\.b\032c.example."); relative and absolute alike.
  static TextResult<Name> Parse(std::string_view text);
  // Reads the possibly compressed name at `offset`. `*end` is the offset after it in the message
  // (after the first pointer, if there is one). Pointers must point backwards (RFC 1035, 4.1.4).
  static Result<Name> FromMessage(std::span<const uint8_t> message, size_t offset, size_t* end);
  // Exactly one uncompressed name.
  static Result<Name> FromWire(std::span<const uint8_t> wire);

  std::span<const uint8_t> wire() const { return {wire_.data(), length_}; }
  size_t length() const { return length_; }  // octets, the root's zero included
  bool IsRoot() const { return length_ == 1; }
  size_t CountLabels() const;  // 0 for the root

  std::string ToString() const;       // "www.example.com.", "." for the root; escaped
  std::string ToStringNoDot() const;  // "www.example.com", "" for the root
  std::string FoldedKey() const;      // wire form in lower case

  bool operator==(const Name& other) const;
  bool IsPartOf(const Name& suffix) const;  // also where they are equal
  bool ChopOff();                           // drops the first label; false at the root
  Name Parent() const;
  Name Folded() const;
  // The labels before `suffix`; false, and nothing changed, where it is not one.
  Result<Name> RelativeTo(const Name& suffix) const;
  Result<void> Append(const Name& suffix);  // kNameTooLong, and nothing changed, past 255

 private:
  uint8_t length_;
  std::array<uint8_t, kMaxNameLength> wire_;
};

// For bytes that are known to be one uncompressed name (a parsed question, a cache entry).
bool EqualFold(std::span<const uint8_t> a, std::span<const uint8_t> b);
// Writes the lower-case form; `out` must have room for `wire.size()` bytes.
void FoldInto(std::span<const uint8_t> wire, uint8_t* out);
inline uint8_t FoldByte(uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<uint8_t>(c | 0x20) : c;
}

}  // namespace breakwater::dns
