// Lua's DNSHeader: a copy of a message's twelve bytes, or the bytes of a query in place.
#pragma once

#include <array>

#include "lua/lua_classes.h"
#include "proxy/dns/header.h"

namespace breakwater::lua {

class DnsHeader {
 public:
  DnsHeader() = default;
  explicit DnsHeader(const uint8_t* bytes) { std::memcpy(own_.data(), bytes, own_.size()); }

  dns::Header header() { return dns::Header(Bytes()); }
  const dns::Header header() const { return dns::ConstHeader(Bytes()); }
  std::array<uint8_t, dns::kHeaderSize> bytes() const {
    std::array<uint8_t, dns::kHeaderSize> copy;
    std::memcpy(copy.data(), Bytes(), copy.size());
    return copy;
  }

  // dq.dh is the header of the message as it lies there now; null where there is none any more.
  uint8_t* (*find)(const std::shared_ptr<void>& owner) = nullptr;
  std::shared_ptr<void> owner;

 private:
  uint8_t* Bytes() {
    uint8_t* const there = find == nullptr ? nullptr : find(owner);
    return there == nullptr ? own_.data() : there;
  }
  const uint8_t* Bytes() const { return const_cast<DnsHeader*>(this)->Bytes(); }

  std::array<uint8_t, dns::kHeaderSize> own_{};
};

template <>
struct LuaClass<DnsHeader> {
  static constexpr const char* kName = "DNSHeader";
};

}  // namespace breakwater::lua
