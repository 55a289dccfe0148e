// Drills: a standby is tried before it is needed (FEATURES.md, 4; MECHANISMS.md, 11). While a drill
// runs, a share of the queries is asked of the standby too, and its answer compared with the first
// tier's (drill_compare.h). The client gets the first tier's; in a live drill it gets the standby's
// where the two are equal and it comes in time. Differences are told by zone, and mark the server
// as suspect: that is told to people and changes nothing else. A later drill without any takes the
// mark away.
//
// The share is of all queries, hits too: for one that the cache answered the first tier is asked
// anew, in the background, so that a proxy that answers nearly all from its cache compares as much,
// and with what the first tier says now. Both come out of one budget (kMostASecond).
//
// One object a process, any thread. While no drill runs, running() is all that it costs; workers
// take the lock for the queries that are drawn alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/drill_probe.h"
#include "proxy/backend/drill_settings.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/random.h"
#include "proxy/base/result.h"
#include "proxy/base/token_bucket.h"
#include "proxy/dns/name.h"

namespace breakwater {

// What came of one query.
struct DrillResult {
  enum class Kind : uint8_t { kEqual, kDifferent, kUnanswered };
  uint64_t drill = 0;
  Kind kind = Kind::kEqual;
  bool served = false;       // the client got the standby's answer
  dns::Name zone{};          // the next three where they are not equal
  std::string question{};    // "www.example.org A"
  std::string difference{};  // one sentence
};

struct DrillSample {
  std::string question, difference;
};
struct DrillZone {
  dns::Name zone;
  uint64_t differences = 0;
  std::vector<DrillSample> samples{};  // the first few
};

struct DrillReport {
  enum class State : uint8_t { kRunning, kDone, kStopped };
  uint64_t id = 0;  // from 1 on
  State state = State::kRunning;
  std::string server;
  DrillOrder order;
  MonoTime begun{}, ends{};
  uint64_t compared = 0, equal = 0, different = 0, unanswered = 0, served = 0;
  std::vector<DrillZone> zones{};  // with differences, the most of them first
  uint64_t zones_left_out = 0;     // differences of zones beyond those
  uint64_t differences() const { return different + unanswered; }
};

class Drills {
 public:
  static constexpr double kMostASecond = 500;
  static constexpr size_t kMostZones = 1000;
  static constexpr size_t kMostSamples = 3;
  static constexpr size_t kReportsKept = 16;

  // The number of the drill; an error where another one runs.
  TextResult<uint64_t> Begin(const BackendPtr& standby, const DrillOrder& order, MonoTime now);
  // False where none runs.
  bool Stop(MonoTime now);
  // Each second: ends a drill whose time is over, and says in the log what came of it.
  void Step(MonoTime now);
  // Of the latest, or by number; nothing where there is none.
  std::optional<DrillReport> Report(uint64_t id = 0) const;

  // --- workers
  bool running() const { return running_.load(std::memory_order_relaxed); }
  // Whether this query is of the share.
  bool Draws(Random& random) const {
    return random.U32() < threshold_.load(std::memory_order_relaxed);
  }
  // For a query that was drawn; null where the drill is over.
  std::unique_ptr<DrillProbe> Probe(MonoTime now) const;
  bool TakeFromBudget(MonoTime now) { return budget_.Take(now); }
  void Note(const DrillResult& result);

 private:
  struct Running {
    BackendPtr standby;  // null: none
    bool was_suspect = false;
  };
  struct State {
    Running running;
    std::deque<DrillReport> reports;
    uint64_t next_id = 1;
  };
  void End(State& state, DrillReport::State how);
  static void AddToZone(DrillReport& report, const DrillResult& result);

  std::atomic<bool> running_{false};
  std::atomic<uint32_t> threshold_{0};  // of 2^32
  TokenBucket budget_{kMostASecond, kMostASecond / 10};
  Guarded<State> state_;
};

}  // namespace breakwater
