#include "proxy/control/zones_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "proxy/control/zone_news.h"

namespace breakwater {
namespace {

using nlohmann::json;

struct Present {
  const Config& config;
  const Clock& clock;
};

json RowOf(const dns::Name& zone, const ZoneOnBackend& one, const Present& present) {
  json row = {{"zone", zone.ToString()},
              {"server", ServerNameOf(present.config, one.backend)},
              {"state", one.is_bad ? "bad" : "good"},
              {"good", one.good}};
  if (one.serial) {
    row["serial"] = one.serial->serial;
    if (one.serial->IsBehind()) row["newest-serial"] = one.serial->newest;
  }
  if (one.is_bad) {
    row["since"] = WallSince(one, present.clock);
  }
  if (one.is_bad || one.AllBad() != 0) row["last-bad"] = NameOf(one.last_bad);
  for (size_t kind = 0; kind < kBadKinds; ++kind) {
    if (one.bad[kind] != 0) row["bad"][NameOf(static_cast<BadKind>(kind))] = one.bad[kind];
  }
  return row;
}

}  // namespace

json ZonesJson(const ControlTarget& target, ZoneHealth::Which which, size_t most) {
  const ConfigPtr config = target.CurrentConfig();
  const ZoneHealth& zones = target.zone_health();
  std::vector<std::pair<std::string, json>> sorted;
  for (const ZoneReport& report : zones.Report(which, most)) {
    for (const ZoneOnBackend& one : report.backends) {
      sorted.emplace_back(report.zone.ToString(),
                          RowOf(report.zone, one, {*config, target.clock()}));
    }
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  json rows = json::array();
  for (auto& [zone, row] : sorted) rows.push_back(std::move(row));
  return {{"known", zones.zone_count()}, {"bad", zones.bad_count()}, {"zones", std::move(rows)}};
}

}  // namespace breakwater
