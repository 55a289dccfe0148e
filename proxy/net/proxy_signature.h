// What every header of the PROXY protocol, version 2, begins with. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace breakwater {

// No message over UDP that is asked for begins so: it would be one of an obsolete opcode with
// thirteen questions.
inline constexpr std::array<uint8_t, 12> kProxySignature = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                            0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

enum class ProxySignature : uint8_t {
  kNone,
  kPart,  // as far as the bytes go
  kWhole,
};
ProxySignature FindProxySignature(std::span<const uint8_t> bytes);

}  // namespace breakwater
