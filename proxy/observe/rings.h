// The last queries and answers, kept for topQueries(), grepq() and their like. Bounded: a fixed
// number of entries, each with its name inside, so that recording allocates nothing. Sharded;
// a worker goes round the shards, skips one that is busy, and after a few tries gives the entry
// up (counted) rather than wait. Shared by all workers; owned by the server.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/dns/name.h"
#include "proxy/dns/types.h"
#include "proxy/query/protocol.h"

namespace breakwater {

struct RingSettings {
  size_t entries = 10000;  // of each kind, over all shards
  size_t shards = 10;
  size_t lock_retries = 5;  // busy shards skipped before an entry is given up
  bool record_queries = true;
  bool record_responses = true;
  uint32_t sampling_rate = 0;  // one of so many is kept; 0 and 1: all
};

// What queries and answers have in common.
struct RingEntry {
  MonoTime when;
  Address client;
  dns::Type type{};
  Protocol protocol = Protocol::kDoUdp;
  uint16_t size = 0;     // of the message; 0 for a time-out
  uint16_t id = 0;       // host order
  uint16_t flags = 0;    // host order: QR, AA, TC, RD, rcode ...
  uint16_t answers = 0;  // ANCOUNT
  // Of answers alone. In front of the name, so that a short entry is written in two lines of
  // memory.
  uint32_t latency_us = 0;  // kRingTimeout where no answer came
  Address backend;          // unset for a cache hit
  uint8_t name_length = 0;
  std::array<uint8_t, dns::kMaxNameLength> name_wire;  // name_length octets of it are set

  // The root where the bytes are no name.
  dns::Name Name() const;
};

inline constexpr uint32_t kRingTimeout = UINT32_MAX;

struct RingQuery : RingEntry {};
struct RingResponse : RingEntry {};

// What is recorded: the message as it stands, and the name asked for in uncompressed wire form,
// which need not be in the message. What has no header or no name is not recorded.
struct RingRecord {
  MonoTime now;
  const Address& client;
  Protocol protocol;
  std::span<const uint8_t> message;
  std::span<const uint8_t> name;
  dns::Type type;
};

// Where one worker goes on; one per thread.
struct RingCursor {
  uint32_t next_shard = 0;
  uint32_t queries_seen = 0;
  uint32_t responses_seen = 0;
};

class Rings {
 public:
  explicit Rings(const RingSettings& settings);
  ~Rings();
  Rings(const Rings&) = delete;
  Rings& operator=(const Rings&) = delete;

  const RingSettings& settings() const { return settings_; }
  // Any thread, each with its own cursor. No allocation, never waits.
  void AddQuery(RingCursor& cursor, const RingRecord& record);
  // `backend` unset: from the cache.
  void AddResponse(RingCursor& cursor, const RingRecord& record, uint32_t latency_us,
                   const Address& backend);
  // No answer came; `record.message` is the query.
  void AddTimeout(RingCursor& cursor, const RingRecord& record, const Address& backend);

  // Copies, oldest first. Any thread; holds one shard at a time.
  std::vector<RingQuery> Queries() const;
  std::vector<RingResponse> Responses() const;
  // Calls `visit` with each entry not older than `since`, in no order over all. A few are copied
  // out of a shard at a time: `visit` runs without a lock, and those who record never wait for
  // it. Any thread.
  void VisitQueries(MonoTime since, const std::function<void(const RingQuery&)>& visit) const;
  void VisitResponses(MonoTime since, const std::function<void(const RingResponse&)>& visit) const;
  void Clear();
  // Entries not recorded because every shard tried was busy.
  uint64_t given_up() const { return given_up_.load(std::memory_order_relaxed); }

 private:
  template <typename Entry>
  struct Ring;
  struct Shard;
  bool Sampled(uint32_t& seen) const;
  template <typename Entry>
  void Visit(Ring<Entry> Shard::*ring, MonoTime since,
             const std::function<void(const Entry&)>& visit) const;
  template <typename Entry, typename Write>
  void WithFreeRing(RingCursor& cursor, Ring<Entry> Shard::*ring, Write&& write);

  RingSettings settings_;
  // All entries of a kind, so that recording allocates nothing; each shard has its part.
  std::vector<RingQuery> queries_;
  std::vector<RingResponse> responses_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<uint64_t> given_up_{0};
};

}  // namespace breakwater
