// A zone that turned bad or good on a server (backend/zone_health.h), as people are told of it: the
// log, and whoever asked for zone state changes. Values and pure functions, but for the log.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/backend/zone_health.h"
#include "proxy/config/config.h"

namespace breakwater {

struct ZoneNews {
  dns::Name zone;
  std::string server;  // its name, or its address; "a server that is gone"
  bool is_bad = false;
  BadKind kind{};  // of the last bad answer
  MonoTime when{};
  std::optional<ToldSerial> serial{};  // that the server told last, where serials count
  bool accepted = false;               // good, for its older serial counts as meant
  // "serial 2026112801, behind 2026112803" where that is what it is about; else empty.
  std::string SerialText() const;
};

// What to call a server by its number.
std::string ServerNameOf(const Config& config, BackendNumber number);
std::vector<ZoneNews> NewsOf(const std::vector<ZoneChange>& changes, const Config& config);

// Since when it is in its present state, in seconds since 1970.
int64_t WallSince(const ZoneOnBackend& one, const Clock& clock);
// "2026-11-28T02:03:04Z" of so many seconds since 1970.
std::string UtcText(int64_t wall_s);

// A table of the zones that are known, or of those that are bad somewhere.
struct ZonesShown {
  ZoneHealth::Which which;
  size_t most;
};
std::string ZonesText(const ZoneHealth& zones, const Config& config, const ZonesShown& shown,
                      const Clock& clock);

// One line for each, and one for the rest where there are many.
void LogZoneNews(const std::vector<ZoneNews>& news);

}  // namespace breakwater
