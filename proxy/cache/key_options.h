// Which EDNS options are no part of cache keys.
#pragma once

#include <algorithm>

#include "proxy/cache/cache_key.h"

namespace breakwater {

// Whether queries that differ in options of this code alone share an answer.
inline bool KeySkipsOption(const CacheKeyOptions& options, dns::OptionCode code) {
  if (code == dns::OptionCode::kClientSubnet && options.parse_ecs) return false;
  const auto& skipped = options.skip_options;
  return std::ranges::find(skipped, static_cast<uint16_t>(code)) != skipped.end();
}

}  // namespace breakwater
