#include "proxy/query/protocol.h"

namespace breakwater {

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kDoUdp:
      return "DoUDP";
    case Protocol::kDoTcp:
      return "DoTCP";
    case Protocol::kDnscryptUdp:
      return "DNSCryptUDP";
    case Protocol::kDnscryptTcp:
      return "DNSCryptTCP";
    case Protocol::kDot:
      return "DoT";
    case Protocol::kDoh:
      return "DoH";
  }
  return "unknown";
}

std::string_view ProtocolTitle(Protocol protocol) {
  switch (protocol) {
    case Protocol::kDoUdp:
      return "Do53 UDP";
    case Protocol::kDoTcp:
      return "Do53 TCP";
    case Protocol::kDnscryptUdp:
      return "DNSCrypt UDP";
    case Protocol::kDnscryptTcp:
      return "DNSCrypt TCP";
    case Protocol::kDot:
      return "DNS over TLS";
    case Protocol::kDoh:
      return "DNS over HTTPS";
  }
  return "unknown";
}

}  // namespace breakwater
