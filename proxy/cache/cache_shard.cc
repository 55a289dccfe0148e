#include "proxy/cache/cache_shard.h"

#include <algorithm>

#include "proxy/base/random.h"

namespace breakwater {
namespace {

// A step of the eviction passes over at most so many entries that were asked for, so that it is
// bounded even where all were.
constexpr int kMaxSecondChances = 32;

}  // namespace

CacheShard::CacheShard(size_t max_entries, SlotRange slots, CacheTotals& totals)
    : random_(RandomU64() | 1), max_entries_(max_entries), slots_(slots), totals_(totals) {}

CacheShard::~CacheShard() {
  for (size_t slot = 0; slot < slots_.count; ++slot) {
    if (slots_.Tag(slot) != kEmptyTag) CacheEntryPtr(slots_.Entry(slot)).reset();
  }
}

CacheShard::Found CacheShard::Find(const CacheKey& key, uint16_t bits,
                                   std::span<const uint8_t> name) const {
  const uint16_t tag = TagOf(key.hash);
  const auto hash = static_cast<uint32_t>(key.hash);
  Found found;
  // Each of these is a wait for memory in a large cache: the waits may overlap.
  Prefetch(&slots_.entries[slots_.Home(hash)]);
  for (size_t slot = slots_.Home(hash); slots_.Tag(slot) != kEmptyTag; slot = slots_.Next(slot)) {
    if (slots_.Tag(slot) != tag) continue;
    CacheEntry* entry = slots_.Entry(slot);
    Prefetch(reinterpret_cast<const uint8_t*>(entry) + 64);
    if (entry->hash != hash) continue;
    if (entry->Matches(key, bits, name)) {
      found.entry = entry;
      return found;
    }
    // Answers to one question that were asked for with other flags share the hash by design.
    found.collision |= !entry->MatchesQuestion(key, name);
  }
  return found;
}

CacheEntry* CacheShard::FindSibling(const CacheKey& key, std::span<const uint8_t> name,
                                    MonoTime now) const {
  if (key.tail_length != 0) return nullptr;
  const auto hash = static_cast<uint32_t>(key.hash);
  CacheEntry* newest = nullptr;
  for (size_t slot = slots_.Home(hash); slots_.Tag(slot) != kEmptyTag; slot = slots_.Next(slot)) {
    CacheEntry* entry = slots_.Entry(slot);
    if (entry->hash != hash || !entry->IsLastGood(now)) continue;
    if (!entry->MaySpeakFor(key.bits) || !entry->MatchesQuestion(key, name)) continue;
    if (newest == nullptr || MsSince(entry->asked_ms, newest->asked_ms) != 0) newest = entry;
  }
  return newest;
}

void CacheShard::LetGoSiblings(const CacheEntry& stored, const CacheKey& key) {
  if (key.tail_length != 0) return;
  for (size_t slot = slots_.Home(stored.hash); slots_.Tag(slot) != kEmptyTag;
       slot = slots_.Next(slot)) {
    CacheEntry* entry = slots_.Entry(slot);
    if (entry == &stored || entry->hash != stored.hash || !entry->held) continue;
    if (entry->MatchesQuestion(key, stored.name())) entry->held = false;
  }
}

void CacheShard::Put(CacheEntryPtr owned, const PutOptions& options) {
  CacheEntry* entry = owned.release();
  size_t slot = slots_.Home(entry->hash);
  while (slots_.Tag(slot) != kEmptyTag) slot = slots_.Next(slot);
  slots_.Set(slot, TagOf(options.hash), entry);
  Count(*entry, 1);
  entry->in_main = false;
  entry->hits = 0;
  probation_.Push(entry);
  // Bad answers stay where they go first: no flood of them takes the place of good ones.
  if (!options.cache_is_full && ProbationIsOver() && !probation_.oldest()->bad) {
    MoveToMain(probation_.oldest());
  }
}

CacheEntryPtr CacheShard::Replace(CacheEntry* old, CacheEntryPtr owned) {
  CacheEntry* entry = owned.release();
  slots_.entries[SlotOf(old)].store(entry, std::memory_order_relaxed);
  entry->hits = old->hits;
  entry->in_main = old->in_main;
  QueueOf(old).Replace(old, entry);
  Count(*old, -1);
  Count(*entry, 1);
  return CacheEntryPtr(old);
}

CacheEntryPtr CacheShard::Remove(CacheEntry* entry) {
  EraseSlot(SlotOf(entry));
  QueueOf(entry).Remove(entry);
  Count(*entry, -1);
  return CacheEntryPtr(entry);
}

CacheEntryPtr CacheShard::EvictOne() {
  if (size() == 0) return nullptr;
  for (int chances = 0; chances < kMaxSecondChances; ++chances) {
    if (main_.size() == 0 || ProbationIsOver()) {
      CacheEntry* entry = probation_.oldest();
      if (entry->hits == 0 || entry->bad) return Remove(entry);
      MoveToMain(entry);
    } else {
      CacheEntry* entry = main_.oldest();
      if (entry->hits == 0) return Remove(entry);
      --entry->hits;
      main_.Remove(entry);
      main_.Push(entry);
    }
  }
  return Remove(main_.size() != 0 ? main_.oldest() : probation_.oldest());
}

void CacheShard::MoveToMain(CacheEntry* entry) {
  probation_.Remove(entry);
  entry->in_main = true;
  entry->hits = 0;
  main_.Push(entry);
}

size_t CacheShard::SlotOf(const CacheEntry* entry) const {
  size_t slot = slots_.Home(entry->hash);
  while (slots_.Entry(slot) != entry || slots_.Tag(slot) == kEmptyTag) slot = slots_.Next(slot);
  return slot;
}

void CacheShard::EraseSlot(size_t slot) {
  size_t hole = slot;
  for (size_t next = slots_.Next(slot); slots_.Tag(next) != kEmptyTag; next = slots_.Next(next)) {
    // An entry may move back to the hole unless its home lies behind it, on the way round.
    const size_t home = slots_.Home(slots_.Entry(next)->hash);
    const size_t from_home = next >= home ? next - home : next + slots_.count - home;
    const size_t from_hole = next >= hole ? next - hole : next + slots_.count - hole;
    if (from_home < from_hole) continue;
    slots_.Set(hole, slots_.Tag(next), slots_.Entry(next));
    hole = next;
  }
  slots_.Set(hole, kEmptyTag, nullptr);
}

void CacheShard::Count(const CacheEntry& entry, int sign) {
  if (sign > 0) {
    totals_.entries.fetch_add(1, std::memory_order_relaxed);
    totals_.bytes.fetch_add(entry.Footprint(), std::memory_order_relaxed);
  } else {
    totals_.entries.fetch_sub(1, std::memory_order_relaxed);
    totals_.bytes.fetch_sub(entry.Footprint(), std::memory_order_relaxed);
  }
}

}  // namespace breakwater
