// The first question of a message. Its name must be uncompressed: nothing stands before it that
// a pointer could point to (RFC 1035, 4.1.2).
#pragma once

#include <cstdint>
#include <span>

#include "proxy/base/result.h"
#include "proxy/dns/header.h"
#include "proxy/dns/types.h"

namespace breakwater::dns {

struct Question {
  uint16_t name_length = 0;  // octets from offset kHeaderSize, the root's zero included
  Type type{};
  Class cls{};

  size_t end() const { return kHeaderSize + name_length + 4u; }
};

// kTruncated, kBadLabel, kBadPointer (any pointer), kNameTooLong, kBadCount (QDCOUNT is 0).
Result<Question> ParseQuestion(std::span<const uint8_t> message);

}  // namespace breakwater::dns
