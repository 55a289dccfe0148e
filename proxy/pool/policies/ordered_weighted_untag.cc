#include <limits>

#include "proxy/pool/policies/balancers.h"
#include "proxy/pool/policies/weighted.h"

namespace breakwater::policies {
namespace {

// By weight among the servers of the lowest order that are up and whose name with address is no
// tag of the query: a restarted query names in tags the servers that it has tried.
class OrderedWeightedUntag : public Policy {
 public:
  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    const bool tagged = context.query.extras() != nullptr && !context.query.extras()->tags.empty();
    const auto untried = [&](const Backend& server) {
      return server.IsUp() &&
             !(tagged && context.query.FindTag(server.NameWithAddress()) != nullptr);
    };
    int lowest = std::numeric_limits<int>::max();
    for (const BackendPtr& server : servers) {
      if (server->order() < lowest && untried(*server)) lowest = server->order();
    }
    return PickByWeight(servers, context.random.U64(), [&](const Backend& server) {
      return server.order() == lowest && untried(server);
    });
  }
  std::string Name() const override { return "orderedWrandUntag"; }
};

}  // namespace

PolicyPtr MakeOrderedWeightedUntag() {
  return std::make_shared<OrderedWeightedUntag>();
}

}  // namespace breakwater::policies
