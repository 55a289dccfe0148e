// What a snapshot of the caches (cache/cache_snapshot.h) has to do with health by zone: which zones
// there are, and the newest SOA serials, so that nameservers that come back with older data after a
// restart of the proxy are known for it. Any thread; `zones` and `settings` outlive the use of
// `how`.
#pragma once

#include "proxy/backend/zone_health.h"
#include "proxy/cache/cache_snapshot.h"

namespace breakwater {

// For a writing.
void TakeFromZones(const ZoneHealth& zones, SnapshotHow& how);

// For a reading. Serials are recalled where they count, and where no server can have been agreed
// with on an older one meanwhile (acceptOlderAfter).
void GiveToZones(ZoneHealth& zones, const ZoneSerialSettings& settings, SnapshotHow& how);

}  // namespace breakwater
