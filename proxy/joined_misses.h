// Identical misses of one worker that wait for one question to the backend (MECHANISMS.md, 1).
// Knows the flights that may be joined; the flight holds who waits. One a worker, on its thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string_view>

#include "proxy/backend/in_flight.h"

namespace breakwater {

class JoinedMisses {
 public:
  // More than so many wait for none: the next one asks for itself, and is joined from then on.
  static constexpr size_t kMostWaiters = 1000;
  // Of all flights together: beyond that nobody joins, and the sockets' own bounds count.
  static constexpr size_t kMostInAll = 20'000;

  explicit JoinedMisses(InFlight& in_flight) : in_flight_(in_flight) {}

  struct Miss {
    // As it would go to the backend, but for ID, size, case, and options that the cache's key does
    // not cover: clients with different cookies share a question, the first one's.
    const Query& query;
    const PacketCache* cache;
    bool exactly = false;  // those options count, too
  };
  // Its EDNS options, as they stand there.
  static std::span<const uint8_t> OptionsOf(const Query& query);
  // Whether two that share a question have the same options.
  static bool HaveSameOptions(const Query& a, const Query& b);
  // The flight that asks the same of the same pool, with room for one more.
  std::optional<FlightId> Find(const Miss& miss) const;
  // From now on `id` may be joined; it takes the place of another that asks the same.
  void Add(FlightId id, const Miss& miss);
  // Its flight ends, and with it the waiting of those that are in it.
  void Remove(const Flight& flight);
  void Joined() { ++waiting_; }
  void Left(size_t waiters) { waiting_ -= waiters; }

 private:
  InFlight& in_flight_;
  absl::flat_hash_map<uint64_t, FlightId> flights_;
  size_t waiting_ = 0;
};

}  // namespace breakwater
