#include <algorithm>
#include <atomic>

#include "proxy/pool/policies/balancers.h"

namespace breakwater::policies {
namespace {

class RoundRobin : public Policy {
 public:
  explicit RoundRobin(const PolicySettings& settings)
      : fail_on_no_server_(settings.round_robin_fail_on_no_server) {}

  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext&) const override {
    const auto up = static_cast<size_t>(std::count_if(
        servers.begin(), servers.end(), [](const BackendPtr& server) { return server->IsUp(); }));
    if (servers.empty() || (up == 0 && fail_on_no_server_)) return nullptr;
    const size_t turn = next_.fetch_add(1, std::memory_order_relaxed);
    if (up == 0) return servers[turn % servers.size()];
    size_t skip = turn % up;
    const BackendPtr* last = &servers.front();
    for (const BackendPtr& server : servers) {
      if (!server->IsUp()) continue;
      last = &server;
      if (skip-- == 0) break;
    }
    return *last;
  }
  std::string Name() const override { return "roundrobin"; }

 private:
  bool fail_on_no_server_;
  mutable std::atomic<size_t> next_{0};
};

}  // namespace

PolicyPtr MakeRoundRobin(const PolicySettings& settings) {
  return std::make_shared<RoundRobin>(settings);
}

}  // namespace breakwater::policies
