// A sink that remembers what it was told.
#pragma once

#include <functional>
#include <vector>

#include "proxy/query/query_sink.h"

namespace breakwater::test {

class Recorder : public QuerySink {
 public:
  struct Reply {
    FlightId flight;
    uint8_t attempt;
    std::vector<uint8_t> message;
  };
  struct Failure {
    FlightId flight;
    uint8_t attempt;
    FailureKind kind;
  };

  void OnQuery(QueryPtr) override {}
  void OnReply(FlightId flight, uint8_t attempt, std::span<uint8_t> reply) override {
    replies.push_back({flight, attempt, {reply.begin(), reply.end()}});
    if (on_reply) on_reply(flight, attempt);
  }
  void OnPart(FlightId flight, uint8_t attempt, std::span<uint8_t> part) override {
    parts.push_back({flight, attempt, {part.begin(), part.end()}});
    if (on_part) on_part(flight, attempt);
  }
  bool MayRead(FlightId flight, uint8_t attempt) override {
    return may_read ? may_read(flight, attempt) : true;
  }
  void OnFailure(FlightId flight, uint8_t attempt, FailureKind kind) override {
    failures.push_back({flight, attempt, kind});
    if (on_failure) on_failure(flight, attempt);
  }
  void OnSlow(FlightId flight) override { slow.push_back(flight); }

  std::vector<Reply> replies;
  std::vector<Reply> parts;
  std::vector<Failure> failures;
  std::vector<FlightId> slow;
  std::function<void(FlightId, uint8_t)> on_reply;
  std::function<void(FlightId, uint8_t)> on_part;
  std::function<void(FlightId, uint8_t)> on_failure;
  std::function<bool(FlightId, uint8_t)> may_read;
};

}  // namespace breakwater::test
