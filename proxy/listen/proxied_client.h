// PROXY headers as listeners take them: who must send one, whom they let ask, and the piecewise
// reading of one from a connection.
#pragma once

#include <span>
#include <vector>

#include "proxy/listen/listen_context.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/query/frontend.h"

namespace breakwater {

// Who must send a header to this bind; null: nobody.
inline const NetmaskGroup* ProxiesOf(const ListenSettings& settings,
                                     const FrontendSettings& frontend) {
  return frontend.proxy_protocol ? settings.proxy_acl : nullptr;
}

// False, and counted, where the access list counts for the client named and does not have it.
bool MayAskThroughProxy(ListenContext& context, const ProxyHeader& header);
void CountBadProxyHeader(ListenContext& context, const Address& peer);
// Of one from whom none is expected.
void CountUnlistedProxyHeader(ListenContext& context, const Address& peer);

// The header at the start of one connection.
class ProxyHeaderReader {
 public:
  enum class Status : uint8_t { kMore, kWhole, kBad };
  // Takes bytes of the header off the front of `input`, which loses nothing that comes after it.
  // `most`: bytes of a header.
  Status Take(std::span<const uint8_t>* input, size_t most);
  // After kMore: so many bytes belong to the header at least.
  size_t missing() const { return wanted_ - taken_.size(); }
  // After kWhole.
  ProxyHeader& header() { return header_; }
  // How many pieces were taken.
  uint32_t pieces() const { return pieces_; }

 private:
  std::vector<uint8_t> taken_;
  size_t wanted_ = kProxyHeaderStart;
  uint32_t pieces_ = 0;
  ProxyHeader header_;
};

}  // namespace breakwater
