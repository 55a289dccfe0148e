// The members of the requests about lists of flushes (control_request.h).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "proxy/base/result.h"
#include "proxy/control/control_request.h"

namespace breakwater {

// For each of the commands kFlushList to kFlushListStop. The error names the member.
TextResult<void> ReadListRequest(const nlohmann::json& object, ControlRequest& request);

}  // namespace breakwater
