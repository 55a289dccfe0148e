#include "proxy/query/frontend.h"

namespace breakwater {

std::string Frontend::TypeText() const {
  switch (settings.protocol) {
    case Protocol::kDoUdp:
      return "UDP";
    case Protocol::kDoTcp:
      return "TCP";
    case Protocol::kDnscryptUdp:
      return "UDP (DNSCrypt)";
    case Protocol::kDnscryptTcp:
      return "TCP (DNSCrypt)";
    case Protocol::kDot:
      return "TCP (DNS over TLS)";
    case Protocol::kDoh:
      return tls ? "TCP (DNS over HTTPS)" : "TCP (DNS over HTTP)";
  }
  return "UDP";
}

}  // namespace breakwater
