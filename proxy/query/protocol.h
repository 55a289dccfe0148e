// How a client, or we ourselves, speak DNS.
#pragma once

#include <cstdint>
#include <string_view>

namespace breakwater {

enum class Protocol : uint8_t { kDoUdp, kDoTcp, kDnscryptUdp, kDnscryptTcp, kDot, kDoh };

inline bool IsDatagram(Protocol p) {
  return p == Protocol::kDoUdp || p == Protocol::kDnscryptUdp;
}
// "DoUDP", "DoTCP", "DNSCryptUDP", "DNSCryptTCP", "DoT", "DoH": the API's and rings' spelling.
std::string_view ProtocolName(Protocol protocol);
// "Do53 UDP", "Do53 TCP", "DNSCrypt UDP", "DNSCrypt TCP", "DNS over TLS", "DNS over HTTPS": what
// dq:getProtocol() says.
std::string_view ProtocolTitle(Protocol protocol);

}  // namespace breakwater
