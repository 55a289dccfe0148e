// The text of showServers(), in dnsdist's columns.
#pragma once

#include <string>

#include "proxy/backend/server_rates.h"
#include "proxy/config/config.h"

namespace breakwater::lua {

struct ServerTableOptions {
  bool show_uuids = false;
};
std::string ServerTable(const Config& config, const ServerRates& rates,
                        const ServerTableOptions& options);

}  // namespace breakwater::lua
