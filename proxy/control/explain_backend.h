// The part of explain that is about servers.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "proxy/backend/zone_health.h"
#include "proxy/config/config.h"

namespace breakwater {

struct BackendQuestion {
  const Config& config;
  const Pool& pool;
  const Query& query;
  ZoneHealth& zones;
  MonoTime now;
  bool due = false;  // a last good answer is held and to be refreshed
};
// {"policy":..., "asked":NAME or null, "standby":BOOL, "among":[...], "why":..., "servers":[...]}
nlohmann::json ExplainBackend(const BackendQuestion& question);

}  // namespace breakwater
