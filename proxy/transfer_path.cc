// Zone transfers over a stream: each message goes to the client as it comes, with its ID and rules
// of its own (meaning-rules.md, section 1), and is otherwise left alone, so that signatures hold.
// A client that does not keep up makes the exchange stop reading. A transfer that breaks off ends
// the client's connection: nobody else could go on with it.
#include <utility>

#include "proxy/base/left_out.h"
#include "proxy/query_path.h"

namespace breakwater {

void QueryPath::OnPart(FlightId id, uint8_t attempt, std::span<uint8_t> part) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr || attempt >= flight->attempt_count) return;
  // A datagram's client gets one message, whatever there is behind it.
  if (!flight->query->IsTransfer()) return OnReply(id, attempt, part);
  if (!TakePart(id, attempt, part)) return;
  const Query& query = *flight->query;
  const Attempt& from = flight->attempts[attempt];
  switch (query.target->SendPart(query, id)) {
    case ReplyTarget::Room::kFree:
      in_flight_.Prolong(id, attempt, now(), from.backend->settings().tcp_recv_timeout_ms);
      return;
    case ReplyTarget::Room::kFull:
      return PauseTransfer(id, attempt);
    case ReplyTarget::Room::kGone:
      return DropFlight(id, DropReason::kBackend);
  }
}

bool QueryPath::MayRead(FlightId id, uint8_t attempt) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr || attempt >= flight->attempt_count) return true;
  const Query& query = *flight->query;
  if (!query.IsTransfer() || query.target->HasRoom(query, id)) return true;
  PauseTransfer(id, attempt);
  return false;
}

void QueryPath::PauseTransfer(FlightId id, uint8_t attempt) {
  in_flight_.StopTimeout(id, attempt);
  in_flight_.Find(id)->attempts[attempt].exchange->Pause(id, attempt);
}

void QueryPath::OnLastPart(FlightId id, uint8_t attempt, std::span<const uint8_t> part) {
  if (!TakePart(id, attempt, part)) return;
  QueryPtr query = in_flight_.Close(id);
  ReplyTarget* target = query->target;
  target->Send(std::move(query));
}

// Puts the message in the query's place and runs the rules. False where that ended the flight.
bool QueryPath::TakePart(FlightId id, uint8_t attempt, std::span<const uint8_t> part) {
  Flight& flight = *in_flight_.Find(id);
  Query& query = *flight.query;
  const BackendPtr backend = flight.attempts[attempt].backend;
  const bool first = flight.parts++ == 0;
  if (first) CountReply(flight, attempt, part);
  query.answered_by = backend->address();
  TakeReply(query, part);
  query.header().set_id(query.client_id);
  // What rules note for this message is none of the next one's.
  std::vector<ExtendedError> noted;
  if (query.extras() != nullptr) noted = query.extras()->extended_errors;
  if (!RunResponseChain(query, ResponseChainKind::kXfr, &backend)) {
    DropFlight(id, DropReason::kRule);
    return false;
  }
  if (query.extras() != nullptr) {
    WriteExtendedErrors(query);
    query.Extras().extended_errors = std::move(noted);
  }
  if (first) CountAnswer(query);
  return true;
}

void QueryPath::OnRoom(FlightId id) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr) return;
  if (!flight->query->target->Alive(*flight->query)) {
    return DropFlight(id, DropReason::kBackend);
  }
  for (uint8_t i = 0; i < flight->attempt_count; ++i) {
    const Attempt& attempt = flight->attempts[i];
    if (attempt.exchange == nullptr) continue;
    in_flight_.Prolong(id, i, now(), attempt.backend->settings().tcp_recv_timeout_ms);
    attempt.exchange->Resume(id, i);
  }
}

// The backend let it down.
void QueryPath::BreakOff(FlightId id) {
  const Flight& flight = *in_flight_.Find(id);
  const Query& query = *flight.query;
  uint64_t suppressed = 0;
  if (broken_transfers_.Allow(now(), &suppressed)) {
    LogWarning("transfer",
               "the transfer of {} from {} to {} broke off after {} messages; the client's "
               "connection is closed{}",
               query.NameCopy().ToString(), query.answered_by.ToStringWithPort(),
               query.client.ToStringWithPort(), flight.parts, LeftOut(suppressed));
  }
  DropFlight(id, DropReason::kBackend);
}

void QueryPath::DropFlight(FlightId id, DropReason reason) {
  // The end of the client's connection may have dropped it within the call that told us so.
  if (QueryPtr query = in_flight_.Close(id)) Drop(std::move(query), reason);
}

}  // namespace breakwater
