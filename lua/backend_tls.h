// newServer's options for TLS.
#pragma once

#include "lua/options.h"
#include "proxy/backend/backend.h"

namespace breakwater::lua {

// 53, or 853 with `tls`, or 443 with `tls` and `dohPath`.
uint16_t DefaultPort(Options& options);
// Those for autoUpgrade too.
void ReadBackendTls(Options& options, BackendSettings* settings);
// Null where the server is not asked over TLS. The error says what cannot be used.
TextResult<TlsClientPtr> MakeBackendTls(const BackendSettings& settings);

}  // namespace breakwater::lua
