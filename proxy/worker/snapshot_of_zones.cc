#include "proxy/worker/snapshot_of_zones.h"

namespace breakwater {

void TakeFromZones(const ZoneHealth& zones, SnapshotHow& how) {
  how.apex_of = [&zones](std::span<const uint8_t> name) { return zones.ApexOf(name); };
  how.each_serial = [&zones](const SavedSerialSink& give) {
    zones.EachSerial([&](std::span<const uint8_t> apex, uint32_t serial) {
      give({.apex = apex, .serial = serial});
    });
  };
}

void GiveToZones(ZoneHealth& zones, const ZoneSerialSettings& settings, SnapshotHow& how) {
  how.on_zone = [&zones](std::span<const uint8_t> apex) { zones.Recall(apex); };
  how.on_serial = [&zones, &settings](const SavedSerial& zone, int64_t age_s) {
    if (!settings.on || age_s >= int64_t{settings.accept_older_after}) return;
    zones.RecallSerial(zone.apex, zone.serial);
  };
}

}  // namespace breakwater
