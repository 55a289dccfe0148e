// The queries of one worker that wait for a script (query/suspended.h): the worker's own side of a
// suspension. All on that worker's thread.
//
// Suspend() is called by a rule; the query path then parks the query that it named, with what is to
// be done once it goes on. A query that is not taken in time goes on as it was. At DropAll(), and
// at the end, every one is dropped and later messages about it find nothing.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>

#include "proxy/base/counter.h"
#include "proxy/base/timer_queue.h"
#include "proxy/query/client_reply.h"
#include "proxy/query/suspended.h"

namespace breakwater {

class SuspendedQueries final : public Suspender {
 public:
  using GoOn = std::function<void(QueryPtr)>;
  struct Setup {
    std::function<MonoTime()> now;
    TimerQueue& timers;
    Counters& counters;
    PacketPool& packets;
    SuspendHome::Post post;
    std::function<void(QueryPtr, const GoOn&)> on_resume;
    std::function<void(QueryPtr, DropReason)> on_drop;
  };
  SuspendedQueries(Setup setup, std::shared_ptr<SuspendedTable> table);
  ~SuspendedQueries() override;

  void UseStyle(const SelfAnswerStyle& style) { style_ = style; }
  bool Suspend(Query& query, const SuspendKey& key, uint32_t timeout_ms) override;
  // The query that Suspend() said yes to; `go_on` is done behind on_resume's own decisions.
  void Park(QueryPtr query, GoOn go_on);
  void DropAll();

 private:
  struct Parked {
    SuspendKey key;
    TimerId timer = 0;  // 0: a script has taken it
    size_t bytes = 0;   // as the table counts them
    QueryPtr query{};   // null until parked
    GoOn go_on{};
  };
  Parked TakeOut(uint64_t id);
  void OnTime(uint64_t id);
  void OnMessage(uint64_t id, SuspendEnd end, HeldMessage& message);

  Setup setup_;
  std::shared_ptr<SuspendedTable> table_;
  std::shared_ptr<SuspendHome> home_;
  SelfAnswerStyle style_;
  absl::flat_hash_map<uint64_t, Parked> parked_;
  uint64_t next_id_ = 1;
};

}  // namespace breakwater
