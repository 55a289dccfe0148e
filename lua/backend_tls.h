// newServer's options for TLS.
#pragma once

#include "lua/options.h"
#include "proxy/backend/backend_settings.h"

namespace breakwater::lua {

// 53, or 853 with `tls`, or 443 with `tls` and `dohPath`.
uint16_t DefaultPort(Options& options);
void ReadBackendTls(Options& options, BackendSettings* settings);

}  // namespace breakwater::lua
