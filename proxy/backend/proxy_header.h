// The PROXY header that goes to a backend with useProxyProtocol.
#pragma once

#include <string>

#include "proxy/backend/backend_settings.h"
#include "proxy/base/result.h"
#include "proxy/query/query.h"

namespace breakwater {

// Names the client of `query`, with the query's values; where it is null, or nobody is its client,
// the header says that the query is our own. Empty where the backend takes none. kNoSpace: the
// values are too long.
Result<std::string> ProxyHeaderFor(const BackendSettings& settings, const Query* query);

}  // namespace breakwater
