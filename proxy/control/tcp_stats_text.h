// showTCPStats(): what clients and backends do over TCP, in dnsdist's columns.
#pragma once

#include <string>

#include "proxy/control/control_target.h"

namespace breakwater {

// All workers serve connections, from the start.
std::string TcpStatsText(const Config& config, const ControlTarget::TcpWorkers& threads);

}  // namespace breakwater
