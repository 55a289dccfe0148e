// The PROXY protocol's values of a query: those of its client's header, or what rules put in their
// place; sent on to nameservers that take a header.
#pragma once

#include "proxy/query/query.h"

namespace breakwater {

const ProxyValues& ProxyValuesOf(const Query& query);
void SetProxyValues(Query& query, ProxyValues values);
void AddProxyValue(Query& query, uint8_t type, std::string value);

}  // namespace breakwater
