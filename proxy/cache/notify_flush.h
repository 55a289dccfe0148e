// Which NOTIFY messages (RFC 1996) flush a cache: those of listed senders, for a zone of two labels
// or more. One zone is flushed once a second at most; a NOTIFY that comes sooner is not lost, its
// flush comes when the second is over, and stands for all that come until then. Flushes of all
// zones together are bounded, too, for records of them are kept: with more than these in an hour
// the flush table would take everything for flushed. Shared by all workers; any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "proxy/base/guarded.h"
#include "proxy/base/netmask_tree.h"
#include "proxy/base/token_bucket.h"
#include "proxy/dns/name.h"

namespace breakwater {

class NotifyFlush {
 public:
  static constexpr MonoTime kQuiet = MonoTime::FromSeconds(1);  // between two flushes of a zone
  static constexpr double kRate = 100;                          // zones a second, lastingly
  static constexpr double kBurst = 50'000;                      // zones at once

  static constexpr size_t kLeastLabels = 2;

  // kKnown: zones alone that a server was seen to answer for (health by zone). Whoever is listed
  // may be forged: then what is flushed is a zone of ours at least.
  enum class Zones : uint8_t { kAll, kKnown };

  explicit NotifyFlush(NetmaskGroup from, Zones zones = Zones::kAll)
      : from_(std::move(from)), zones_(zones) {}

  enum class Outcome : uint8_t {
    kNow,         // to be flushed
    kLater,       // to be flushed at `when`
    kCovered,     // somebody else was told to, later
    kNotAllowed,  // the sender is not listed
    kRefused,     // too short a name, or too many
    kUnknown,     // the zone is none that is known; whoever asks Decide() has to look
  };
  struct Decision {
    Outcome outcome;
    MonoTime when{};
  };
  Decision Decide(const Address& sender, const dns::Name& zone, MonoTime now);

  const NetmaskGroup& from() const { return from_; }
  Zones zones() const { return zones_; }

 private:
  struct State {
    absl::flat_hash_map<std::string, MonoTime> last;     // flush of a zone; may be yet to come
    std::deque<std::pair<std::string, MonoTime>> order;  // of these, the oldest first
  };
  Decision DecideOn(State& state, const std::string& zone, MonoTime now);

  const NetmaskGroup from_;
  const Zones zones_;
  TokenBucket budget_{kRate, kBurst};
  Guarded<State> state_;
};

}  // namespace breakwater
