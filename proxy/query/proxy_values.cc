#include "proxy/query/proxy_values.h"

#include <utility>

namespace breakwater {

const ProxyValues& ProxyValuesOf(const Query& query) {
  static const ProxyValues kNone;
  const QueryExtras* extras = query.extras();
  if (extras != nullptr && extras->proxy_values) return *extras->proxy_values;
  return query.connection == nullptr ? kNone : query.connection->proxy_values;
}

void SetProxyValues(Query& query, ProxyValues values) {
  query.Extras().proxy_values = std::move(values);
}

void AddProxyValue(Query& query, uint8_t type, std::string value) {
  ProxyValues values = ProxyValuesOf(query);
  values.emplace_back(type, std::move(value));
  SetProxyValues(query, std::move(values));
}

}  // namespace breakwater
