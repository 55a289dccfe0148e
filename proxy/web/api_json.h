// The JSON of the web server: /jsonstat, the servers page, statistics and pools. Property names
// and shapes are those of dnsdist's API (webapi.tsv); beyond it are .../zones (zones_json.h), a
// server's "tier" and "suspect", and the page's "drill", the report of the last one or null
// (drill_commands.h). Reads snapshots only; any thread.
#pragma once

#include <string>

#include "proxy/backend/server_rates.h"
#include "proxy/control/control_target.h"

namespace breakwater {

std::string JsonStats(const ControlTarget& target);  // /jsonstat?command=stats
// /api/v1/servers/localhost
std::string JsonServersPage(const ControlTarget& target, const ServerRates& rates);
std::string JsonZones(const ControlTarget& target, ZoneHealth::Which which);  // .../zones[?bad]
std::string JsonStatistics(const ControlTarget& target);                      // .../statistics
// .../pool?name=
std::string JsonPool(const Config& config, const Pool& pool, const ServerRates& rates);
std::string JsonDynBlocks(const ControlTarget& target);  // /jsonstat?command=dynblocklist
// /jsonstat?command=ebpfblocklist: what the registered filters with times (registerDynBPFFilter)
// hold.
std::string JsonKernelBlocks(const ControlTarget& target);

}  // namespace breakwater
