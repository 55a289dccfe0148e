// The queries of one worker that wait for a backend: a slab whose slots are named by FlightId
// (slot and generation, so that a late event finds nothing), with one FIFO per distinct time-out.
// Each send is an attempt; a flight may have several open at once, the first good reply wins.
// Backend::outstanding is +1 per StartAttempt and −1 at that attempt's only ending.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/drill_probe.h"
#include "proxy/backend/exchange.h"
#include "proxy/base/timer_queue.h"
#include "proxy/cache/packet_cache.h"
#include "proxy/cache/refresh_ticket.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

inline constexpr size_t kMaxAttempts = 4;

struct Attempt {
  BackendPtr backend;
  Exchange* exchange = nullptr;  // null once the attempt ended
  MonoTime sent;
};

// An answer that is not the last word, a bad one mostly, kept until it is known that there is no
// better one.
struct BadReply {
  std::vector<uint8_t> message;
  BackendPtr from;
  BadKind kind{};
  bool datagram = false;
  uint8_t attempt = 0;
};

enum class FlightPurpose : uint8_t {
  kClient,        // somebody waits, or did
  kAhead,         // a new answer for an entry that is about to end: good ones alone count
  kZoneQuestion,  // how the server answers for the zone is all that counts
  kOverdue,       // who waited has an answer of another server: whether this one is silent
};

struct Flight {
  QueryPtr query;  // its message is what is sent
  FlightPurpose purpose = FlightPurpose::kClient;
  std::array<Attempt, kMaxAttempts> attempts;
  uint8_t attempt_count = 0;
  MonoTime asked;            // before the first send
  bool over_stream = false;  // a datagram's answer did not suffice
  bool refreshes = false;    // an answer that is held, past its time
  bool awaits = false;       // another worker does: nothing was sent, a reminder looks again
  uint8_t zone_labels = 0;   // of a zone question: how many the zone's apex has
  uint16_t asked_size = 0;   // of a datagram's answer at most
  uint32_t parts = 0;  // messages of a transfer that went to the client: nobody else can go on
  // Where the answer is stored; null: nowhere.
  std::shared_ptr<PacketCache> cache;
  CacheKey key;
  uint32_t asked_epoch = 0;
  bool has_scope_zero_key = false;  // answers of scope 0 are stored under this one
  CacheKey scope_zero_key;
  bool patience_runs = false;              // Reminder::kPatience will come
  std::unique_ptr<RefreshTicket> refresh;  // null: nobody else waits for what it brings
  std::unique_ptr<BadReply> bad;
  // An answer of a server that came back and has yet to tell the zone's serial.
  std::unique_ptr<BadReply> unproved;
  // What a standby says while the first tier is silent: a good answer, for whoever has waited long
  // enough.
  std::unique_ptr<BadReply> meanwhile;
  std::unique_ptr<DrillProbe> drill;  // null: no part of a drill
  // Identical misses that joined this one.
  std::vector<QueryPtr> waiters;
  uint64_t join_hash = 0;  // under which JoinedMisses knows it; 0: it does not

  // Whether an answer may yet come.
  bool HasOpenAttempt() const {
    if (unproved != nullptr) return true;
    for (uint8_t i = 0; i < attempt_count; ++i) {
      if (attempts[i].exchange != nullptr) return true;
    }
    return false;
  }
};

// How a query is to be sent.
struct AttemptPlan {
  const BackendPtr& backend;
  Exchange& exchange;
  uint32_t timeout_ms;  // then OnFailure(kTimeout)
};

// What a flight may be reminded of besides its time-outs.
enum class Reminder : uint8_t { kSlow, kPatience };

class InFlight {
 public:
  InFlight(QuerySink& sink, TimerQueue& timers);
  ~InFlight();

  FlightId Open(QueryPtr query, MonoTime now);
  Flight* Find(FlightId id);  // null where it is over
  size_t size() const;

  // Sends; on success the attempt's number. An error means that nothing was sent and no attempt
  // was made.
  Result<uint8_t> StartAttempt(FlightId id, const AttemptPlan& plan, MonoTime now);
  // The attempt's time runs anew from `now`: a part of its answer came.
  void Prolong(FlightId id, uint8_t attempt, MonoTime now, uint32_t timeout_ms);
  // No time-out until Prolong(): it is not the backend that is waited for.
  void StopTimeout(FlightId id, uint8_t attempt);
  // Ends one attempt (its reply came, or it failed); false where it had ended.
  bool EndAttempt(FlightId id, uint8_t attempt);
  // Ends the flight and all its attempts; gives the query (and leaves waiters to the caller,
  // who takes them out first).
  QueryPtr Close(FlightId id);
  // The same, and gives all that the flight held.
  Flight Take(FlightId id);
  // The same, but of the attempts before `answered` those that are open stay, and with them a
  // flight of the same id, kOverdue, that asks `question`: until they end by themselves, so that
  // silence is not hidden by who was asked after it.
  Flight TakeButOverdue(FlightId id, uint8_t answered, QueryPtr question);
  // Flights that are so left.
  size_t overdue() const;
  // Calls QuerySink::OnSlow(id), or OnPatienceOver(id), after `ms`, unless the flight has ended by
  // then. One FIFO per distinct `ms`, as for time-outs. A second call for the same replaces the
  // first.
  void CallAfter(FlightId id, Reminder what, MonoTime now, uint32_t ms);

  // Tells the sink of every attempt whose time is up. Armed on the TimerQueue by itself.
  void RunTimeouts(MonoTime now);
  // For a graceful stop and for tests: calls `visit(id)` for every open flight.
  template <typename Visit>
  void ForEach(Visit&& visit) {
    for (const FlightId id : OpenIds()) visit(id);
  }

 private:
  struct Impl;
  std::vector<FlightId> OpenIds() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater
