#include "proxy/cache/packet_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/cache/cache_dump.h"
#include "proxy/cache/packet_cache_impl.h"
#include "proxy/dns/header.h"

namespace breakwater {
namespace {

CacheServing JudgeAge(const CacheEntry& entry, const CacheLookup& how,
                      const PacketCacheSettings& settings) {
  const SerialMs now = ToSerial(how.now);
  const uint32_t age_s = entry.AgeMs(now) / 1000;
  CacheServing verdict;
  if (entry.IsFresh(now)) {
    verdict.result = CacheResult::kFresh;
    if (!settings.dont_age) verdict.rewrite.age_s = age_s;
  } else if (how.allow_expired_s != 0 && age_s - entry.ttl_s < how.allow_expired_s) {
    verdict.result = CacheResult::kStale;
    if (!settings.dont_age) verdict.rewrite.fixed_s = settings.stale_ttl;
  }
  return verdict;
}

}  // namespace

CacheCandidate PacketCache::Impl::FindServable(CacheShard& shard, const Search& search,
                                               CacheEntryPtr& garbage) {
  const CacheShard::Found found = shard.Find(search.key, search.bits, search.name);
  if (found.collision) ++shard.counters().lookup_collisions;
  CacheEntry* entry = found.entry;
  if (entry == nullptr) return FindServableSibling(shard, search, garbage);
  if (store.IsGone(*entry)) {
    garbage = shard.Remove(entry);
    return {};
  }
  if (entry->bad) {
    const CacheCandidate better = FindServableSibling(shard, search, garbage);
    if (better.entry != nullptr || better.due) return better;
  }
  if (!entry->due) {
    const CacheServing serving = JudgeAge(*entry, search.how, store.settings());
    if (serving.result != CacheResult::kMiss) return {.entry = entry, .serving = serving};
  }
  const CacheCandidate own = AsLastGood(*entry, search.how);
  if (own.entry != nullptr || own.due) return own;
  return FindServableSibling(shard, search, garbage);
}

// A bad answer to this very question says nothing of how good another's is.
CacheCandidate PacketCache::Impl::FindServableSibling(CacheShard& shard, const Search& search,
                                                      CacheEntryPtr& garbage) {
  if (!store.settings().last_good || (search.bits & kKeyTruncated) != 0) return {};
  CacheEntry* entry = shard.FindSibling(search.key, search.name, search.how.now);
  if (entry == nullptr) return {};
  if (store.IsGone(*entry)) {
    garbage = shard.Remove(entry);
    return {};
  }
  return AsLastGood(*entry, search.how);
}

bool PacketCache::Impl::EndsSoon(CacheEntry& entry, MonoTime now) {
  const auto& ahead = store.settings().refresh_ahead;
  if (!ahead || entry.asked_ahead || entry.bad || entry.hits < ahead->hits) return false;
  if ((entry.key_bits & kKeyTruncated) != 0) return false;
  const double life_ms = entry.ttl_s * 1000.0;
  if (entry.AgeMs(ToSerial(now)) < life_ms * (1 - ahead->share)) return false;
  if (!ahead_budget.Take(now)) return false;
  entry.asked_ahead = true;
  return true;
}

// Held entries are served until it is time to try again. Then the first to ask goes to the
// backend, and whoever comes after it is served for another while. After an outage many are due at
// once: those for which there is no turn are served until there is one, unless they were flushed.
bool PacketCache::Impl::IsServedWhereHeld(CacheEntry& entry, MonoTime now) {
  if (!entry.held) return false;
  if (MsSince(entry.retry_ms, ToSerial(now)) > 0) return true;
  if (!entry.due && !recheck_budget.Take(now)) return true;
  entry.retry_ms = ToSerial(now) + store.settings().last_good->recheck;
  return false;
}

bool PacketCache::Impl::MayServeLastGood(CacheEntry& entry, const CacheLookup& how) {
  switch (how.last_good) {
    case LastGoodUse::kWhereHeld:
      return IsServedWhereHeld(entry, how.now);
    case LastGoodUse::kUnlessFlushed:
      return !entry.due;
    case LastGoodUse::kAny:
      return true;
  }
  return false;
}

CacheCandidate PacketCache::Impl::AsLastGood(CacheEntry& entry, const CacheLookup& how) {
  const auto& last_good = store.settings().last_good;
  if (!last_good || !entry.IsLastGood(how.now)) return {};
  if (!MayServeLastGood(entry, how)) return {.due = true};
  if (how.no_server && !entry.held && !entry.due) {
    entry.held = true;
    entry.retry_ms = ToSerial(how.now);
  }
  return {.entry = &entry, .serving = {CacheResult::kLastGood, {.fixed_s = last_good->ttl_s}}};
}

void PacketCache::FetchIndex(const CacheKey& key) const {
  impl_->store.FetchSlot(key.hash);
}
void PacketCache::FetchEntry(const CacheKey& key) const {
  impl_->store.FetchEntry(key.hash);
}

CacheHit PacketCache::Lookup(const CacheKey& key, std::span<uint8_t> buffer, size_t name_length,
                             const CacheLookup& how) {
  CacheStore& store = impl_->store;
  CacheShard& shard = store.shard(store.ShardIndex(key.hash));
  const auto name = std::span<const uint8_t>(buffer).subspan(dns::kHeaderSize, name_length);
  CacheEntryPtr garbage;  // freed after the lock was let go
  CacheEntryPtr truncated_garbage;
  const ShardGuard guard(shard.lock());
  CacheCandidate hit = impl_->FindServable(shard, {key, key.bits, name, how}, garbage);
  const bool due = hit.due;
  if (hit.entry == nullptr && how.datagram && store.settings().truncated_ttl != 0) {
    const auto bits = static_cast<uint16_t>(key.bits | kKeyTruncated);
    hit = impl_->FindServable(shard, {key, bits, name, how}, truncated_garbage);
  }
  if (hit.entry == nullptr || hit.entry->length > buffer.size()) {
    ++shard.counters().misses;
    return {.due = due};
  }
  if (hit.serving.result == CacheResult::kFresh && impl_->EndsSoon(*hit.entry, how.now)) {
    return {.ends_soon = true};
  }
  CopyToClient(*hit.entry, hit.serving.rewrite, buffer.data());
  if (store.settings().shuffle) ShuffleAddresses(*hit.entry, buffer.data(), shard.random());
  CacheShard::Touch(hit.entry);
  ++(hit.serving.result == CacheResult::kLastGood ? shard.counters().last_good_hits
                                                  : shard.counters().hits);
  return {.result = hit.serving.result,
          .size = hit.entry->length,
          .foreign_opt = (hit.entry->key_bits & kKeyEdns) != 0 && (key.bits & kKeyEdns) == 0};
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

FlushId PacketCache::Flush(const FlushRequest& request, std::string_view caller) {
  const FlushId id = impl_->store.flushes().Flush(request, impl_->clock.Now(), caller);
  if (request.hard) impl_->TellGone(request);
  return id;
}
void PacketCache::Impl::TellGone(const FlushRequest& request) {
  if (const auto listener = hard_flushes.Copy(); listener != nullptr) (*listener)(request);
}
FlushShare PacketCache::ShareOf(std::string_view caller) const {
  return impl_->store.flushes().ShareOf(caller);
}
void PacketCache::TellHardFlushes(HardFlushListener listener) {
  auto shared = listener ? std::make_shared<const HardFlushListener>(std::move(listener)) : nullptr;
  impl_->hard_flushes.With([&](auto& held) { held = std::move(shared); });
}
UndoResult PacketCache::Undo(FlushId id) {
  return impl_->store.flushes().Undo(id);
}
std::optional<FlushStatus> PacketCache::StatusOf(FlushId id) const {
  return impl_->store.flushes().StatusOf(id);
}

size_t PacketCache::Sweep(size_t max_slots, ExpiredEntries expired) {
  const bool keep_stale = expired == ExpiredEntries::kKeep;
  return impl_->sweeper.Run({impl_->clock.Now(), max_slots, keep_stale});
}

size_t PacketCache::SlotCount() const {
  return impl_->store.slot_count();
}
PacketCache::FlushesHeld PacketCache::HeldFlushes() const {
  const FlushTable& flushes = impl_->store.flushes();
  if (flushes.empty()) return FlushesHeld::kNone;
  return flushes.AllSwept() ? FlushesHeld::kSwept : FlushesHeld::kUnswept;
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
  impl_->TellGone(
      {.name = request.name, .type = request.type, .suffix = request.suffix, .hard = true});
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
  if (down_to == 0) impl_->TellGone({.name = {}, .suffix = true, .hard = true});
  return removed;
}

size_t PacketCache::PurgeExpired(size_t down_to) {
  const MonoTime time = impl_->clock.Now();
  const SerialMs now = ToSerial(time);
  CacheStore& store = impl_->store;
  size_t removed = 0;
  size_t excess = store.entry_count() > down_to ? store.entry_count() - down_to : 0;
  ScanPosition position;
  const auto applies = [&](const CacheEntry& entry) {
    if (excess == 0 || entry.IsFresh(now) || entry.IsLastGood(time)) return false;
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
    stats.last_good_hits += counters.last_good_hits;
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
