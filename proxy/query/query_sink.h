// The interface between what receives (listeners, backend exchanges, timers) and what decides
// (query_path.cc). Calls come on the worker's own thread and may call back into the caller.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/query/query.h"

namespace breakwater {

// Names one query in flight; stale once it ended, however often its slot was used again.
struct FlightId {
  uint32_t slot = 0;
  uint32_t generation = 0;
  bool operator==(const FlightId&) const = default;
};

enum class FailureKind : uint8_t {
  kTimeout,      // no answer within the backend's time
  kRefusedPort,  // ICMP port unreachable, connection refused
  kConnection,   // the stream broke, or could not be opened in time
  kSend,         // the kernel did not take the datagram
  kBackendDown,  // health checks marked it down while the query waited
  kBadAnswer,    // it answered, and badly (last_good.h)
};

class QuerySink {
 public:
  virtual ~QuerySink() = default;
  // A new query: where it came from and its message are set, nothing is parsed or checked but
  // the access list and size (at least a header).
  virtual void OnQuery(QueryPtr query) = 0;
  // Several that came at once, in this order; they are taken out of `queries`.
  virtual void OnQueries(std::span<QueryPtr> queries) {
    for (QueryPtr& query : queries) OnQuery(std::move(query));
  }
  // A reply that matches the flight in address, port, ID and question. `reply` is valid during
  // the call and may be edited. `attempt` says which send of the flight it answers.
  virtual void OnReply(FlightId flight, uint8_t attempt, std::span<uint8_t> reply) = 0;
  // A message of a transfer behind which more will come: as OnReply, but the attempt goes on.
  virtual void OnPart(FlightId flight, uint8_t attempt, std::span<uint8_t> part) {
    (void)flight, (void)attempt, (void)part;
  }
  // Asked before more of a transfer is read. False where its client does not keep up: the exchange
  // was told to pause.
  virtual bool MayRead(FlightId flight, uint8_t attempt) {
    (void)flight, (void)attempt;
    return true;
  }
  // The client has read what made ReplyTarget::SendPart say kFull, or HasRoom false, or is gone.
  virtual void OnRoom(FlightId flight) { (void)flight; }
  virtual void OnFailure(FlightId flight, uint8_t attempt, FailureKind kind) = 0;
  // The flight has waited for as long as InFlight::CallAfter was told (Reminder::kSlow, kPatience);
  // nothing has failed yet.
  virtual void OnSlow(FlightId flight) { (void)flight; }
  virtual void OnPatienceOver(FlightId flight) { (void)flight; }
};

}  // namespace breakwater
