// Messages for tests, written field by field without the code under test.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dns/edns.h"
#include "proxy/dns/types.h"

namespace breakwater::dns::test {

using Bytes = std::vector<uint8_t>;

// "www.example.com" as labels; no escapes. "" is the root.
inline Bytes WireName(std::string_view text) {
  Bytes out;
  while (!text.empty()) {
    const size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    out.push_back(static_cast<uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    text = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  }
  out.push_back(0);
  return out;
}

class Packet {
 public:
  Packet() : bytes_(12, 0) {}

  // The question; flags 0x0100 (RD).
  static Packet Query(std::string_view name, Type type = Type::kA) {
    Packet packet;
    packet.bytes_ = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
    packet.Raw(WireName(name)).U16(static_cast<uint16_t>(type)).U16(1);
    packet.question_end_ = packet.bytes_.size();
    return packet;
  }
  static Packet Reply(std::string_view name, Type type = Type::kA) {
    Packet packet = Query(name, type);
    packet.bytes_[2] = 0x81;
    packet.bytes_[3] = 0x80;
    return packet;
  }

  Packet& Raw(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Packet& U16(uint16_t value) {
    return Raw({static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)});
  }
  Packet& U32(uint32_t value) {
    return U16(static_cast<uint16_t>(value >> 16)).U16(static_cast<uint16_t>(value));
  }
  // `owner` in wire form; {0xc0, 12} for the question's name.
  Packet& Rr(Section section, const Bytes& owner, Type type, uint32_t ttl, const Bytes& rdata) {
    Count(section);
    Raw(owner).U16(static_cast<uint16_t>(type)).U16(1).U32(ttl);
    return U16(static_cast<uint16_t>(rdata.size())).Raw(rdata);
  }
  Packet& Opt(const Bytes& options = {}, uint16_t udp_size = 1232, uint32_t ttl = 0) {
    Count(Section::kAdditional);
    Raw({0}).U16(41).U16(udp_size).U32(ttl);
    return U16(static_cast<uint16_t>(options.size())).Raw(options);
  }
  Packet& Count(Section section, int by = 1) {
    const size_t at = 4 + 2 * static_cast<size_t>(section);
    const int count = (bytes_[at] << 8 | bytes_[at + 1]) + by;
    bytes_[at] = static_cast<uint8_t>(count >> 8);
    bytes_[at + 1] = static_cast<uint8_t>(count);
    return *this;
  }

  const Bytes& bytes() const { return bytes_; }
  size_t question_end() const { return question_end_; }

 private:
  Bytes bytes_;
  size_t question_end_ = 12;
};

// A message in a buffer of exactly `capacity` bytes on the heap, so that a sanitizer sees any
// byte written past it.
class Room {
 public:
  Room(const Bytes& message, size_t capacity)
      : bytes_(capacity, 0xee), edit_{bytes_.data(), message.size(), capacity} {
    std::copy(message.begin(), message.end(), bytes_.begin());
  }
  Room(const Room&) = delete;
  EditBuffer& edit() { return edit_; }
  Bytes message() const { return {bytes_.begin(), bytes_.begin() + static_cast<long>(edit_.size)}; }

 private:
  Bytes bytes_;
  EditBuffer edit_;
};

inline Bytes Option(uint16_t code, const Bytes& data) {
  Bytes out = {static_cast<uint8_t>(code >> 8), static_cast<uint8_t>(code),
               static_cast<uint8_t>(data.size() >> 8), static_cast<uint8_t>(data.size())};
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

}  // namespace breakwater::dns::test
