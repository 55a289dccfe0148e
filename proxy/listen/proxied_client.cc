#include "proxy/listen/proxied_client.h"

#include <algorithm>
#include <utility>

#include "proxy/base/log.h"

namespace breakwater {

bool MayAskThroughProxy(ListenContext& context, const ProxyHeader& header) {
  const ListenSettings& settings = context.settings;
  if (header.local || !settings.acl_for_proxied) return true;
  if (settings.acl != nullptr && settings.acl->Matches(header.source)) return true;
  CountAclDrop(context, header.source);
  return false;
}

void CountBadProxyHeader(ListenContext& context, const Address& peer) {
  context.counters.Add(Metric::kProxyProtocolInvalid);
  LogDebug("listen", "{} is in the PROXY access list and sent no good header",
           peer.ToStringWithPort());
}

void CountUnlistedProxyHeader(ListenContext& context, const Address& peer) {
  context.counters.Add(Metric::kProxyProtocolInvalid);
  LogDebug("listen",
           "{} sent a PROXY header where none is expected: it is not in setProxyProtocolACL, the "
           "listener has enableProxyProtocol=false, or proxyProtocolOutsideTLS is not as it sends",
           peer.ToStringWithPort());
}

ProxyHeaderReader::Status ProxyHeaderReader::Take(std::span<const uint8_t>* input, size_t most) {
  ++pieces_;
  while (!input->empty()) {
    const auto piece = input->first(std::min(missing(), input->size()));
    taken_.insert(taken_.end(), piece.begin(), piece.end());
    *input = input->subspan(piece.size());
    ProxyParsed parsed = ParseProxyHeader(taken_, most);
    switch (parsed.status) {
      case ProxyParse::kBad:
        return Status::kBad;
      case ProxyParse::kWhole:
        header_ = std::move(parsed.header);
        return Status::kWhole;
      case ProxyParse::kPartial:
        wanted_ = parsed.size;
        break;
    }
  }
  return Status::kMore;
}

}  // namespace breakwater
