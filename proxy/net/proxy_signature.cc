#include "proxy/net/proxy_signature.h"

#include <algorithm>

namespace breakwater {

ProxySignature FindProxySignature(std::span<const uint8_t> bytes) {
  const auto known = bytes.first(std::min(bytes.size(), kProxySignature.size()));
  if (!std::equal(known.begin(), known.end(), kProxySignature.begin())) {
    return ProxySignature::kNone;
  }
  return known.size() < kProxySignature.size() ? ProxySignature::kPart : ProxySignature::kWhole;
}

}  // namespace breakwater
