// What is legal in a configuration and yet probably not meant. Run over a configuration that was
// read whole, for --check-config and for the log at start.
#pragma once

#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace breakwater {

// One English sentence a finding; empty where all is well.
std::vector<std::string> CheckConfig(const Config& config);

}  // namespace breakwater
