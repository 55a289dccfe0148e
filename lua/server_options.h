// The options of newServer{...}.
#pragma once

#include <string>

#include "lua/options.h"
#include "proxy/backend/backend_settings.h"

namespace breakwater::lua {

// An address that cannot be read is told in `wrong`.
TextResult<BackendSettings> ReadServerOptions(Options& options, std::string* wrong);

}  // namespace breakwater::lua
