// The twelve bytes in front of a message, read and written in place (RFC 1035, 4.1.1; AD and CD:
// RFC 4035). A view: it owns nothing, the bytes must be at least kHeaderSize.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/types.h"

namespace breakwater::dns {

inline constexpr size_t kHeaderSize = 12;

// The 16 flag bits as one number, network order on the wire.
inline constexpr uint16_t kFlagQr = 0x8000;
inline constexpr uint16_t kFlagAa = 0x0400;
inline constexpr uint16_t kFlagTc = 0x0200;
inline constexpr uint16_t kFlagRd = 0x0100;
inline constexpr uint16_t kFlagRa = 0x0080;
inline constexpr uint16_t kFlagAd = 0x0020;
inline constexpr uint16_t kFlagCd = 0x0010;
inline constexpr uint16_t kOpcodeMask = 0x7800;
inline constexpr uint16_t kRcodeMask = 0x000f;

class Header {
 public:
  explicit Header(uint8_t* bytes) : bytes_(bytes) {}

  uint16_t id() const { return LoadU16(bytes_); }
  uint16_t flags() const { return LoadU16(bytes_ + 2); }
  bool Has(uint16_t flag) const { return (flags() & flag) != 0; }
  Opcode opcode() const { return static_cast<Opcode>((flags() & kOpcodeMask) >> 11); }
  RCode rcode() const { return static_cast<RCode>(flags() & kRcodeMask); }
  uint16_t count(Section section) const {
    return LoadU16(bytes_ + 4 + 2 * static_cast<size_t>(section));
  }

  void set_id(uint16_t id) { StoreU16(bytes_, id); }
  void set_flags(uint16_t flags) { StoreU16(bytes_ + 2, flags); }
  void Set(uint16_t flag, bool on) {
    set_flags(static_cast<uint16_t>(on ? flags() | flag : flags() & ~flag));
  }
  void set_rcode(RCode rcode) {
    set_flags(static_cast<uint16_t>((flags() & ~kRcodeMask) |
                                    (static_cast<uint16_t>(rcode) & kRcodeMask)));
  }
  void set_count(Section section, uint16_t count) {
    StoreU16(bytes_ + 4 + 2 * static_cast<size_t>(section), count);
  }

 private:
  uint8_t* bytes_;
};

// Reads only; for messages that are not ours to change.
inline const Header ConstHeader(const uint8_t* bytes) {
  return Header(const_cast<uint8_t*>(bytes));
}

}  // namespace breakwater::dns
