// What the kernel tells of neighbours, as rtnetlink writes it.
#pragma once

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proxy/net/neighbour_table.h"

namespace breakwater::test {

using Bytes = std::vector<uint8_t>;
inline constexpr MacAddress kMac = {2, 0, 0x5e, 0, 0x53, 1};

template <typename T>
void Append(Bytes& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(value));
}

inline void AppendAttribute(Bytes& bytes, uint16_t type, std::span<const uint8_t> value) {
  Append(bytes,
         rtattr{.rta_len = static_cast<uint16_t>(RTA_LENGTH(value.size())), .rta_type = type});
  bytes.insert(bytes.end(), value.begin(), value.end());
  bytes.resize(RTA_ALIGN(bytes.size()));
}

inline Bytes Message(uint16_t type, const Bytes& body) {
  Bytes bytes;
  nlmsghdr head{};
  head.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(body.size()));
  head.nlmsg_type = type;
  Append(bytes, head);
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes.resize(NLMSG_ALIGN(bytes.size()));
  return bytes;
}

struct Told {
  std::string address;
  std::span<const uint8_t> mac = kMac;
  uint16_t state = NUD_REACHABLE;
  uint16_t type = RTM_NEWNEIGH;
  int interface = 3;
};
// The kernel's message about one neighbour.
inline Bytes About(const Told& told) {
  const Address address = *Address::Parse(told.address);
  ndmsg head{};
  head.ndm_family = static_cast<uint8_t>(address.family());
  head.ndm_state = told.state;
  head.ndm_ifindex = told.interface;
  Bytes body;
  Append(body, head);
  AppendAttribute(body, NDA_DST, address.Raw());
  AppendAttribute(body, NDA_LLADDR, told.mac);
  return Message(told.type, body);
}

}  // namespace breakwater::test
