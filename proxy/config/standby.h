// Which server a drill means (backend/drills.h).
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace breakwater {

// By name, id or address; an error where there is none or several, or where it is of the first tier
// of each of its pools, so that there is nothing to compare it with.
TextResult<BackendPtr> FindStandby(const Config& config, const std::string& name);

}  // namespace breakwater
