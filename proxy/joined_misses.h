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

  explicit JoinedMisses(InFlight& in_flight) : in_flight_(in_flight) {}

  struct Miss {
    const Query& query;  // as it would go to the backend, but for ID, size and case
    const PacketCache* cache;
    const CacheKey& key;
  };
  // The flight that asks the same of the same pool, with room for one more.
  std::optional<FlightId> Find(const Miss& miss) const;
  // From now on `id` may be joined; it takes the place of another that asks the same.
  void Add(FlightId id, const Miss& miss);
  // Its flight ends.
  void Remove(const Flight& flight);

 private:
  InFlight& in_flight_;
  absl::flat_hash_map<uint64_t, FlightId> flights_;
};

}  // namespace breakwater
