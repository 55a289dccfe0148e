// For how many seconds an answer is kept (the option names are newPacketCache's). Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/cache/cache_answer.h"
#include "proxy/cache/packet_cache.h"

namespace breakwater {

struct StorageTtl {
  uint32_t seconds = 0;    // 0: not stored
  bool too_short = false;  // not stored for its TTL: counted
};

// Longer is cut to this: times are 32-bit serial numbers of milliseconds, good for 24 days.
inline constexpr uint32_t kLongestStorage_s = 20 * 86400;

StorageTtl DecideStorageTtl(const CacheAnswer& answer, const PacketCacheSettings& settings,
                            std::optional<uint32_t> temporary_failure_ttl);

// SERVFAIL and REFUSED: such an answer never displaces one that still counts.
bool IsTemporaryFailure(dns::RCode rcode);

}  // namespace breakwater
