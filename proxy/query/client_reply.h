// What a listener offers to the query path: the way back to the client. Every transport's
// listener implements it; calls come on the worker that owns the listener.
#pragma once

#include "proxy/query/query_sink.h"

namespace breakwater {

enum class DropReason : uint8_t { kRule, kInvalid, kNoServer, kTimeout, kBackend, kShutdown };

class ReplyTarget {
 public:
  virtual ~ReplyTarget() = default;
  // query->message() is the finished answer. Takes the query: its memory is used until the
  // answer has left. Where the client is gone the answer is dropped.
  virtual void Send(QueryPtr query) = 0;
  enum class Room : uint8_t {
    kFree,
    kFull,  // taken, but the client does not keep up: QuerySink::OnRoom tells when it has
    kGone,  // there is no connection any more
  };
  // query.message() is one message of an answer of several; Send or Drop ends it. Streams alone.
  virtual Room SendPart(const Query& query, FlightId flight) {
    (void)query, (void)flight;
    return Room::kGone;
  }
  // Whether SendPart may be called with more of an answer just now. Where it may not,
  // QuerySink::OnRoom tells when it may.
  virtual bool HasRoom(const Query& query, FlightId flight) {
    (void)query, (void)flight;
    return true;
  }
  // The client gets no answer (a stream may close, HTTP gets a status).
  virtual void Drop(QueryPtr query, DropReason reason) = 0;
  // False once the client's connection is known to be gone; datagrams are always true.
  virtual bool Alive(const Query& query) const = 0;
};

}  // namespace breakwater
