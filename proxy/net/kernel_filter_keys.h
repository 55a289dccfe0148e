// How the maps of a kernel filter lie in memory: what the filter's own program, other programs
// that open the pinned maps (XDP, external=true) and we agree on. Host byte order unless said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "proxy/base/address.h"
#include "proxy/base/netmask.h"
#include "proxy/dns/name.h"

namespace breakwater {

// What is done with a datagram. The numbers are those of the maps and of Lua.
enum class KernelVerdict : uint32_t {
  kPass = 0,
  kDrop = 1,
  kTruncate = 2,  // only a program of others can answer
};

struct KernelEntry {
  uint64_t hits = 0;
  uint32_t verdict = 0;
  // kernel_owner.h; other programs need not look at it, and write 0.
  uint32_t owner = 0;
};

struct KernelV4Key {
  uint32_t address = 0;  // as a number: 192.0.2.1 is 0xc0000201
};
struct KernelV6Key {
  uint8_t address[16] = {};  // network order
};
// As BPF_MAP_TYPE_LPM_TRIE wants it: the length in bits, then the address in network order.
struct KernelV4RangeKey {
  uint32_t bits = 0;
  uint8_t address[4] = {};
};
struct KernelV6RangeKey {
  uint32_t bits = 0;
  uint8_t address[16] = {};
};
struct KernelNameKey {
  uint8_t name[dns::kMaxNameLength] = {};  // wire form in lower case, zeros behind it
  uint8_t unused = 0;
  uint16_t type = 0;
};
inline constexpr uint16_t kKernelAnyType = 65535;

static_assert(sizeof(KernelEntry) == 16 && offsetof(KernelEntry, verdict) == 8 &&
              offsetof(KernelEntry, owner) == 12);
static_assert(sizeof(KernelV4RangeKey) == 8 && sizeof(KernelV6RangeKey) == 20);
static_assert(sizeof(KernelNameKey) == 258 && offsetof(KernelNameKey, type) == 256);

// IPv4 addresses and networks alone.
KernelV4Key KernelV4KeyOf(const Address& client);
KernelV4RangeKey KernelV4RangeKeyOf(const Netmask& range);
// IPv6 alone.
KernelV6Key KernelV6KeyOf(const Address& client);
KernelV6RangeKey KernelV6RangeKeyOf(const Netmask& range);
KernelNameKey KernelNameKeyOf(const dns::Name& name, uint16_t type);

Address AddressOf(const KernelV4Key& key);
Address AddressOf(const KernelV6Key& key);
Netmask RangeOf(const KernelV4RangeKey& key);
Netmask RangeOf(const KernelV6RangeKey& key);
// The root where the key holds no name.
dns::Name NameOf(const KernelNameKey& key);

template <typename Key>
std::span<const uint8_t> KernelBytes(const Key& key) {
  return {reinterpret_cast<const uint8_t*>(&key), sizeof(key)};
}

}  // namespace breakwater
