// A bounded writer into memory somebody else owns. Like ByteReader its error sticks: what does
// not fit is not written, and `ok()` is checked once at the end. Numbers go out in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace breakwater {

class ByteWriter {
 public:
  explicit ByteWriter(std::span<uint8_t> room, size_t offset = 0)
      : room_(room), offset_(offset), ok_(offset <= room.size()) {}

  void U8(uint8_t value) {
    if (Take(1)) room_[offset_ - 1] = value;
  }
  void U16(uint16_t value) {
    if (!Take(2)) return;
    room_[offset_ - 2] = static_cast<uint8_t>(value >> 8);
    room_[offset_ - 1] = static_cast<uint8_t>(value);
  }
  void U32(uint32_t value) {
    if (!Take(4)) return;
    for (size_t i = 0; i < 4; ++i)
      room_[offset_ - 4 + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
  }
  void Bytes(std::span<const uint8_t> bytes) {
    if (Take(bytes.size()) && !bytes.empty()) {
      std::memcpy(room_.data() + offset_ - bytes.size(), bytes.data(), bytes.size());
    }
  }

  bool ok() const { return ok_; }
  size_t offset() const { return offset_; }
  std::span<uint8_t> written() const { return room_.first(offset_); }

 private:
  bool Take(size_t count) {
    if (!ok_ || count > room_.size() - offset_) {
      ok_ = false;
      return false;
    }
    offset_ += count;
    return true;
  }

  std::span<uint8_t> room_;
  size_t offset_;
  bool ok_;
};

// Unchecked two-byte access for offsets that were validated before (a parsed header, a recorded
// TTL offset).
inline uint16_t LoadU16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}
inline void StoreU16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
inline uint32_t LoadU32(const uint8_t* at) {
  return static_cast<uint32_t>(LoadU16(at)) << 16 | LoadU16(at + 2);
}
inline void StoreU32(uint8_t* at, uint32_t value) {
  StoreU16(at, static_cast<uint16_t>(value >> 16));
  StoreU16(at + 2, static_cast<uint16_t>(value));
}

}  // namespace breakwater
