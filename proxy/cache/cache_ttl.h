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

// Where an answer that is not good is all there is, it is kept no longer.
inline constexpr uint32_t kLongestBad_s = 5;

// Longer is cut to this: times are 32-bit serial numbers of milliseconds, good for 24 days.
inline constexpr uint32_t kLongestStorage_s = 20 * 86400;

StorageTtl DecideStorageTtl(const CacheAnswer& answer, const PacketCacheSettings& settings,
                            std::optional<uint32_t> temporary_failure_ttl);

// For how long after it was asked for a good answer may be served, whatever its TTL: until
// `lastGood` says, or the end of its signatures at the latest; 0: not at all. `wall_s` is now.
uint32_t DecideGoodFor(const CacheAnswer& answer, const PacketCacheSettings& settings,
                       uint32_t ttl_s, int64_t wall_s);

// Whether no last good answers are kept for `name` (wire form): lastGood's `except`.
bool IsExcepted(std::span<const uint8_t> name, const PacketCacheSettings& settings);

// SERVFAIL and REFUSED: such an answer never displaces one that still counts.
bool IsTemporaryFailure(dns::RCode rcode);

}  // namespace breakwater
