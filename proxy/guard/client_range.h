// Clients under the masks of a group of dynamic blocks: a network, and with full addresses perhaps
// a part of the ports (clients behind one address). 24 bytes, hashed as they stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/hash.h"

namespace breakwater {

// Lengths in bits: setMasks(v4, v6, port). Ports count under full addresses alone.
struct ClientMasks {
  uint8_t v4 = 32;
  uint8_t v6 = 128;
  uint8_t port = 0;
};

class ClientRange {
 public:
  ClientRange() = default;
  // Values too large are taken as the largest there is.
  ClientRange(const Address& client, unsigned bits, unsigned port_bits = 0);
  ClientRange(const Address& client, const ClientMasks& masks)
      : ClientRange(client, client.IsV6() ? masks.v6 : masks.v4, masks.port) {}

  Address network() const;  // the port is 0 where ports do not count
  unsigned bits() const { return bits_; }
  unsigned port_bits() const { return port_bits_; }
  bool v6() const { return v6_ != 0; }
  // "192.0.2.0/24", "2001:db8::1/128", "192.0.2.1:32768/8".
  std::string ToString() const;

  bool operator==(const ClientRange& other) const = default;
  // By family, address, port.
  bool operator<(const ClientRange& other) const;
  struct Hash {
    size_t operator()(const ClientRange& range) const {
      return HashBytes({reinterpret_cast<const uint8_t*>(&range), sizeof(range)},
                       ProcessHashSeed());
    }
  };

 private:
  uint64_t high_ = 0;  // the address from its first bit on, the bits after the prefix cleared
  uint64_t low_ = 0;
  uint16_t port_ = 0;
  uint8_t bits_ = 0;
  uint8_t port_bits_ = 0;
  uint8_t v6_ = 0;
  uint8_t unused_[3] = {};  // no padding: all bytes are hashed
};
static_assert(sizeof(ClientRange) == 24);

}  // namespace breakwater
