#include <tuple>

#include "proxy/pool/policies/balancers.h"

namespace breakwater::policies {
namespace {

class LeastOutstanding : public Policy {
 public:
  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext&) const override {
    return ChooseLeastOutstanding(servers);
  }
  std::optional<BackendPtr> Peek(std::span<const BackendPtr> servers,
                                 PolicyContext& context) const override {
    return Choose(servers, context);
  }
  std::string Name() const override { return "leastOutstanding"; }
};

}  // namespace

BackendPtr ChooseLeastOutstanding(std::span<const BackendPtr> servers) {
  const BackendPtr* best = nullptr;
  std::tuple<uint64_t, int, double> lowest;
  for (const BackendPtr& server : servers) {
    if (!server->IsUp()) continue;
    const std::tuple<uint64_t, int, double> mark{server->outstanding(), server->order(),
                                                 server->PolicyLatency()};
    if (best == nullptr || mark < lowest) {
      best = &server;
      lowest = mark;
    }
  }
  return best == nullptr ? nullptr : *best;
}

PolicyPtr MakeLeastOutstanding() {
  return std::make_shared<LeastOutstanding>();
}

}  // namespace breakwater::policies
