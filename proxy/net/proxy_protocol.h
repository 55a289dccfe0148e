// The PROXY protocol, version 2 (haproxy's proxy-protocol.txt): what a proxy puts in front of a
// datagram or a connection to say who its client is. Bytes in, bytes out; no sockets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"

namespace breakwater {

// Type and value of what goes beside the addresses (TLVs), in the order sent.
using ProxyValues = std::vector<std::pair<uint8_t, std::string>>;

inline constexpr size_t kProxyHeaderStart = 16;  // signature, command, family, length
inline constexpr uint8_t kProxyValueTls = 0x20;  // PP2_TYPE_SSL

struct ProxyHeader {
  // Of the sender's own (a health check): no addresses, no values.
  bool local = false;
  bool stream = false;  // the client came over TCP, else over UDP
  Address source{};     // the client
  Address destination{};
  ProxyValues values{};
};

enum class ProxyParse : uint8_t {
  kWhole,    // `size` bytes of it
  kPartial,  // good so far; no decision before there are `size` bytes
  kBad,      // no header, one of more than `most` bytes, or one that names no IP addresses
};
struct ProxyParsed {
  ProxyParse status = ProxyParse::kBad;
  size_t size = 0;
  ProxyHeader header{};  // of a whole one
};

// Of the header that `bytes` begin with, which may have at most `most` bytes, values and all.
ProxyParsed ParseProxyHeader(std::span<const uint8_t> bytes, size_t most);

// Empty where the values do not fit (65,535 bytes) or there are no addresses to name. Where one of
// them is IPv4 and the other IPv6, both are written as IPv6.
std::string BuildProxyHeader(const ProxyHeader& header);

}  // namespace breakwater
