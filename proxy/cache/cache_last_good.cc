// What a cache with `lastGood` knows of the answers it holds (last_good.h).
#include "proxy/cache/packet_cache_impl.h"

namespace breakwater {

CacheEntry* PacketCache::Impl::FindLastGood(CacheShard& shard, const CacheKey& key,
                                            std::span<const uint8_t> name, MonoTime now) {
  if (!store.settings().last_good) return nullptr;
  CacheEntry* entry = shard.Find(key, key.bits, name).entry;
  if (entry == nullptr || !entry->IsLastGood(now)) entry = shard.FindSibling(key, name, now);
  return entry == nullptr || store.IsGone(*entry) ? nullptr : entry;
}

KnownAnswer PacketCache::Known(const CacheKey& key, std::span<const uint8_t> name, MonoTime now) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  const CacheEntry* entry = impl_->FindLastGood(shard, key, name, now);
  if (entry == nullptr) return {};
  return {.held = true,
          .authoritative = dns::ConstHeader(entry->message().data()).Has(dns::kFlagAa),
          .apex_labels = entry->apex_labels};
}

bool PacketCache::Hold(const CacheKey& key, std::span<const uint8_t> name, MonoTime now) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  CacheEntry* entry = impl_->FindLastGood(shard, key, name, now);
  if (entry == nullptr) return false;
  entry->held = true;
  entry->retry_ms = ToSerial(now) + impl_->store.settings().last_good->recheck;
  return true;
}

void PacketCache::Forget(const CacheKey& key, std::span<const uint8_t> name, MonoTime asked) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  CacheEntryPtr garbage;  // freed after the lock was let go
  const ShardGuard guard(shard.lock());
  CacheEntry* entry = shard.Find(key, key.bits, name).entry;
  if (entry == nullptr || MsSince(entry->asked_ms, ToSerial(asked)) != 0) return;
  garbage = shard.Remove(entry);
}

}  // namespace breakwater
