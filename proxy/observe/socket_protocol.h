// How a query came, by the numbers that dnstap.proto and PowerDNS's dnsmessage.proto share
// (SocketProtocol of both). Pure; any thread.
#pragma once

#include <cstdint>

#include "proxy/query/protocol.h"

namespace breakwater {

constexpr int32_t SocketProtocolNumber(Protocol protocol) {
  switch (protocol) {
    case Protocol::kDoUdp:
      return 1;
    case Protocol::kDoTcp:
      return 2;
    case Protocol::kDot:
      return 3;
    case Protocol::kDoh:
      return 4;
    case Protocol::kDnscryptUdp:
      return 5;
    case Protocol::kDnscryptTcp:
      break;
  }
  return 6;
}

}  // namespace breakwater
