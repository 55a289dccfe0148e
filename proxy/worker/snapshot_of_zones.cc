#include "proxy/worker/snapshot_of_zones.h"

#include <algorithm>

namespace breakwater {

void TakeFromZones(const ZoneHealth& zones, SnapshotHow& how) {
  how.apex_of = [&zones](std::span<const uint8_t> name) { return zones.ApexOf(name); };
  how.each_serial = [&zones, &clock = how.clock](const SavedSerialSink& give) {
    zones.EachSerial(clock.Now(), [&](const KnownSerial& known) {
      give({.apex = known.apex, .serial = known.serial, .older_s = known.older_s});
    });
  };
}

void GiveToZones(ZoneHealth& zones, const ZoneSerialSettings& settings, SnapshotHow& how) {
  how.on_zone = [&zones](std::span<const uint8_t> apex) { zones.Recall(apex); };
  how.on_serial = [&zones, &settings, &clock = how.clock](const SavedSerial& zone, int64_t age_s) {
    if (!settings.on || age_s >= int64_t{settings.accept_older_after}) return;
    // While the proxy did not run they stood as before.
    const uint32_t older_s =
        zone.older_s == 0 ? 0 : zone.older_s + static_cast<uint32_t>(std::max<int64_t>(age_s, 0));
    zones.RecallSerial({.apex = zone.apex, .serial = zone.serial, .older_s = older_s}, clock.Now());
  };
}

}  // namespace breakwater
