#include "proxy/pool/pool.h"

#include <algorithm>

namespace breakwater {
namespace {

// What all servers say; `otherwise` where they differ or there are none.
template <typename Says>
bool Agreed(const std::vector<BackendPtr>& servers, bool otherwise, Says says) {
  if (servers.empty()) return otherwise;
  const bool first = says(servers.front()->settings());
  const bool all = std::all_of(servers.begin(), servers.end(), [&](const BackendPtr& server) {
    return says(server->settings()) == first;
  });
  return all ? first : otherwise;
}

}  // namespace

bool Pool::AnyUp() const {
  return std::any_of(servers.begin(), servers.end(),
                     [](const BackendPtr& server) { return server->IsUp(); });
}

bool Pool::UsesClientSubnet() const {
  return Agreed(servers, explicit_ecs,
                [](const BackendSettings& settings) { return settings.use_client_subnet; });
}

bool Pool::ZeroScope() const {
  return Agreed(servers, explicit_zero_scope,
                [](const BackendSettings& settings) { return !settings.disable_zero_scope; });
}

uint64_t Pool::Outstanding() const {
  uint64_t sum = 0;
  for (const BackendPtr& server : servers) sum += server->outstanding();
  return sum;
}

}  // namespace breakwater
