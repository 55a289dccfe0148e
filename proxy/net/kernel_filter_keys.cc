#include "proxy/net/kernel_filter_keys.h"

#include <algorithm>

namespace breakwater {
namespace {

template <size_t kSize>
void CopyRaw(const Address& from, uint8_t (&to)[kSize]) {
  const auto raw = from.Raw();
  std::memcpy(to, raw.data(), std::min(kSize, raw.size()));
}

}  // namespace

KernelV4Key KernelV4KeyOf(const Address& client) {
  uint8_t raw[4] = {};
  CopyRaw(client, raw);
  uint32_t network_order = 0;
  std::memcpy(&network_order, raw, sizeof(raw));
  return {ntohl(network_order)};
}

KernelV6Key KernelV6KeyOf(const Address& client) {
  KernelV6Key key;
  CopyRaw(client, key.address);
  return key;
}

KernelV4RangeKey KernelV4RangeKeyOf(const Netmask& range) {
  KernelV4RangeKey key;
  key.bits = range.bits();
  CopyRaw(range.network(), key.address);
  return key;
}

KernelV6RangeKey KernelV6RangeKeyOf(const Netmask& range) {
  KernelV6RangeKey key;
  key.bits = range.bits();
  CopyRaw(range.network(), key.address);
  return key;
}

KernelNameKey KernelNameKeyOf(const dns::Name& name, uint16_t type) {
  KernelNameKey key;
  dns::FoldInto(name.wire(), key.name);
  key.type = type;
  return key;
}

Address AddressOf(const KernelV4Key& key) {
  const uint32_t network_order = htonl(key.address);
  return Address::FromRaw({reinterpret_cast<const uint8_t*>(&network_order), 4});
}

Address AddressOf(const KernelV6Key& key) {
  return Address::FromRaw(key.address);
}

Netmask RangeOf(const KernelV4RangeKey& key) {
  return {Address::FromRaw(key.address), key.bits};
}

Netmask RangeOf(const KernelV6RangeKey& key) {
  return {Address::FromRaw(key.address), key.bits};
}

dns::Name NameOf(const KernelNameKey& key) {
  size_t end = 0;
  return dns::Name::FromMessage(key.name, 0, &end).value_or(dns::Name());
}

}  // namespace breakwater
