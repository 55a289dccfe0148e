// All chains of a configuration, by when they run.
#pragma once

#include <array>

#include "proxy/rules/rule_chain.h"

namespace breakwater {

enum class ResponseChainKind : uint8_t {
  kResponse,
  kCacheHit,
  kCacheInserted,
  kSelfAnswered,
  kXfr,
  kTimeout,
  kCount
};

struct Chains {
  RuleChain query;
  RuleChain cache_miss;
  std::array<ResponseRuleChain, static_cast<size_t>(ResponseChainKind::kCount)> response;

  const ResponseRuleChain& Of(ResponseChainKind kind) const {
    return response[static_cast<size_t>(kind)];
  }
  ResponseRuleChain& Of(ResponseChainKind kind) { return response[static_cast<size_t>(kind)]; }
};

}  // namespace breakwater
