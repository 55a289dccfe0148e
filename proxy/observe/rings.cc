#include "proxy/observe/rings.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/prefetch.h"
#include "proxy/base/shard_lock.h"

namespace breakwater {
namespace {

constexpr size_t kHeaderSize = 12;
constexpr size_t kVisitedAtOnce = 64;  // some 25 kB: a few microseconds under a shard's lock

uint16_t U16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

bool IsRecordable(const RingRecord& record) {
  return !record.name.empty() && record.name.size() <= dns::kMaxNameLength &&
         record.message.size() >= kHeaderSize;
}

// Only as much of the name is written as there is.
void Fill(RingEntry& entry, const RingRecord& record) {
  const auto message = record.message;
  entry.when = record.now;
  entry.client = record.client;
  entry.type = record.type;
  entry.protocol = record.protocol;
  entry.size = static_cast<uint16_t>(std::min<size_t>(message.size(), UINT16_MAX));
  entry.id = U16(message, 0);
  entry.flags = U16(message, 2);
  entry.answers = U16(message, 6);
  entry.name_length = static_cast<uint8_t>(record.name.size());
  std::memcpy(entry.name_wire.data(), record.name.data(), record.name.size());
}

}  // namespace

dns::Name RingEntry::Name() const {
  return dns::Name::FromWire({name_wire.data(), name_length}).value_or(dns::Name());
}

// Its entries are a part of Rings::Memory.
template <typename Entry>
struct Rings::Ring {
  std::span<Entry> entries;
  size_t used = 0;
  size_t next = 0;

  // The oldest entry, to be overwritten; null where nothing is kept.
  Entry* Next() {
    if (entries.empty()) return nullptr;
    Entry* slot = &entries[next];
    next = next + 1 == entries.size() ? 0 : next + 1;
    used = std::min(used + 1, entries.size());
    // A ring is larger than the processor's cache, and the unlocking waits for what was written:
    // the entry after this one is fetched now, a few queries ahead.
    const auto* const ahead = reinterpret_cast<const uint8_t*>(&entries[next]);
    __builtin_prefetch(ahead, 1);
    __builtin_prefetch(ahead + 64, 1);
    return slot;
  }
  void CopyTo(std::vector<Entry>& out) const {
    out.insert(out.end(), entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(used));
  }
};

struct Rings::Shard {
  mutable ShardLock lock;
  Ring<RingQuery> queries BW_GUARDED_BY(lock);
  Ring<RingResponse> responses BW_GUARDED_BY(lock);
};

Rings::Rings(const RingSettings& settings) : settings_(settings) {
  const size_t count = std::max<size_t>(1, settings.shards);
  const size_t each = (settings.entries + count - 1) / count;
  if (settings.record_queries) queries_.resize(count * each);
  if (settings.record_responses) responses_.resize(count * each);
  for (size_t i = 0; i < count; ++i) {
    auto shard = std::make_unique<Shard>();
    const ShardGuard guard(shard->lock);
    if (settings.record_queries)
      shard->queries.entries = std::span(queries_).subspan(i * each, each);
    if (settings.record_responses) {
      shard->responses.entries = std::span(responses_).subspan(i * each, each);
    }
    shards_.push_back(std::move(shard));
  }
}

Rings::~Rings() = default;

bool Rings::Sampled(uint32_t& seen) const {
  return settings_.sampling_rate <= 1 || seen++ % settings_.sampling_rate == 0;
}

template <typename Entry, typename Write>
void Rings::WithFreeRing(RingCursor& cursor, Ring<Entry> Shard::*ring, Write&& write) {
  for (size_t attempt = 0; attempt <= settings_.lock_retries; ++attempt) {
    Shard& shard = *shards_[cursor.next_shard < shards_.size() ? cursor.next_shard : 0];
    cursor.next_shard = cursor.next_shard + 1 < shards_.size() ? cursor.next_shard + 1 : 0;
    Prefetch(shards_[cursor.next_shard].get());
    if (!shard.lock.try_lock()) continue;
    write(shard.*ring);
    shard.lock.unlock();
    return;
  }
  given_up_.fetch_add(1, std::memory_order_relaxed);
}

void Rings::AddQuery(RingCursor& cursor, const RingRecord& record) {
  if (!settings_.record_queries || !Sampled(cursor.queries_seen)) return;
  if (!IsRecordable(record)) return;
  WithFreeRing(cursor, &Shard::queries, [&](auto& queries) {
    if (RingQuery* slot = queries.Next()) Fill(*slot, record);
  });
}

void Rings::AddResponse(RingCursor& cursor, const RingRecord& record, uint32_t latency_us,
                        const Address& backend) {
  if (!settings_.record_responses || !Sampled(cursor.responses_seen)) return;
  if (!IsRecordable(record)) return;
  WithFreeRing(cursor, &Shard::responses, [&](auto& responses) {
    RingResponse* slot = responses.Next();
    if (slot == nullptr) return;
    Fill(*slot, record);
    slot->latency_us = latency_us;
    slot->backend = backend;
    if (latency_us == kRingTimeout) slot->size = slot->flags = slot->answers = 0;
  });
}

void Rings::AddTimeout(RingCursor& cursor, const RingRecord& record, const Address& backend) {
  AddResponse(cursor, record, kRingTimeout, backend);
}

std::vector<RingQuery> Rings::Queries() const {
  std::vector<RingQuery> out;
  for (const auto& shard : shards_) {
    const ShardGuard guard(shard->lock);
    shard->queries.CopyTo(out);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.when < b.when; });
  return out;
}

std::vector<RingResponse> Rings::Responses() const {
  std::vector<RingResponse> out;
  for (const auto& shard : shards_) {
    const ShardGuard guard(shard->lock);
    shard->responses.CopyTo(out);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.when < b.when; });
  return out;
}

template <typename Entry>
void Rings::Visit(Ring<Entry> Shard::*ring, MonoTime since,
                  const std::function<void(const Entry&)>& visit) const {
  std::vector<Entry> some;
  some.reserve(kVisitedAtOnce);
  for (const auto& shard : shards_) {
    size_t at = 0;
    bool more = true;
    while (more) {
      some.clear();
      {
        const ShardGuard guard(shard->lock);
        const Ring<Entry>& from = (*shard).*ring;
        const size_t end = std::min(from.used, at + kVisitedAtOnce);
        for (; at < end; ++at) {
          if (from.entries[at].when >= since) some.push_back(from.entries[at]);
        }
        more = at < from.used;
      }
      for (const Entry& entry : some) visit(entry);
    }
  }
}

void Rings::VisitQueries(MonoTime since, const std::function<void(const RingQuery&)>& visit) const {
  Visit(&Shard::queries, since, visit);
}

void Rings::VisitResponses(MonoTime since,
                           const std::function<void(const RingResponse&)>& visit) const {
  Visit(&Shard::responses, since, visit);
}

void Rings::Clear() {
  for (const auto& shard : shards_) {
    const ShardGuard guard(shard->lock);
    shard->queries.used = shard->queries.next = 0;
    shard->responses.used = shard->responses.next = 0;
  }
}

}  // namespace breakwater
