// What a cache with `lastGood` knows of the answers it holds (last_good.h).
#include <utility>
#include <vector>

#include "proxy/cache/packet_cache_impl.h"

namespace breakwater {

CacheEntry* PacketCache::Impl::FindLastGood(CacheShard& shard, const CacheKey& key,
                                            std::span<const uint8_t> name, MonoTime now) {
  if (!store.settings().last_good) return nullptr;
  CacheEntry* entry = shard.Find(key, key.bits, name).entry;
  if (entry == nullptr || !entry->IsLastGood(now)) entry = shard.FindSibling(key, name, now);
  return entry == nullptr || store.IsGone(*entry) ? nullptr : entry;
}

bool PacketCache::Hold(const CacheKey& key, std::span<const uint8_t> name, const HoldHow& how) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  CacheEntry* entry = impl_->FindLastGood(shard, key, name, how.now);
  if (entry == nullptr) return false;
  if (how.use == LastGoodUse::kUnlessFlushed && (entry->due || !entry->IsProper())) return false;
  const SerialMs now = ToSerial(how.now);
  const bool newer = MsSince(entry->asked_ms, ToSerial(how.asked)) != 0;
  const bool good = entry->IsFresh(now) && !entry->due;
  if (newer || good || impl_->FlushedSince(key, name, how.asked_epoch)) return true;
  entry->held = true;
  entry->retry_ms = now + impl_->store.settings().last_good->recheck;
  return true;
}

template <typename Use>
void PacketCache::Impl::WithPlainer(const CacheKey& key, std::span<const uint8_t> name,
                                    MonoTime now, Use&& use) {
  constexpr uint16_t kOfHeader = kKeyRd | kKeyAd | kKeyCd;
  for (const uint16_t mask : {kKeySiblingBits, kOfHeader}) {
    const auto bits = static_cast<uint16_t>(key.bits & mask);
    const auto plainer = RebuildCacheKey({name, key.type, key.cls, bits, {}});
    if (!plainer) continue;
    CacheShard& shard = store.shard(store.ShardIndex(plainer->hash));
    const ShardGuard guard(shard.lock());
    CacheEntry* entry = shard.FindSibling(*plainer, name, now);
    if (entry == nullptr || store.IsGone(*entry)) continue;
    return use(*entry);
  }
}

namespace {

KnownAnswer KnownOf(const CacheEntry& entry) {
  return {.held = true,
          .proper = entry.IsProper() && !entry.due,
          .is_signed = entry.is_signed,
          .authoritative = dns::ConstHeader(entry.message().data()).Has(dns::kFlagAa),
          .apex_labels = entry.apex_labels};
}

}  // namespace

KnownAnswer PacketCache::Known(const CacheKey& key, std::span<const uint8_t> name, MonoTime now) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  const CacheEntry* entry = impl_->FindLastGood(shard, key, name, now);
  return entry == nullptr ? KnownAnswer{} : KnownOf(*entry);
}

KnownAnswer PacketCache::KnownOfPlainer(const CacheKey& key, std::span<const uint8_t> name,
                                        MonoTime now) {
  KnownAnswer known;
  if (!impl_->store.settings().last_good) return known;
  impl_->WithPlainer(key, name, now, [&](const CacheEntry& entry) { known = KnownOf(entry); });
  return known;
}

bool PacketCache::Adopt(const CacheKey& key, std::span<const uint8_t> name, const HoldHow& how) {
  CacheStore& store = impl_->store;
  if (!store.settings().last_good) return false;
  CacheEntryPtr copy;
  impl_->WithPlainer(key, name, how.now,
                     [&](const CacheEntry& entry) { copy = CopyForKey(entry, key); });
  if (!copy) return false;
  copy->held = true;
  copy->retry_ms = ToSerial(how.now);
  CacheShard& shard = store.shard(store.ShardIndex(key.hash));
  CacheEntryPtr garbage;  // freed after the lock was let go
  {
    const ShardGuard guard(shard.lock());
    if (!impl_->FlushedSince(key, name, how.asked_epoch)) {
      copy->retry_ms += store.settings().last_good->recheck;
    }
    CacheEntry* own = shard.Find(key, key.bits, name).entry;
    if (own != nullptr) {
      const bool fresh = own->IsFresh(ToSerial(how.now)) && !own->due && !own->bad;
      if (!store.IsGone(*own) && (fresh || own->IsLastGood(how.now))) return true;
      garbage = shard.Remove(own);
    }
  }
  return impl_->Store(shard, std::move(copy), key,
                      {.now = how.now, .asked = how.asked, .asked_epoch = how.asked_epoch});
}

void PacketCache::GiveBack(const CacheKey& key, std::span<const uint8_t> name, MonoTime now) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  CacheEntry* entry = impl_->FindLastGood(shard, key, name, now);
  if (entry == nullptr) return;
  entry->retry_ms = ToSerial(now);
  // Whoever asks for what was flushed asks a server, not the first one alone.
  if (entry->due) entry->held = false;
}

PacketCache::Refresh PacketCache::BeginRefresh(const CacheKey& key, std::span<const uint8_t> name,
                                               MonoTime now) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  // A sibling's refresh would not bring the answer to this question.
  CacheEntry* entry = shard.Find(key, key.bits, name).entry;
  if (entry == nullptr || impl_->store.IsGone(*entry)) return {};
  if (entry->IsFresh(ToSerial(now)) && !entry->due && !entry->asked_ahead) return {};
  // What is never fresh is everybody's own question.
  if (entry->ttl_s == 0) return {};
  // One that is late has its answer given up for now: whoever tries next does so in its own right.
  if (entry->refresh != 0 && !entry->held) return {.state = RefreshState::kElsewhere};
  entry->refresh = shard.NextTicket();
  return {.state = RefreshState::kBegun, .ticket = entry->refresh};
}

bool PacketCache::IsRefreshed(const CacheKey& key, std::span<const uint8_t> name) const {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  CacheEntry* entry = shard.Find(key, key.bits, name).entry;
  return entry != nullptr && !impl_->store.IsGone(*entry) && entry->refresh != 0 && !entry->held;
}

void PacketCache::EndRefresh(const CacheKey& key, std::span<const uint8_t> name, uint8_t ticket) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  CacheEntry* entry = shard.Find(key, key.bits, name).entry;
  if (entry != nullptr && entry->refresh == ticket) entry->refresh = 0;
}

bool PacketCache::Impl::FlushedSince(const CacheKey& key, std::span<const uint8_t> name,
                                     uint32_t epoch) const {
  const uint32_t now = store.flushes().epoch();
  if (now == epoch) return false;
  const FlushVerdict verdict = store.flushes().Judge({name, key.type, epoch, now, now});
  return verdict.due || verdict.gone;
}

bool PacketCache::FlushedSince(const CacheKey& key, std::span<const uint8_t> name,
                               uint32_t epoch) const {
  if (this->epoch() == epoch) return false;
  const ShardGuard guard(impl_->store.shard(impl_->store.ShardIndex(key.hash)).lock());
  return impl_->FlushedSince(key, name, epoch);
}

void PacketCache::Forget(const CacheKey& key, std::span<const uint8_t> name, MonoTime asked) {
  CacheShard& shard = impl_->store.shard(impl_->store.ShardIndex(key.hash));
  std::vector<CacheEntryPtr> garbage;  // freed after the lock was let go
  const auto is_older = [&](const CacheEntry* entry) {
    return entry != nullptr && MsSince(entry->asked_ms, ToSerial(asked)) == 0;
  };
  const ShardGuard guard(shard.lock());
  if (CacheEntry* own = shard.Find(key, key.bits, name).entry; is_older(own)) {
    garbage.push_back(shard.Remove(own));
  }
  for (CacheEntry* sibling = shard.FindSibling(key, name, asked); is_older(sibling);
       sibling = shard.FindSibling(key, name, asked)) {
    garbage.push_back(shard.Remove(sibling));
  }
}

}  // namespace breakwater
