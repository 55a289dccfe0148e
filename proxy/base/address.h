// An IPv4 or IPv6 address with a port: a sockaddr that is a value. 28 bytes, trivially copyable.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace breakwater {

class Address {
 public:
  Address() { std::memset(&storage_, 0, sizeof(storage_)); }  // unset: family AF_UNSPEC

  // "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53", "[::]", "fe80::1%eth0".
  // `default_port` where the text names none.
  static TextResult<Address> Parse(std::string_view text, uint16_t default_port = 0);
  static Address FromSockaddr(const sockaddr* address, socklen_t length);
  // 4 or 16 bytes; anything else gives an unset address.
  static Address FromRaw(std::span<const uint8_t> bytes, uint16_t port = 0);

  bool IsSet() const { return storage_.v4.sin_family != AF_UNSPEC; }
  bool IsV4() const { return storage_.v4.sin_family == AF_INET; }
  bool IsV6() const { return storage_.v4.sin_family == AF_INET6; }
  bool IsMappedV4() const;     // ::ffff:a.b.c.d
  Address MappedToV4() const;  // itself where it is not mapped
  bool IsWildcard() const;     // 0.0.0.0 or ::
  sa_family_t family() const { return storage_.v4.sin_family; }

  uint16_t port() const { return ntohs(IsV6() ? storage_.v6.sin6_port : storage_.v4.sin_port); }
  void set_port(uint16_t port);

  // The address bytes, network order: 4, 16 or (unset) 0 of them.
  std::span<const uint8_t> Raw() const;
  // Clears every bit after the first `bits`.
  Address Truncated(unsigned bits) const;

  const sockaddr* sockaddr_ptr() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* mutable_sockaddr() { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t sockaddr_length() const {
    return IsV6() ? socklen_t{sizeof(sockaddr_in6)} : socklen_t{sizeof(sockaddr_in)};
  }
  static constexpr socklen_t kCapacity = sizeof(sockaddr_in6);

  std::string ToString() const;          // without the port
  std::string ToStringWithPort() const;  // "192.0.2.1:53", "[2001:db8::1]:53"

  // Address and port; scope ids count, flow labels do not.
  bool operator==(const Address& other) const;
  bool SameHost(const Address& other) const;  // without the port

 private:
  union {
    sockaddr_in v4;
    sockaddr_in6 v6;
  } storage_;
};

struct AddressHash {
  size_t operator()(const Address& address) const;
};

}  // namespace breakwater
