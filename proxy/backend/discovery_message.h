// What is asked of a server to learn of its encrypted transports, and what its answer offers
// (RFC 9462). Messages alone: no sockets, no clock.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"

namespace breakwater {

// _dns.resolver.arpa SVCB, with EDNS.
std::vector<uint8_t> MakeDiscoveryQuery(uint16_t id);

// One encrypted transport that the server announces.
struct DiscoveredTransport {
  uint16_t priority = 0;
  Address address{};       // with its port
  std::string target{};    // the server's name, "dns.example"
  std::string doh_path{};  // empty: DNS over TLS
};

struct DiscoveryOptions {
  Address server;        // that was asked
  uint16_t doh_key = 7;  // of the parameter with the path
  size_t most = 16;      // transports
};

// The transports that can be used, best first; where there is none, why.
TextResult<std::vector<DiscoveredTransport>> ReadDiscovery(std::span<const uint8_t> query,
                                                           std::span<const uint8_t> reply,
                                                           const DiscoveryOptions& options);

}  // namespace breakwater
