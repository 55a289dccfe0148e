// A network in CIDR form. Bits beyond the prefix are cleared when it is made, so that two
// spellings of one network are equal.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/address.h"

namespace breakwater {

class Netmask {
 public:
  Netmask() = default;  // empty: matches nothing
  Netmask(const Address& network, unsigned bits);
  // "192.0.2.0/24", "2001:db8::/32", or an address alone (its full length).
  static TextResult<Netmask> Parse(std::string_view text);

  bool IsSet() const { return network_.IsSet(); }
  bool Matches(const Address& address) const;          // the port does not count
  const Address& network() const { return network_; }  // port 0
  unsigned bits() const { return bits_; }
  unsigned MaxBits() const { return network_.IsV6() ? 128 : 32; }
  std::string ToString() const;  // "192.0.2.0/24"
  bool operator==(const Netmask& other) const = default;

 private:
  Address network_;
  uint8_t bits_ = 0;
};

}  // namespace breakwater
