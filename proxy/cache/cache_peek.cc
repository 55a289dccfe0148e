#include "proxy/cache/cache_peek.h"

#include "proxy/cache/packet_cache_impl.h"

namespace breakwater {
namespace {

using State = CachePeek::State;

void JudgeLastGood(const CacheEntry& entry, const CacheLookup& how, CachePeek& peek) {
  const uint32_t retry_in = MsSince(entry.retry_ms, ToSerial(how.now));
  peek.good_left_s = int64_t{entry.good_until_s} - how.now.seconds();
  peek.state = State::kDue;
  if (!entry.held || retry_in == 0) return;
  peek.state = State::kHeld;
  peek.retry_in_ms = retry_in;
}

// As FindServable and IsGone judge, but for what those write down.
CachePeek Describe(const CacheStore& store, const CacheEntry& entry, const CacheLookup& how) {
  const uint32_t epoch = store.flushes().epoch();
  const FlushSubject subject{entry.name(), entry.type(), entry.asked_epoch, epoch, epoch};
  const FlushVerdict verdict = store.flushes().Judge(subject);
  const FlushTable::Cause cause = store.flushes().CauseOf(subject);
  const bool last_good = store.settings().last_good.has_value();
  const SerialMs now = ToSerial(how.now);
  const uint32_t age_ms = entry.AgeMs(now);
  CachePeek peek{.state = State::kOver,
                 .rcode = entry.rcode(),
                 .bad = entry.bad,
                 .flush = cause.id,
                 .age_s = age_ms / 1000};
  if (verdict.gone || (verdict.settled && !last_good)) return peek;
  const bool due = verdict.due || entry.due_for_good;
  if (!due && entry.IsFresh(now)) {
    peek.state = State::kFresh;
    peek.ttl_left_s = entry.ttl_s - peek.age_s;
  } else if (!due && how.allow_expired_s != 0 && peek.age_s - entry.ttl_s < how.allow_expired_s) {
    peek.state = State::kStale;
  } else if (last_good && entry.IsLastGood(how.now)) {
    JudgeLastGood(entry, how, peek);
    const bool unseen = cause.id != 0 && EpochIsLater(cause.epoch, entry.checked_epoch);
    if (unseen) peek.state = State::kDue;
  }
  return peek;
}

bool IsServed(const CachePeek& peek) {
  return peek.state != State::kNothing && peek.state != State::kOver;
}

}  // namespace

CachePeek PacketCache::Peek(const CacheKey& key, std::span<const uint8_t> name,
                            const CacheLookup& how) const {
  const CacheStore& store = impl_->store;
  CacheShard& shard = store.shard(store.ShardIndex(key.hash));
  const ShardGuard guard(shard.lock());
  CachePeek peek;
  const CacheEntry* own = shard.Find(key, key.bits, name).entry;
  if (own != nullptr) peek = Describe(store, *own, how);
  if (store.settings().last_good && (!IsServed(peek) || peek.bad)) {
    const CacheEntry* sibling = shard.FindSibling(key, name, how.now);
    CachePeek other;
    if (sibling != nullptr && sibling != own) other = Describe(store, *sibling, how);
    // Another question's answer is a last good one at most.
    if (other.state == State::kFresh) other.state = State::kDue;
    if (IsServed(other)) {
      peek = other;
      peek.sibling = true;
    }
  }
  if (!IsServed(peek) && how.datagram && store.settings().truncated_ttl != 0) {
    const auto bits = static_cast<uint16_t>(key.bits | kKeyTruncated);
    const CacheEntry* truncated = shard.Find(key, bits, name).entry;
    if (truncated != nullptr) peek = Describe(store, *truncated, how);
  }
  return peek;
}

}  // namespace breakwater
