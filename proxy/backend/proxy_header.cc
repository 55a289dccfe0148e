#include "proxy/backend/proxy_header.h"

#include "proxy/net/proxy_protocol.h"
#include "proxy/query/proxy_values.h"
#include "proxy/query/transport_options.h"

namespace breakwater {
Result<std::string> ProxyHeaderFor(const BackendSettings& settings, const Query* query) {
  if (!settings.use_proxy_protocol) return std::string();
  if (query == nullptr || !query->client.IsSet() || !query->local.IsSet()) {
    return BuildProxyHeader({.local = true});
  }
  ProxyHeader header{.stream = query->tcp(),
                     .source = query->client,
                     .destination = query->local,
                     .values = ProxyValuesOf(*query)};
  if (settings.proxy_advertise_tls && IsEncrypted(query->protocol)) {
    header.values.emplace_back(kProxyValueTls, std::string());
  }
  std::string built = BuildProxyHeader(header);
  if (built.empty()) return Fail(Error::kNoSpace);
  return built;
}

}  // namespace breakwater
