#include "proxy/cache/snapshot_zones.h"

#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/name.h"

namespace breakwater {

void AppendSaved(const SavedSerial& zone, std::vector<uint8_t>& out) {
  std::array<uint8_t, 8> numbers;
  StoreU32(numbers.data(), zone.serial);
  StoreU32(numbers.data() + 4, zone.older_s);
  out.push_back(static_cast<uint8_t>(zone.apex.size()));
  out.insert(out.end(), zone.apex.begin(), zone.apex.end());
  out.insert(out.end(), numbers.begin(), numbers.end());
}

bool ReadSaved(ByteReader& reader, SavedSerial& zone) {
  zone.apex = reader.Bytes(reader.U8());
  zone.serial = reader.U32();
  zone.older_s = reader.U32();
  if (!dns::Name::FromWire(zone.apex)) reader.MarkBad();
  return reader.ok();
}

}  // namespace breakwater
