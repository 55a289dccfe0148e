#include "proxy/cache/snapshot_zones.h"

#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/name.h"

namespace breakwater {

void AppendSaved(const SavedSerial& zone, std::vector<uint8_t>& out) {
  std::array<uint8_t, 4> serial;
  StoreU32(serial.data(), zone.serial);
  out.push_back(static_cast<uint8_t>(zone.apex.size()));
  out.insert(out.end(), zone.apex.begin(), zone.apex.end());
  out.insert(out.end(), serial.begin(), serial.end());
}

bool ReadSaved(ByteReader& reader, SavedSerial& zone) {
  zone.apex = reader.Bytes(reader.U8());
  zone.serial = reader.U32();
  if (!dns::Name::FromWire(zone.apex)) reader.MarkBad();
  return reader.ok();
}

}  // namespace breakwater
