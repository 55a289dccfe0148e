// A bounds-checked cursor over untrusted bytes. Its error sticks: after the first read past the
// end every further read gives zero and moves nothing, so callers read a whole structure and
// check `ok()` once. Owns nothing; the bytes must outlive it. Numbers are in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace breakwater {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes, size_t offset = 0)
      : bytes_(bytes), offset_(offset), ok_(offset <= bytes.size()) {}

  uint8_t U8() { return Take(1) ? bytes_[offset_ - 1] : uint8_t{0}; }
  uint16_t U16() {
    return Take(2) ? static_cast<uint16_t>(bytes_[offset_ - 2] << 8 | bytes_[offset_ - 1])
                   : uint16_t{0};
  }
  uint32_t U32() {
    const uint32_t high = U16();
    const uint32_t low = U16();
    return high << 16 | low;
  }
  // Empty, and not ok, when fewer than `count` bytes are left.
  std::span<const uint8_t> Bytes(size_t count) {
    return Take(count) ? bytes_.subspan(offset_ - count, count) : std::span<const uint8_t>{};
  }
  void Skip(size_t count) { (void)Take(count); }

  void MarkBad() { ok_ = false; }
  bool ok() const { return ok_; }
  size_t offset() const { return offset_; }
  size_t remaining() const { return ok_ ? bytes_.size() - offset_ : 0; }
  std::span<const uint8_t> whole() const { return bytes_; }

 private:
  bool Take(size_t count) {
    if (!ok_ || count > bytes_.size() - offset_) {
      ok_ = false;
      return false;
    }
    offset_ += count;
    return true;
  }

  std::span<const uint8_t> bytes_;
  size_t offset_;
  bool ok_;
};

}  // namespace breakwater
