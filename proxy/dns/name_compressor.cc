#include "proxy/dns/name_compressor.h"

#include <algorithm>

namespace breakwater::dns {
namespace {

constexpr size_t kMaxLabels = 128;
constexpr size_t kPointerReach = 0x4000;

// Is the name at `offset` of our own output, compressed perhaps, exactly `wire`?
bool IsNameAt(std::span<const uint8_t> written, size_t offset, std::span<const uint8_t> wire) {
  size_t at = 0;
  while (at < wire.size()) {
    if (offset >= written.size()) return false;
    const uint8_t first = written[offset];
    if (first >= 0xc0) {
      if (offset + 2 > written.size()) return false;
      offset = LoadU16(written.data() + offset) & 0x3fffu;
      continue;
    }
    const size_t length = 1u + first;
    if (at + length > wire.size() || offset + length > written.size()) return false;
    if (!std::equal(wire.begin() + static_cast<std::ptrdiff_t>(at),
                    wire.begin() + static_cast<std::ptrdiff_t>(at + length),
                    written.begin() + static_cast<std::ptrdiff_t>(offset))) {
      return false;
    }
    at += length;
    offset += length;
  }
  return true;
}

}  // namespace

void NameCompressor::Write(ByteWriter& writer, const Name& name) {
  const std::span<const uint8_t> wire = name.wire();
  std::array<uint8_t, kMaxLabels> starts;
  std::array<uint8_t, kMaxLabels> slots;  // of the name that begins at that label
  size_t labels = 0;
  for (size_t at = 0; wire[at] != 0; at += 1u + wire[at]) {
    starts[labels++] = static_cast<uint8_t>(at);
  }
  uint32_t hash = 0x811c9dc5;
  for (size_t i = labels; i-- > 0;) {
    for (size_t at = starts[i]; at <= size_t{starts[i]} + wire[starts[i]]; ++at) {
      hash = (hash ^ wire[at]) * 0x01000193;
    }
    slots[i] = static_cast<uint8_t>(hash ^ hash >> 8 ^ hash >> 16);
  }
  size_t fresh = 0;  // labels to write
  while (fresh < labels) {
    const uint16_t known = slots_[slots[fresh]];
    if (known != 0 && IsNameAt(writer.written(), known, wire.subspan(starts[fresh]))) break;
    ++fresh;
  }
  const size_t base = writer.offset();
  if (fresh == labels) {
    writer.Bytes(wire);
  } else {
    writer.Bytes(wire.first(starts[fresh]));
    writer.U16(static_cast<uint16_t>(0xc000 | slots_[slots[fresh]]));
  }
  if (!writer.ok()) return;
  for (size_t i = 0; i < fresh && base + starts[i] < kPointerReach; ++i) {
    slots_[slots[i]] = static_cast<uint16_t>(base + starts[i]);
  }
}

}  // namespace breakwater::dns
