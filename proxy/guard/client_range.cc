#include "proxy/guard/client_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace breakwater {
namespace {

constexpr unsigned kPortBits = 16;

uint64_t BigEndian(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

// A word of which the first `bits`, at most 64, are set.
uint64_t FirstBits(unsigned bits) {
  return bits == 0 ? 0 : ~uint64_t{0} << (64 - bits);
}

}  // namespace

ClientRange::ClientRange(const Address& client, unsigned bits, unsigned port_bits) {
  const auto raw = client.Raw();
  const unsigned most = client.IsV6() ? 128 : 32;
  bits = std::min(bits, most);
  bits_ = static_cast<uint8_t>(bits);
  v6_ = client.IsV6() ? 1 : 0;
  if (client.IsV6()) {
    high_ = BigEndian(raw.first(8)) & FirstBits(std::min(bits, 64u));
    low_ = BigEndian(raw.subspan(8)) & FirstBits(bits > 64 ? bits - 64 : 0);
  } else {
    high_ = BigEndian(raw) << 32 & FirstBits(bits);
  }
  if (port_bits == 0 || bits < most) return;
  port_bits_ = static_cast<uint8_t>(std::min(port_bits, kPortBits));
  port_ = static_cast<uint16_t>(client.port() & (0xffffu << (kPortBits - port_bits_)));
}

Address ClientRange::network() const {
  std::array<uint8_t, 16> raw;
  for (size_t i = 0; i < raw.size(); ++i) {
    const uint64_t word = i < 8 ? high_ : low_;
    raw[i] = static_cast<uint8_t>(word >> (56 - 8 * (i % 8)));
  }
  return Address::FromRaw(std::span(raw).first(v6() ? 16 : 4), port_);
}

std::string ClientRange::ToString() const {
  if (port_bits_ > 0) return fmt::format("{}/{}", network().ToStringWithPort(), port_bits_);
  return fmt::format("{}/{}", network().ToString(), bits_);
}

bool ClientRange::operator<(const ClientRange& other) const {
  const auto order = [](const ClientRange& range) {
    return std::tuple(range.v6_, range.high_, range.low_, range.bits_, range.port_,
                      range.port_bits_);
  };
  return order(*this) < order(other);
}

}  // namespace breakwater
