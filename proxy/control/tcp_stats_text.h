// showTCPStats(): what clients and backends do over TCP, in dnsdist's columns.
#pragma once

#include <string>

#include "proxy/config/config.h"

namespace breakwater {

// `workers`: threads that serve connections; all of them do, from the start.
std::string TcpStatsText(const Config& config, size_t workers);

}  // namespace breakwater
