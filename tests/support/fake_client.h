// A client that remembers what it was sent.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "proxy/query/client_reply.h"

namespace breakwater::test {

class FakeClient : public ReplyTarget {
 public:
  struct Outcome {
    bool dropped = false;
    bool part = false;
    DropReason reason{};
    uint64_t tag = 0;  // ReturnPath::a of the query
    std::vector<uint8_t> message;
  };

  void Send(QueryPtr query) override {
    outcomes.push_back({.tag = query->path.a, .message = {query->data, query->data + query->size}});
  }
  Room SendPart(const Query& query, FlightId flight) override {
    outcomes.push_back(
        {.part = true, .tag = query.path.a, .message = {query.data, query.data + query.size}});
    if (room == Room::kFull) full_for = flight;
    return room;
  }
  void Drop(QueryPtr query, DropReason reason) override {
    outcomes.push_back({.dropped = true, .reason = reason, .tag = query->path.a, .message = {}});
  }
  bool Alive(const Query&) const override { return alive; }

  std::deque<Outcome> outcomes;
  bool alive = true;
  Room room = Room::kFree;
  FlightId full_for;
};

}  // namespace breakwater::test
