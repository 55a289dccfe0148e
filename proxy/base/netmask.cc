#include "proxy/base/netmask.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace breakwater {

Netmask::Netmask(const Address& network, unsigned bits)
    : network_(network.Truncated(bits)),
      bits_(static_cast<uint8_t>(std::min(bits, network.IsV6() ? 128u : 32u))) {
  network_.set_port(0);
}

TextResult<Netmask> Netmask::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  auto address = Address::Parse(text.substr(0, slash));
  if (!address) return Fail(fmt::format("'{}' is not a network: {}", text, address.error()));
  const unsigned most = address->IsV6() ? 128 : 32;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > most) {
      return Fail(
          fmt::format("'{}' is not a network: the prefix length must be 0 to {}", text, most));
    }
  }
  return Netmask(*address, bits);
}

bool Netmask::Matches(const Address& address) const {
  if (!IsSet() || address.family() != network_.family()) return false;
  const auto mine = network_.Raw();
  const auto theirs = address.Raw();
  const size_t whole = bits_ / 8u;
  if (!std::equal(mine.begin(), mine.begin() + static_cast<ptrdiff_t>(whole), theirs.begin())) {
    return false;
  }
  const unsigned rest = bits_ % 8u;
  if (rest == 0) return true;
  return ((mine[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

std::string Netmask::ToString() const {
  return IsSet() ? fmt::format("{}/{}", network_.ToString(), bits_) : std::string();
}

}  // namespace breakwater
