#include "proxy/cache/snapshot_entry.h"

namespace breakwater {
namespace {

constexpr uint8_t kDue = 1;
constexpr uint8_t kOverUdp = 2;
constexpr uint8_t kAskedAgain = 4;

void AppendU16(std::vector<uint8_t>& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}
void AppendU32(std::vector<uint8_t>& out, uint32_t value) {
  AppendU16(out, static_cast<uint16_t>(value >> 16));
  AppendU16(out, static_cast<uint16_t>(value));
}

}  // namespace

void AppendSaved(const SavedEntry& entry, std::vector<uint8_t>& out) {
  AppendU32(out, entry.age_s);
  AppendU32(out, entry.ttl_s);
  AppendU32(out, entry.good_left_s);
  AppendU16(out, entry.key_bits);
  out.push_back(entry.apex_labels);
  out.push_back(static_cast<uint8_t>((entry.due ? kDue : 0) | (entry.over_udp ? kOverUdp : 0) |
                                     (entry.asked_again ? kAskedAgain : 0)));
  out.push_back(static_cast<uint8_t>(entry.tail.size()));
  out.insert(out.end(), entry.tail.begin(), entry.tail.end());
  AppendU16(out, static_cast<uint16_t>(entry.packet.size()));
  out.insert(out.end(), entry.packet.begin(), entry.packet.end());
}

bool ReadSaved(ByteReader& reader, SavedEntry& entry) {
  entry.age_s = reader.U32();
  entry.ttl_s = reader.U32();
  entry.good_left_s = reader.U32();
  entry.key_bits = reader.U16();
  entry.apex_labels = reader.U8();
  const uint8_t flags = reader.U8();
  if ((flags & ~(kDue | kOverUdp | kAskedAgain)) != 0) reader.MarkBad();
  entry.due = (flags & kDue) != 0;
  entry.over_udp = (flags & kOverUdp) != 0;
  entry.asked_again = (flags & kAskedAgain) != 0;
  entry.tail = reader.Bytes(reader.U8());
  entry.packet = reader.Bytes(reader.U16());
  return reader.ok();
}

}  // namespace breakwater
