// What a snapshot on disk (cache_snapshot.h) holds of zones: the newest SOA serial that was known
// of each, and for how long servers had stood behind it (0: they did not). Values; the span of one
// that was read points into the block that it was read from.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "proxy/base/byte_reader.h"

namespace breakwater {

struct SavedSerial {
  std::span<const uint8_t> apex;  // wire form, folded, a sound name
  uint32_t serial = 0;
  uint32_t older_s = 0;
};
using SavedSerialSink = std::function<void(const SavedSerial&)>;

void AppendSaved(const SavedSerial& zone, std::vector<uint8_t>& out);
// False where the bytes are none; the reader is marked bad then.
bool ReadSaved(ByteReader& reader, SavedSerial& zone);

}  // namespace breakwater
