// Remembers the names of a message being written and shortens later ones to pointers at them
// (RFC 1035, 4.1.4). Spelling counts, so that no name changes its case. Its table is bounded and
// a lookup costs one comparison, whatever the names are; what finds no slot stays uncompressed.
// A local of whoever writes the message.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/name.h"

namespace breakwater::dns {

class NameCompressor {
 public:
  // Writes `name`, shortened where it can be. The writer must have begun at the message's start.
  void Write(ByteWriter& writer, const Name& name);

 private:
  // Offsets of names written before, by hash; 0: free.
  std::array<uint16_t, 256> slots_{};
};

}  // namespace breakwater::dns
