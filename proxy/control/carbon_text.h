// The metrics in Carbon's plain text form: "NAME VALUE SECONDS", one a line, with dnsdist's names
// (its spelling mistakes too: graphs know them). Series with labels are left out.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/control/control_target.h"
#include "proxy/observe/carbon_settings.h"

namespace breakwater {

// `seconds` since 1970. Any thread; reads files of /proc.
std::string CarbonText(const ControlTarget& target, const CarbonServerSettings& settings,
                       int64_t seconds);

}  // namespace breakwater
