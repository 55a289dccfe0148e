#include "proxy/cache/cache_ttl.h"

#include <algorithm>

namespace breakwater {
namespace {

// What the answer itself allows; kNoTtl where it says nothing.
uint32_t OwnTtl(const CacheAnswer& answer, const PacketCacheSettings& settings) {
  if (answer.truncated) {
    return settings.truncated_ttl == 0 ? kNoTtl
                                       : std::min(answer.lowest_ttl, settings.truncated_ttl);
  }
  const bool negative = answer.rcode == dns::RCode::kNxDomain ||
                        (answer.rcode == dns::RCode::kNoError && answer.soa_in_authority);
  if (answer.lowest_ttl == kNoTtl || !negative) return answer.lowest_ttl;
  return std::min(answer.lowest_ttl, settings.max_negative_ttl);
}

}  // namespace

bool IsTemporaryFailure(dns::RCode rcode) {
  return rcode == dns::RCode::kServFail || rcode == dns::RCode::kRefused;
}

StorageTtl DecideStorageTtl(const CacheAnswer& answer, const PacketCacheSettings& settings,
                            std::optional<uint32_t> temporary_failure_ttl) {
  // BADVERS, BADCOOKIE and the like concern the asker alone.
  if (static_cast<unsigned>(answer.rcode) > 15) return {};
  if (IsTemporaryFailure(answer.rcode) && !answer.truncated) {
    const uint32_t ttl = temporary_failure_ttl.value_or(settings.temporary_failure_ttl);
    return {std::min(ttl, kLongestStorage_s), false};
  }
  uint32_t ttl = OwnTtl(answer, settings);
  if (ttl == kNoTtl) return {};
  ttl = std::min({ttl, settings.max_ttl, kLongestStorage_s});
  if (ttl < settings.min_ttl) return {0, true};
  return {ttl, false};
}

uint32_t DecideGoodFor(const CacheAnswer& answer, const PacketCacheSettings& settings,
                       uint32_t ttl_s, int64_t wall_s) {
  if (!settings.last_good || answer.truncated) return 0;
  const uint32_t longest = std::min(ttl_s + settings.last_good->max_age_s, kLongestStorage_s);
  if (!answer.signed_until) return longest;
  const auto left = static_cast<int32_t>(*answer.signed_until - static_cast<uint32_t>(wall_s));
  return std::min(longest, static_cast<uint32_t>(std::max(left, 0)));
}

bool IsExcepted(std::span<const uint8_t> name, const PacketCacheSettings& settings) {
  if (!settings.last_good || settings.last_good->except.empty()) return false;
  const auto asked = dns::Name::FromWire(name);
  return asked && std::ranges::any_of(settings.last_good->except,
                                      [&](const dns::Name& zone) { return asked->IsPartOf(zone); });
}

}  // namespace breakwater
