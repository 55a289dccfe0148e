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

  dns::Header header() { return dns::Header(own_.data()); }
  const dns::Header header() const { return dns::ConstHeader(own_.data()); }
  const std::array<uint8_t, dns::kHeaderSize>& bytes() const { return own_; }

  // dq.dh edits the query itself: each change is carried over by this.
  void (*write_back)(const DnsHeader& header, const std::shared_ptr<void>& owner) = nullptr;
  std::shared_ptr<void> owner;

 private:
  std::array<uint8_t, dns::kHeaderSize> own_{};
};

template <>
struct LuaClass<DnsHeader> {
  static constexpr const char* kName = "DNSHeader";
};

}  // namespace breakwater::lua
