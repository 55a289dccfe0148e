#include "proxy/net/host_interfaces.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

#include "proxy/base/unique_fd.h"

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

// The neighbour's hardware address, where the message is about `wanted`.
std::string MacIn(const nlmsghdr& message, std::span<const uint8_t> wanted) {
  if (message.nlmsg_type != RTM_NEWNEIGH || message.nlmsg_len < NLMSG_LENGTH(sizeof(ndmsg))) {
    return {};
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(&message);
  std::span<const uint8_t> rest(bytes + NLMSG_LENGTH(sizeof(ndmsg)),
                                message.nlmsg_len - NLMSG_LENGTH(sizeof(ndmsg)));
  bool is_wanted = false;
  std::string mac;
  while (rest.size() >= sizeof(rtattr)) {
    rtattr attribute;
    std::memcpy(&attribute, rest.data(), sizeof(attribute));
    if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > rest.size()) break;
    const auto value = rest.subspan(RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0));
    if (attribute.rta_type == NDA_DST) is_wanted = std::ranges::equal(value, wanted);
    if (attribute.rta_type == NDA_LLADDR) mac.assign(value.begin(), value.end());
    rest = rest.subspan(std::min<size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
  }
  return is_wanted ? mac : std::string();
}

UniqueFd AskForNeighbours(uint8_t family) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    ndmsg neighbour;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ndmsg));
  request.header.nlmsg_type = RTM_GETNEIGH;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.neighbour.ndm_family = family;
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  if (fd.valid() &&
      (setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
       send(fd.get(), &request, request.header.nlmsg_len, 0) < 0)) {
    fd.Reset();
  }
  return fd;
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

std::string NeighbourMac(const Address& address) {
  const UniqueFd fd = AskForNeighbours(static_cast<uint8_t>(address.family()));
  alignas(nlmsghdr) std::array<char, 16 * 1024> buffer;
  while (fd.valid()) {
    const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    auto left = static_cast<size_t>(size);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) return {};
      if (std::string mac = MacIn(*message, address.Raw()); !mac.empty()) return mac;
    }
  }
  return {};
}

}  // namespace breakwater
