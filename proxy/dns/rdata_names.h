// Which types carry domain names in their RDATA that a sender may have compressed, and where.
// RFC 3597, section 4 closes the list of types whose names may be compressed; some older types
// beyond RFC 1035 are met compressed as well (RFC 3597 tells receivers to expect it).
#pragma once

#include <cstdint>

#include "proxy/dns/types.h"

namespace breakwater::dns {

struct RdataNames {
  uint8_t prefix = 0;  // octets in front of the first name
  uint8_t names = 0;   // names in a row; 0: the RDATA holds none that may be compressed
};

inline RdataNames CompressibleNames(Type type) {
  switch (static_cast<uint16_t>(type)) {
    case 2:
    case 3:
    case 4:
    case 5:
    case 7:
    case 8:
    case 9:
    case 12:
    case 39:
      return {0, 1};  // NS MD MF CNAME MB MG MR PTR DNAME
    case 6:
    case 14:
    case 17:
      return {0, 2};  // SOA MINFO RP
    case 15:
    case 18:
    case 21:
    case 36:
      return {2, 1};  // MX AFSDB RT KX
    case 26:
      return {2, 2};  // PX
    case 33:
      return {6, 1};  // SRV
    case 24:
    case 46:
      return {18, 1};  // SIG RRSIG
    case 30:
    case 47:
      return {0, 1};  // NXT NSEC
    default:
      return {};
  }
}

}  // namespace breakwater::dns
