// A name that was asked for with EDNS options alone (NSID, a client subnet) has a last good answer
// for those who ask without them, and by Adopt() for those who send others.
#include <vector>

#include "proxy/base/byte_writer.h"
#include "proxy/cache/cache_answer.h"
#include "proxy/cache/packet_cache_impl.h"
#include "proxy/dns/edns.h"

namespace breakwater {
namespace {

// An answer with a scope (RFC 7871, 7.2.1) is for some of the clients.
bool IsForOneSubnet(std::span<const uint8_t> message, const dns::Edns& edns) {
  const auto subnet = dns::FindOption(message, edns, dns::OptionCode::kClientSubnet);
  constexpr size_t kScopeAt = 3;
  return subnet && subnet->size() > kScopeAt && (*subnet)[kScopeAt] != 0;
}

// The message with an OPT that is empty; nothing where it is not for everybody.
std::vector<uint8_t> WithoutOptions(const CacheEntry& entry) {
  const std::span<const uint8_t> message = entry.message();
  std::vector<uint8_t> bytes(message.begin(), message.end());
  const auto edns = dns::FindEdns(message, dns::kHeaderSize + entry.name_length + 4);
  if (!edns || IsForOneSubnet(message, *edns)) return {};
  if (!edns->present || edns->options_length == 0) return bytes;
  if (edns->end() != message.size()) return {};
  bytes.resize(edns->options_offset());
  bytes[bytes.size() - 2] = bytes[bytes.size() - 1] = 0;
  return bytes;
}

}  // namespace

void PacketCache::Impl::KeepForPlainer(const CacheEntry& entry, const CacheKey& key,
                                       const CacheInsert& how) {
  if (store.settings().key.parse_ecs) return;  // answers go by the client's network there
  const auto bits = static_cast<uint16_t>(key.bits & kKeySiblingBits);
  const auto plainer = RebuildCacheKey({entry.name(), key.type, key.cls, bits, {}});
  if (!plainer) return;
  CacheShard& shard = store.shard(store.ShardIndex(plainer->hash));
  {
    const ShardGuard guard(shard.lock());
    if (FindLastGood(shard, *plainer, entry.name(), how.now) != nullptr) return;
  }
  const std::vector<uint8_t> message = WithoutOptions(entry);
  CacheAnswer facts;
  if (message.empty() || !ExamineAnswer(message, facts)) return;
  CacheEntryPtr copy = MakeCacheEntry(*plainer, message, facts);
  if (!copy) return;
  copy->asked_ms = entry.asked_ms;
  copy->good_until_s = entry.good_until_s;
  copy->apex_labels = entry.apex_labels;
  copy->asked_epoch = copy->checked_epoch = entry.asked_epoch;
  copy->over_udp = entry.over_udp;
  // Never fresh: the first to ask has the server asked.
  copy->ttl_s = 0;
  copy->held = true;
  copy->retry_ms = ToSerial(how.now);
  (void)Store(shard, std::move(copy), *plainer, how);
}

}  // namespace breakwater
