// The way from one worker to one backend: sends queries, matches replies. One implementation a
// transport; UDP and streams in this folder, a scripted one in tests/support for scenarios.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/backend/backend.h"
#include "proxy/base/result.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

// What is sent, and for whom.
struct OutgoingQuery {
  std::span<const uint8_t> message;
  // Whose it is: its client is told to backends that want to know. Null for our own.
  const Query* query = nullptr;
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  // Queues the message with a random ID of its own (the caller's bytes are copied, nothing of
  // `query` is kept); datagrams leave at the end of the turn. Then exactly one of
  // QuerySink::OnReply, QuerySink::OnFailure or Cancel() ends it; the messages of a transfer but
  // the last one come before that, through QuerySink::OnPart. An error means that nothing was
  // queued. What cannot be sent, now or later, is counted here: send_errors,
  // downstream-send-errors.
  virtual Result<void> Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) = 0;
  // The attempt is over (time-out, another answered): a late reply is dropped, counted.
  virtual void Cancel(FlightId flight, uint8_t attempt) = 0;
  // Streams, within a transfer (QuerySink::OnPart and MayRead): takes no more from the nameserver
  // until Resume(), so that what a client does not read does not pile up here.
  virtual void Pause(FlightId flight, uint8_t attempt) { (void)flight, (void)attempt; }
  virtual void Resume(FlightId flight, uint8_t attempt) { (void)flight, (void)attempt; }
  // True when replies come as datagrams (may be truncated, may be asked again over TCP).
  virtual bool IsDatagram() const = 0;
};

}  // namespace breakwater
