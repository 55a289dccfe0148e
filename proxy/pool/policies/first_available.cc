#include "proxy/pool/policies/balancers.h"

namespace breakwater::policies {
namespace {

// The first server, by order, that is up and within its queries per second. Where all are over
// their limit, leastOutstanding decides: a limit here spreads load, it refuses nobody.
class FirstAvailable : public Policy {
 public:
  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    for (const BackendPtr& server : servers) {
      if (server->IsUp() && server->qps().Take(context.now)) return server;
    }
    return ChooseLeastOutstanding(servers);
  }
  std::optional<BackendPtr> Peek(std::span<const BackendPtr> servers,
                                 PolicyContext& context) const override {
    for (const BackendPtr& server : servers) {
      if (server->IsUp() && server->qps().WouldTake(context.now)) return server;
    }
    return ChooseLeastOutstanding(servers);
  }
  std::string Name() const override { return "firstAvailable"; }
};

}  // namespace

PolicyPtr MakeFirstAvailable() {
  return std::make_shared<FirstAvailable>();
}

}  // namespace breakwater::policies
