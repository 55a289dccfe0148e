#include "proxy/query/protocol.h"

namespace breakwater {

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kDoUdp: return "DoUDP";
    case Protocol::kDoTcp: return "DoTCP";
    case Protocol::kDnscryptUdp: return "DNSCryptUDP";
    case Protocol::kDnscryptTcp: return "DNSCryptTCP";
    case Protocol::kDot: return "DoT";
    case Protocol::kDoh: return "DoH";
  }
  return "unknown";
}

}  // namespace breakwater
