// Which server is asked (MECHANISMS.md, 5): one that is up and not bad for the zone, of the first
// tier that has one, by the pool's policy. Pure but for what policies count.
#pragma once

#include <span>

#include "proxy/backend/in_flight.h"
#include "proxy/backend/zone_health.h"
#include "proxy/pool/pool.h"

namespace breakwater {

// The name by whose zone a query is answered, wire form, within its message: that of a DS record is
// the parent's (RFC 4035, 3.1.4.1).
std::span<const uint8_t> ZoneNameOf(const Query& query);

// A server of zone files that has none for the zone: it has nothing to say, and is asked where
// nobody else is left.
bool HoldsNoZoneFor(const Query& query, const Backend& server);

// Whether health by zone has a say in a pool's choice.
bool ZonesCount(const ZoneHealthSettings& settings, const Pool& pool);

// A server that is bad for the zone gets a query now and then all the same; not so where nobody
// is going to be asked.
enum class Trials : uint8_t { kTaken, kNone };

struct ChoiceSource {
  const Pool& pool;
  const Policy& policy;
  PolicyContext& context;
  ZoneHealth* zones;  // null: zones do not count
  // A last good answer is due, after a flush perhaps: where all of the first tier are bad for the
  // zone one of them is asked before a standby. What is held then bounds how often.
  bool refreshes = false;
  Trials trials = Trials::kTaken;
};

// Null where the policy finds none. Where every server is bad for the zone, standbys included, one
// of them is asked all the same.
BackendPtr ChooseBackendFor(const ChoiceSource& source);

enum class Reach : uint8_t { kSameTier, kNextTiers };
// Another than those that were tried, of the last one's tier or of those behind it.
BackendPtr ChooseAnotherFor(const ChoiceSource& source, std::span<const Attempt> tried,
                            Reach reach);

}  // namespace breakwater
