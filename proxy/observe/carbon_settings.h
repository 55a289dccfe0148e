// carbonServer: where the metrics are sent in Carbon's plain text form.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/address.h"

namespace breakwater {

// Names are NAMESPACE.HOST.INSTANCE.METRIC.
struct CarbonServerSettings {
  Address server;
  std::string name_space = "dnsdist";
  std::string host;  // dots became underscores; never empty
  std::string instance = "main";
  uint32_t interval_s = 30;
};

}  // namespace breakwater
