#include "proxy/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>

#include "proxy/base/hash.h"

namespace breakwater {
namespace {

TextResult<uint16_t> ParsePort(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port > 65535) {
    return Fail(fmt::format("'{}' is not a port number in '{}'", text, whole));
  }
  return static_cast<uint16_t>(port);
}

// Splits "[v6]:port", "[v6]", "v4:port", "v4" and bare "v6" into host and port text.
void Split(std::string_view text, std::string_view& host, std::string_view& port) {
  port = {};
  if (!text.empty() && text.front() == '[') {
    const size_t close = text.find(']');
    host = text.substr(1, close == std::string_view::npos ? close : close - 1);
    if (close != std::string_view::npos && close + 1 < text.size() && text[close + 1] == ':') {
      port = text.substr(close + 2);
    }
    return;
  }
  const size_t colon = text.find(':');
  const bool single =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  host = single ? text.substr(0, colon) : text;
  if (single) port = text.substr(colon + 1);
}

}  // namespace

TextResult<Address> Address::Parse(std::string_view text, uint16_t default_port) {
  std::string_view host;
  std::string_view port_text;
  Split(text, host, port_text);
  uint16_t port = default_port;
  if (!port_text.empty()) {
    auto parsed = ParsePort(port_text, text);
    if (!parsed) return Fail(parsed.error());
    port = *parsed;
  }
  Address address;
  const std::string host_text(host.substr(0, host.find('%')));
  if (inet_pton(AF_INET, host_text.c_str(), &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_family = AF_INET;
  } else if (inet_pton(AF_INET6, host_text.c_str(), &address.storage_.v6.sin6_addr) == 1) {
    address.storage_.v6.sin6_family = AF_INET6;
    if (const size_t percent = host.find('%'); percent != std::string_view::npos) {
      const std::string scope(host.substr(percent + 1));
      const unsigned index = if_nametoindex(scope.c_str());
      if (index == 0) return Fail(fmt::format("no interface '{}' for '{}'", scope, text));
      address.storage_.v6.sin6_scope_id = index;
    }
  } else {
    return Fail(fmt::format("'{}' is not an IP address", text));
  }
  address.set_port(port);
  return address;
}

Address Address::FromSockaddr(const sockaddr* source, socklen_t length) {
  Address address;
  std::memcpy(&address.storage_, source, std::min<size_t>(length, sizeof(address.storage_)));
  return address;
}

Address Address::FromRaw(std::span<const uint8_t> bytes, uint16_t port) {
  Address address;
  if (bytes.size() == 4) {
    address.storage_.v4.sin_family = AF_INET;
    std::memcpy(&address.storage_.v4.sin_addr, bytes.data(), 4);
  } else if (bytes.size() == 16) {
    address.storage_.v6.sin6_family = AF_INET6;
    std::memcpy(&address.storage_.v6.sin6_addr, bytes.data(), 16);
  } else {
    return address;
  }
  address.set_port(port);
  return address;
}

bool Address::IsMappedV4() const {
  return IsV6() && IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr);
}

Address Address::MappedToV4() const {
  return IsMappedV4() ? FromRaw(Raw().subspan(12), port()) : *this;
}

bool Address::IsWildcard() const {
  const auto raw = Raw();
  return IsSet() && std::all_of(raw.begin(), raw.end(), [](uint8_t b) { return b == 0; });
}

void Address::set_port(uint16_t port) {
  if (IsV6()) {
    storage_.v6.sin6_port = htons(port);
  } else {
    storage_.v4.sin_port = htons(port);
  }
}

std::span<const uint8_t> Address::Raw() const {
  if (IsV4()) return {reinterpret_cast<const uint8_t*>(&storage_.v4.sin_addr), 4};
  if (IsV6()) return {reinterpret_cast<const uint8_t*>(&storage_.v6.sin6_addr), 16};
  return {};
}

Address Address::Truncated(unsigned bits) const {
  uint8_t bytes[16] = {};
  const auto raw = Raw();
  for (size_t i = 0; i < raw.size(); ++i) {
    const unsigned start = static_cast<unsigned>(i) * 8;
    if (bits >= start + 8) {
      bytes[i] = raw[i];
    } else if (bits > start) {
      bytes[i] = static_cast<uint8_t>(raw[i] & (0xff << (8 - (bits - start))));
    }
  }
  return FromRaw({bytes, raw.size()}, port());
}

std::string Address::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (!IsSet()) return "";
  inet_ntop(family(), Raw().data(), text, sizeof(text));
  if (IsV6() && storage_.v6.sin6_scope_id != 0) {
    char name[IF_NAMESIZE] = "";
    if (if_indextoname(storage_.v6.sin6_scope_id, name) != nullptr) {
      return fmt::format("{}%{}", text, name);
    }
  }
  return text;
}

std::string Address::ToStringWithPort() const {
  return fmt::format(fmt::runtime(IsV6() ? "[{}]:{}" : "{}:{}"), ToString(), port());
}

bool Address::operator==(const Address& other) const {
  return port() == other.port() && SameHost(other);
}

bool Address::SameHost(const Address& other) const {
  if (family() != other.family()) return false;
  const auto mine = Raw();
  const auto theirs = other.Raw();
  return std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end()) &&
         (!IsV6() || storage_.v6.sin6_scope_id == other.storage_.v6.sin6_scope_id);
}

size_t AddressHash::operator()(const Address& address) const {
  return HashBytes(address.Raw(), ProcessHashSeed() ^ address.port());
}

}  // namespace breakwater
