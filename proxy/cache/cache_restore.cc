// How entries leave for a snapshot on disk and come back (snapshot_entry.h).
#include <algorithm>
#include <utility>

#include "proxy/cache/cache_ttl.h"
#include "proxy/cache/packet_cache_impl.h"
#include "proxy/cache/snapshot_entry.h"

namespace breakwater {
namespace {

bool IsWorthKeeping(const CacheEntry& entry, const SnapshotScan& scan, bool last_good) {
  // Bad answers live for seconds, truncated ones hardly longer.
  if (entry.bad || (entry.key_bits & kKeyTruncated) != 0) return false;
  if (last_good) return entry.IsLastGood(scan.now);
  if (entry.due) return false;
  const uint32_t age_s = entry.AgeMs(ToSerial(scan.now)) / 1000;
  return age_s < entry.ttl_s || age_s - entry.ttl_s < scan.keep_expired_s;
}

void Copy(const CacheEntry& entry, SnapshotScan& scan) {
  // A begun second counts as one: nothing becomes younger.
  SavedEntry saved{.age_s = (entry.AgeMs(ToSerial(scan.now)) + 999) / 1000,
                   .ttl_s = entry.ttl_s,
                   .good_left_s = 0,
                   .key_bits = entry.key_bits,
                   .apex_labels = entry.apex_labels,
                   .due = entry.due,
                   .over_udp = entry.over_udp,
                   .asked_again = entry.hits > 0 || (entry.in_main && scan.is_full),
                   .tail = entry.tail(),
                   .packet = entry.message()};
  if (saved.apex_labels == 0 && scan.apex_of) {
    saved.apex_labels = scan.apex_of(entry.name());
  }
  if (entry.IsLastGood(scan.now)) {
    saved.good_left_s = entry.good_until_s - static_cast<uint32_t>(scan.now.seconds());
  }
  AppendSaved(saved, scan.bytes);
  ++scan.entries;
}

// What the settings of today and the time that has passed leave of an entry.
struct Rest {
  uint32_t age_s = 0;
  uint32_t ttl_s = 0;        // from the time it was asked for
  uint32_t good_left_s = 0;  // from now
  bool over = true;
};

Rest RestOf(const SavedEntry& saved, const CacheAnswer& facts, const PacketCacheSettings& settings,
            const RestoreHow& how) {
  const bool may_be_fresh =
      how.freshness == RestoredFreshness::kWhatIsLeft && !settings.last_good && !saved.due;
  // Between two readings of a clock of whole seconds nearly one more may have passed.
  const uint64_t age_s = uint64_t{saved.age_s} + how.passed_s + (may_be_fresh ? 1 : 0);
  if (age_s >= kLongestStorage_s) return {};
  Rest rest{.age_s = static_cast<uint32_t>(age_s)};
  rest.ttl_s = std::min(saved.ttl_s, DecideStorageTtl(facts, settings, std::nullopt).seconds);
  const bool fresh = may_be_fresh && rest.age_s < rest.ttl_s;
  if (!fresh) rest.ttl_s = std::min(rest.ttl_s, rest.age_s);
  rest.over =
      !fresh && (settings.last_good || saved.due || rest.age_s - rest.ttl_s >= how.keep_expired_s);
  return rest;
}

struct Today {
  const PacketCacheSettings& settings;
  const RestoreHow& how;
  int64_t wall_s;
};

// The end of its signatures counts by today's clock.
uint32_t GoodLeft(const SavedEntry& saved, const CacheAnswer& facts, const Today& today) {
  const auto& [settings, how, wall_s] = today;
  if (!settings.last_good || IsTemporaryFailure(facts.rcode)) return 0;
  if (saved.good_left_s <= how.passed_s) return 0;
  const uint64_t age_s = uint64_t{saved.age_s} + how.passed_s;
  const uint32_t ttl_s = std::min(saved.ttl_s, kLongestStorage_s);
  const uint64_t longest =
      DecideGoodFor(facts, settings, ttl_s, wall_s - static_cast<int64_t>(age_s));
  if (longest <= age_s) return 0;
  return static_cast<uint32_t>(
      std::min<uint64_t>(saved.good_left_s - how.passed_s, longest - age_s));
}

// What came meanwhile and is kept for seconds alone, a bad answer or a standby's, must not cost the
// last good one.
bool GivesWay(const CacheEntry& held, const CacheEntry& restored, MonoTime now) {
  return restored.IsLastGood(now) && !held.IsLastGood(now);
}

}  // namespace

bool PacketCache::CopyForSnapshot(SnapshotScan& scan) const {
  CacheStore& store = impl_->store;
  const bool last_good = store.settings().last_good.has_value();
  // Until then entries come into the main queue without having been asked for again.
  scan.is_full = store.IsFull();
  ScanPosition position{scan.shard, scan.slot};
  size_t removed = 0;
  const bool more = store.ScanStep(position, removed, [&](CacheEntry& entry) {
    // What was flushed hard must not come back.
    if (store.IsGone(entry)) return true;
    if (IsWorthKeeping(entry, scan, last_good)) Copy(entry, scan);
    return false;
  });
  scan.shard = position.shard;
  scan.slot = position.slot;
  return more;
}

RestoreResult PacketCache::Restore(const SavedEntry& saved, const RestoreHow& how) {
  CacheStore& store = impl_->store;
  const PacketCacheSettings& settings = store.settings();
  CacheAnswer facts;
  if (saved.packet.size() > settings.maximum_entry_size || !ExamineAnswer(saved.packet, facts) ||
      facts.size != saved.packet.size() || facts.truncated) {
    return RestoreResult::kMalformed;
  }
  const auto name = saved.packet.subspan(dns::kHeaderSize, facts.question.name_length);
  const auto key = RebuildCacheKey({.name = name,
                                    .type = facts.question.type,
                                    .cls = facts.question.cls,
                                    .bits = saved.key_bits,
                                    .tail = saved.tail});
  if (!key) return RestoreResult::kMalformed;
  Rest rest = RestOf(saved, facts, settings, how);
  if (!IsExcepted(name, settings)) {
    rest.good_left_s = GoodLeft(saved, facts, {settings, how, impl_->clock.WallSeconds()});
  }
  if (rest.over && rest.good_left_s == 0) return RestoreResult::kOver;

  CacheEntryPtr entry = MakeCacheEntry(*key, saved.packet, facts);
  if (!entry) return RestoreResult::kFull;
  entry->asked_ms = ToSerial(how.now) - rest.age_s * 1000;
  entry->ttl_s = rest.ttl_s;
  if (rest.good_left_s != 0) {
    entry->good_until_s = static_cast<uint32_t>(how.now.seconds()) + rest.good_left_s;
  }
  // No flush of before can be undone now.
  entry->due = entry->due_for_good = saved.due;
  entry->apex_labels = saved.apex_labels;
  entry->over_udp = saved.over_udp;
  entry->asked_epoch = entry->checked_epoch = how.asked_epoch;

  CacheShard& shard = store.shard(store.ShardIndex(key->hash));
  CacheEntryPtr replaced;  // freed after the lock was let go
  const ShardGuard guard(shard.lock());
  if (EpochIsLater(store.flushes().oldest_storable_epoch(), how.asked_epoch)) {
    return RestoreResult::kOver;
  }
  if (CacheEntry* held = shard.Find(*key, key->bits, name).entry; held != nullptr) {
    if (!GivesWay(*held, *entry, how.now)) return RestoreResult::kKnown;
    const size_t more = entry->Footprint() - std::min(entry->Footprint(), held->Footprint());
    if (more != 0 && store.WouldBeOver(more)) return RestoreResult::kFull;
    if (entry->apex_labels == 0) entry->apex_labels = held->apex_labels;
    replaced = shard.Replace(held, std::move(entry));
    return RestoreResult::kTaken;
  }
  if (shard.IsFull() || store.WouldBeOver(entry->Footprint())) return RestoreResult::kFull;
  shard.Put(std::move(entry), {.hash = key->hash, .cache_is_full = false});
  return RestoreResult::kTaken;
}

}  // namespace breakwater
