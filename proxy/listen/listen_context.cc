#include "proxy/listen/listen_context.h"

#include "proxy/base/log.h"

namespace breakwater {

void CountAclDrop(ListenContext& context, const Address& client) {
  context.counters.Add(Metric::kAclDrops);
  if (!LogEnabled(LogLevel::kDebug)) return;
  LogDebug("listen", "Query from {} dropped because of ACL", client.ToStringWithPort());
}

}  // namespace breakwater
