// How an answer comes into the cache, and which answers it may take the place of.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/cache/cache_answer.h"
#include "proxy/cache/cache_ttl.h"
#include "proxy/cache/packet_cache_impl.h"
#include "proxy/dns/header.h"

namespace breakwater {
namespace {

// An inserting shard evicts at most so many for one that comes in.
constexpr int kMaxEvictionsAStep = 8;

// It must not outlive the repair by much, whatever the cache knows of last good answers.
constexpr uint32_t kStandby_s = 5;

// For how long an answer is fresh, and may be served for want of a better one.
struct Life {
  StorageTtl ttl;
  uint32_t good_for_s = 0;
};

Life DecideLife(const CacheAnswer& facts, const PacketCacheSettings& settings,
                const CacheInsert& how, const Clock& clock) {
  Life life{.ttl = DecideStorageTtl(facts, settings, how.temporary_failure_ttl)};
  if (how.lasting) life.ttl = {};
  if (how.standby) {
    const uint32_t recheck_s = settings.last_good ? settings.last_good->recheck / 1000 : kStandby_s;
    life.ttl.seconds = std::min(life.ttl.seconds, std::max(recheck_s, 1u));
    return life;
  }
  if (!settings.last_good) return life;
  switch (how.worth) {
    case AnswerClass::kGood:
      life.good_for_s = DecideGoodFor(facts, settings, life.ttl.seconds, clock.WallSeconds());
      break;
    case AnswerClass::kNeutral:
      if (!facts.truncated) life.ttl = {};
      break;
    case AnswerClass::kBad:
      life.ttl.seconds = std::min(life.ttl.seconds, kLongestBad_s);
      break;
  }
  return life;
}

}  // namespace

bool PacketCache::Insert(const CacheKey& key, std::span<const uint8_t> answer,
                         const CacheInsert& how) {
  // A UDP answer above this size is none we asked for.
  constexpr size_t kLargestDatagram = 4096;
  CacheStore& store = impl_->store;
  const PacketCacheSettings& settings = store.settings();
  if (answer.size() > settings.maximum_entry_size) return false;
  if (how.datagram && answer.size() > kLargestDatagram) return false;
  CacheAnswer facts;
  if (!ExamineAnswer(answer, facts)) return false;
  if (facts.question.type != key.type || facts.question.cls != key.cls) return false;
  // TC means something over UDP alone.
  if (facts.truncated && !how.datagram) return false;

  CacheShard& shard = store.shard(store.ShardIndex(key.hash));
  Life life = DecideLife(facts, settings, how, impl_->clock);
  if (life.good_for_s != 0 &&
      IsExcepted(answer.subspan(dns::kHeaderSize, facts.question.name_length), settings)) {
    life.good_for_s = 0;
  }
  if (life.ttl.seconds == 0 && life.good_for_s == 0) {
    const ShardGuard guard(shard.lock());
    if (life.ttl.too_short) ++shard.counters().ttl_too_shorts;
    return false;
  }
  CacheEntryPtr entry = MakeCacheEntry(key, answer, facts);
  if (!entry || (settings.max_bytes != 0 && entry->Footprint() > settings.max_bytes)) return false;
  entry->ttl_s = life.ttl.seconds;
  entry->asked_ms = ToSerial(how.asked);
  if (life.good_for_s != 0) {
    entry->good_until_s = static_cast<uint32_t>(how.asked.seconds()) + life.good_for_s;
  }
  entry->bad = settings.last_good && how.worth == AnswerClass::kBad;
  entry->apex_labels = how.apex_labels;
  entry->asked_epoch = how.asked_epoch;
  entry->checked_epoch = how.asked_epoch;
  entry->over_udp = how.datagram;
  const bool good = life.good_for_s != 0 && !entry->bad && !how.standby;
  if (good && key.tail_length != 0) impl_->KeepForPlainer(*entry, key, how);
  return impl_->Store(shard, std::move(entry), key, how);
}

bool PacketCache::Impl::MayReplace(CacheEntry& held, const CacheEntry& offered,
                                   const CacheInsert& how) {
  // A good answer takes the place of a bad one whenever it was asked for, and never the other way.
  if (held.bad && !offered.bad) return true;
  if ((offered.bad || how.standby) && held.IsLastGood(how.now) && !store.IsGone(held)) return false;
  if (held.asked_ms != offered.asked_ms && MsSince(held.asked_ms, offered.asked_ms) != 0) {
    return false;  // what is held was asked for later
  }
  const bool worse = IsTemporaryFailure(offered.rcode()) && !IsTemporaryFailure(held.rcode());
  if (!worse) return true;
  return store.IsGone(held) || held.due || !held.IsFresh(ToSerial(how.now));
}

bool PacketCache::Impl::Store(CacheShard& shard, CacheEntryPtr entry, const CacheKey& key,
                              const CacheInsert& how) {
  std::array<CacheEntryPtr, kMaxEvictionsAStep + 1> garbage;  // freed after the lock was let go
  size_t freed = 0;
  {
    const ShardGuard guard(shard.lock());
    if (EpochIsLater(store.flushes().oldest_storable_epoch(), how.asked_epoch)) return false;
    const CacheEntry& stored = *entry;
    const CacheShard::Found found = shard.Find(key, entry->key_bits, entry->name());
    if (found.collision) ++shard.counters().insert_collisions;
    if (found.entry != nullptr) {
      if (!MayReplace(*found.entry, *entry, how)) {
        garbage[freed++] = std::move(entry);
        return false;
      }
      // The zone's apex does not change with an answer that does not tell it.
      if (entry->apex_labels == 0) entry->apex_labels = found.entry->apex_labels;
      garbage[freed++] = shard.Replace(found.entry, std::move(entry));
    } else if ((entry->ttl_s == 0 && !entry->held && !how.lasting) ||
               (entry->bad && FindLastGood(shard, key, entry->name(), how.now) != nullptr)) {
      // Never fresh, so that it is of use in an old one's place alone, as a rule; or bad where a
      // sibling has a good answer.
      garbage[freed++] = std::move(entry);
      return false;
    } else {
      const CacheEntry* sibling = FindLastGood(shard, key, entry->name(), how.now);
      if (sibling != nullptr && entry->apex_labels == 0) entry->apex_labels = sibling->apex_labels;
      const bool full = store.WouldBeOver(entry->Footprint());
      while (freed < kMaxEvictionsAStep && shard.size() != 0 &&
             (shard.IsFull() || store.WouldBeOver(entry->Footprint()))) {
        garbage[freed++] = shard.EvictOne();
        ++shard.counters().evictions;
      }
      shard.Put(std::move(entry), {key.hash, full});
    }
    const bool news = store.settings().last_good && !stored.bad && !stored.held && !how.standby;
    if (news) shard.LetGoSiblings(stored, key);
  }
  if (store.IsOverBounds()) store.EvictElsewhere(store.ShardIndex(key.hash));
  return true;
}

}  // namespace breakwater
