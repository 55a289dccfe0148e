// How servers answer for zones (backend/zone_health.h), as the control socket and the web API tell
// it. Reads snapshots; any thread.
#pragma once

#include <cstddef>

#include <nlohmann/json_fwd.hpp>

#include "proxy/control/control_target.h"

namespace breakwater {

// {"known": zones, "bad": how often one is bad on a server, "zones": rows}. A row for each zone and
// server, in the order of their names: "zone", "server", "state" ("good", "bad"), "since" (seconds
// since 1970; where it is bad), "good" (answers), "bad" (answers by kind) and "last-bad" (its kind)
// where there were any. At most `most` zones.
nlohmann::json ZonesJson(const ControlTarget& target, ZoneHealth::Which which, size_t most);

}  // namespace breakwater
