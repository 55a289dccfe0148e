#include "proxy/net/host_interfaces.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

namespace breakwater {
namespace {

TextResult<void> ForEachInterface(const std::function<void(const ifaddrs&)>& visit) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) {
    return Fail(fmt::format("cannot list the interfaces: {}", std::strerror(errno)));
  }
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(first, freeifaddrs);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) visit(*one);
  return {};
}

// Unset for what is neither IPv4 nor IPv6.
Address AddressFrom(const sockaddr* address) {
  if (address == nullptr) return {};
  if (address->sa_family == AF_INET) return Address::FromSockaddr(address, sizeof(sockaddr_in));
  if (address->sa_family == AF_INET6) return Address::FromSockaddr(address, sizeof(sockaddr_in6));
  return {};
}

}  // namespace

TextResult<std::vector<std::string>> InterfaceNames() {
  std::vector<std::string> names;
  const auto listed = ForEachInterface([&](const ifaddrs& one) {
    if (std::find(names.begin(), names.end(), one.ifa_name) == names.end()) {
      names.emplace_back(one.ifa_name);
    }
  });
  if (!listed) return Fail(listed.error());
  return names;
}

TextResult<std::vector<Address>> InterfaceAddresses(const std::string& name) {
  std::vector<Address> addresses;
  const auto listed = ForEachInterface([&](const ifaddrs& one) {
    const Address address = AddressFrom(one.ifa_addr);
    if (name == one.ifa_name && address.IsSet()) addresses.push_back(address);
  });
  if (!listed) return Fail(listed.error());
  return addresses;
}

TextResult<std::vector<Netmask>> InterfaceNetworks(const std::string& name) {
  std::vector<Netmask> networks;
  const auto listed = ForEachInterface([&](const ifaddrs& one) {
    const Address address = AddressFrom(one.ifa_addr), mask = AddressFrom(one.ifa_netmask);
    if (name != one.ifa_name || !address.IsSet() || mask.family() != address.family()) return;
    int bits = 0;
    for (const uint8_t octet : mask.Raw()) bits += std::popcount(octet);
    networks.emplace_back(address, static_cast<uint8_t>(bits));
  });
  if (!listed) return Fail(listed.error());
  return networks;
}

}  // namespace breakwater
