#include "proxy/cache/packet_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/cache/cache_answer.h"
#include "proxy/cache/cache_dump.h"
#include "proxy/cache/cache_store.h"
#include "proxy/cache/cache_ttl.h"
#include "proxy/cache/sweeper.h"
#include "proxy/dns/header.h"

namespace breakwater {
namespace {

// An inserting shard evicts at most so many for one that comes in.
constexpr int kMaxEvictionsAStep = 8;

struct Verdict {
  CacheResult result = CacheResult::kMiss;
  TtlRewrite rewrite;
};

Verdict JudgeAge(const CacheEntry& entry, const CacheLookup& how,
                 const PacketCacheSettings& settings) {
  const SerialMs now = ToSerial(how.now);
  const uint32_t age_s = entry.AgeMs(now) / 1000;
  Verdict verdict;
  if (entry.IsFresh(now)) {
    verdict.result = CacheResult::kFresh;
    if (!settings.dont_age) verdict.rewrite.age_s = age_s;
  } else if (how.allow_expired_s != 0 && age_s - entry.ttl_s < how.allow_expired_s) {
    verdict.result = CacheResult::kStale;
    if (!settings.dont_age) verdict.rewrite.fixed_s = settings.stale_ttl;
  }
  return verdict;
}

// What a look-up found that can be served: null for a miss.
struct Candidate {
  CacheEntry* entry = nullptr;
  Verdict verdict;
};

}  // namespace

struct PacketCache::Impl {
  Impl(const PacketCacheSettings& settings, const Clock& the_clock)
      : store(settings), sweeper(store), clock(the_clock) {}

  // The entry for these key bits that may be served. What a hard flush took goes to `garbage`.
  Candidate FindServable(CacheShard& shard, const CacheKey& key, uint16_t bits,
                         const CacheLookup& how, std::span<const uint8_t> name,
                         CacheEntryPtr& garbage);
  bool MayReplace(CacheEntry& held, const CacheEntry& offered, const CacheInsert& how);
  bool Store(CacheShard& shard, CacheEntryPtr entry, const CacheKey& key, const CacheInsert& how);

  CacheStore store;
  Sweeper sweeper;
  const Clock& clock;
};

Candidate PacketCache::Impl::FindServable(CacheShard& shard, const CacheKey& key, uint16_t bits,
                                          const CacheLookup& how, std::span<const uint8_t> name,
                                          CacheEntryPtr& garbage) {
  const CacheShard::Found found = shard.Find(key, bits, name);
  if (found.collision) ++shard.counters().lookup_collisions;
  if (found.entry == nullptr) return {};
  if (store.IsGone(*found.entry)) {
    garbage = shard.Remove(found.entry);
    return {};
  }
  if (found.entry->due) return {};
  const Verdict verdict = JudgeAge(*found.entry, how, store.settings());
  if (verdict.result == CacheResult::kMiss) return {};
  return {found.entry, verdict};
}

void PacketCache::FetchIndex(const CacheKey& key) const {
  impl_->store.shard(impl_->store.ShardIndex(key.hash)).FetchIndex(key.hash);
}
void PacketCache::FetchEntry(const CacheKey& key) const {
  impl_->store.shard(impl_->store.ShardIndex(key.hash)).FetchEntry(key.hash);
}

CacheHit PacketCache::Lookup(const CacheKey& key, std::span<uint8_t> buffer, size_t name_length,
                             const CacheLookup& how) {
  CacheStore& store = impl_->store;
  CacheShard& shard = store.shard(store.ShardIndex(key.hash));
  const auto name = std::span<const uint8_t>(buffer).subspan(dns::kHeaderSize, name_length);
  CacheEntryPtr garbage;  // freed after the lock was let go
  CacheEntryPtr truncated_garbage;
  const ShardGuard guard(shard.lock());
  Candidate hit = impl_->FindServable(shard, key, key.bits, how, name, garbage);
  if (hit.entry == nullptr && how.datagram && store.settings().truncated_ttl != 0) {
    const auto bits = static_cast<uint16_t>(key.bits | kKeyTruncated);
    hit = impl_->FindServable(shard, key, bits, how, name, truncated_garbage);
  }
  if (hit.entry == nullptr || hit.entry->length > buffer.size()) {
    ++shard.counters().misses;
    return {};
  }
  CopyToClient(*hit.entry, hit.verdict.rewrite, buffer.data());
  if (store.settings().shuffle) ShuffleAddresses(*hit.entry, buffer.data(), shard.random());
  CacheShard::Touch(hit.entry);
  ++shard.counters().hits;
  return {hit.verdict.result, hit.entry->length};
}

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
  const StorageTtl ttl = DecideStorageTtl(facts, settings, how.temporary_failure_ttl);
  if (ttl.seconds == 0) {
    const ShardGuard guard(shard.lock());
    if (ttl.too_short) ++shard.counters().ttl_too_shorts;
    return false;
  }
  CacheEntryPtr entry = MakeCacheEntry(key, answer, facts);
  if (!entry || (settings.max_bytes != 0 && entry->Footprint() > settings.max_bytes)) return false;
  entry->ttl_s = ttl.seconds;
  entry->asked_ms = ToSerial(how.asked);
  entry->asked_epoch = how.asked_epoch;
  entry->checked_epoch = how.asked_epoch;
  entry->over_udp = how.datagram;
  return impl_->Store(shard, std::move(entry), key, how);
}

bool PacketCache::Impl::MayReplace(CacheEntry& held, const CacheEntry& offered,
                                   const CacheInsert& how) {
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
    const CacheShard::Found found = shard.Find(key, entry->key_bits, entry->name());
    if (found.collision) ++shard.counters().insert_collisions;
    if (found.entry != nullptr) {
      if (!MayReplace(*found.entry, *entry, how)) {
        garbage[freed++] = std::move(entry);
        return false;
      }
      garbage[freed++] = shard.Replace(found.entry, std::move(entry));
    } else {
      const bool full = store.WouldBeOver(entry->Footprint());
      while (freed < kMaxEvictionsAStep && shard.size() != 0 &&
             (shard.IsFull() || store.WouldBeOver(entry->Footprint()))) {
        garbage[freed++] = shard.EvictOne();
        ++shard.counters().evictions;
      }
      shard.Put(std::move(entry), {key.hash, full});
    }
  }
  if (store.IsOverBounds()) store.EvictElsewhere(store.ShardIndex(key.hash));
  return true;
}

TextResult<std::shared_ptr<PacketCache>> PacketCache::Make(const PacketCacheSettings& settings,
                                                           const Clock& clock) {
  constexpr size_t kMostEntries = 1'000'000'000;
  if (settings.max_entries == 0) {
    return Fail(std::string("a packet cache needs room for at least one entry"));
  }
  if (settings.max_entries > kMostEntries) {
    return Fail(fmt::format("a packet cache holds at most {} entries, not {}", kMostEntries,
                            settings.max_entries));
  }
  PacketCacheSettings checked = settings;
  auto& ranks = checked.key.payload_ranks;
  std::erase_if(ranks,
                [&](uint16_t rank) { return rank < 512 || rank > settings.maximum_entry_size; });
  std::sort(ranks.begin(), ranks.end());
  return std::shared_ptr<PacketCache>(new PacketCache(std::make_unique<Impl>(checked, clock)));
}

PacketCache::PacketCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PacketCache::~PacketCache() = default;

const PacketCacheSettings& PacketCache::settings() const {
  return impl_->store.settings();
}
uint32_t PacketCache::epoch() const {
  return impl_->store.flushes().epoch();
}

FlushId PacketCache::Flush(const FlushRequest& request) {
  return impl_->store.flushes().Flush(request, impl_->clock.Now());
}
UndoResult PacketCache::Undo(FlushId id) {
  return impl_->store.flushes().Undo(id);
}
std::optional<FlushStatus> PacketCache::StatusOf(FlushId id) const {
  return impl_->store.flushes().StatusOf(id);
}

size_t PacketCache::Sweep(size_t max_entries, ExpiredEntries expired) {
  const bool keep_stale = expired == ExpiredEntries::kKeep;
  return impl_->sweeper.Run({impl_->clock.Now(), max_entries, keep_stale});
}

size_t PacketCache::ExpungeByName(const ExpungeRequest& request) {
  size_t removed = 0;
  ScanPosition position;
  const auto applies = [&](const CacheEntry& entry) {
    if (request.type && entry.type() != *request.type) return false;
    if (!request.suffix) return dns::EqualFold(entry.name(), request.name.wire());
    const auto own = dns::Name::FromWire(entry.name());
    return own && own->IsPartOf(request.name);
  };
  while (impl_->store.ScanStep(position, removed, applies)) {
  }
  return removed;
}

size_t PacketCache::Expunge(size_t down_to) {
  CacheStore& store = impl_->store;
  size_t removed = 0;
  bool progress = true;
  while (progress && store.entry_count() > down_to) {
    progress = false;
    // Each shard in turn gives its part of what is too much, so that none is emptied alone.
    const size_t excess = store.entry_count() - down_to;
    const size_t part = std::min(excess / store.shard_count() + 1, kScanStep);
    for (size_t i = 0; i < store.shard_count() && store.entry_count() > down_to; ++i) {
      std::vector<CacheEntryPtr> garbage;
      garbage.reserve(part);
      CacheShard& shard = store.shard(i);
      const ShardGuard guard(shard.lock());
      while (garbage.size() < part && shard.size() != 0 && store.entry_count() > down_to) {
        garbage.push_back(shard.EvictOne());
      }
      removed += garbage.size();
      progress |= !garbage.empty();
    }
  }
  return removed;
}

size_t PacketCache::PurgeExpired(size_t down_to) {
  const SerialMs now = ToSerial(impl_->clock.Now());
  CacheStore& store = impl_->store;
  size_t removed = 0;
  size_t excess = store.entry_count() > down_to ? store.entry_count() - down_to : 0;
  ScanPosition position;
  const auto applies = [&](const CacheEntry& entry) {
    if (excess == 0 || entry.IsFresh(now)) return false;
    --excess;
    return true;
  };
  while (excess != 0 && store.ScanStep(position, removed, applies)) {
  }
  store.cleanup_count().fetch_add(1, std::memory_order_relaxed);
  return removed;
}

size_t PacketCache::EntryCount() const {
  return impl_->store.entry_count();
}
bool PacketCache::IsFull() const {
  return impl_->store.IsFull();
}

PacketCacheStats PacketCache::Stats() const {
  CacheStore& store = impl_->store;
  PacketCacheStats stats;
  stats.cleanup_count = store.cleanup_count().load(std::memory_order_relaxed);
  stats.entries = store.entry_count();
  stats.max_entries = store.settings().max_entries;
  stats.bytes = store.byte_count();
  stats.flushes = store.flushes().flush_count();
  for (size_t i = 0; i < store.shard_count(); ++i) {
    CacheShard& shard = store.shard(i);
    const ShardGuard guard(shard.lock());
    const ShardCounters& counters = shard.counters();
    stats.hits += counters.hits;
    stats.misses += counters.misses;
    stats.lookup_collisions += counters.lookup_collisions;
    stats.insert_collisions += counters.insert_collisions;
    stats.ttl_too_shorts += counters.ttl_too_shorts;
    stats.evictions += counters.evictions;
  }
  return stats;
}

std::string PacketCache::ToString() const {
  return fmt::format("{}/{}", EntryCount(), settings().max_entries);
}

TextResult<size_t> PacketCache::Dump(const std::string& path, DumpFormat format) const {
  const bool raw = format == DumpFormat::kTextAndAnswer;
  return DumpCache(impl_->store, path, {impl_->clock.Now(), raw});
}

std::vector<dns::Name> PacketCache::DomainsByAddress(const Address& address) const {
  return FindDomainsByAddress(impl_->store, address);
}

std::vector<Address> PacketCache::AddressesByDomain(const dns::Name& name) const {
  return FindAddressesByDomain(impl_->store, name);
}

}  // namespace breakwater
