// The client subnet option, RFC 7871: whose network an answer is for. A value; writing one to a
// message is SetOption(..., OptionCode::kClientSubnet, ...).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "proxy/base/address.h"
#include "proxy/base/netmask.h"
#include "proxy/base/result.h"
#include "proxy/dns/edns.h"

namespace breakwater::dns {

struct ClientSubnet {
  Netmask source;     // network and source prefix length
  uint8_t scope = 0;  // of an answer: how many bits it is good for; 0 in queries

  bool operator==(const ClientSubnet&) const = default;
};

// Option data ready for SetOption: at most 4 + 16 octets.
struct ClientSubnetData {
  std::array<uint8_t, 20> bytes{};
  uint8_t size = 0;
  std::span<const uint8_t> span() const { return {bytes.data(), size}; }
};

// kBadOption: an unknown family, a prefix or scope longer than the address, not exactly as many
// octets as the prefix asks for, or bits set behind it (RFC 7871, 6).
Result<ClientSubnet> ParseClientSubnet(std::span<const uint8_t> data);

// `subnet.source` must be set.
ClientSubnetData WriteClientSubnet(const ClientSubnet& subnet);
// The network of `address` with so many bits, cut to the length of its family; IPv6-mapped IPv4
// addresses count as IPv4 (RFC 7871 knows no mapped ones), so give the prefix for that family.
ClientSubnetData WriteClientSubnet(const Address& address, unsigned prefix_bits);

// The client subnet of a message; nothing where it has none or one that does not parse.
std::optional<ClientSubnet> FindClientSubnet(std::span<const uint8_t> message, const Edns& edns);

}  // namespace breakwater::dns
