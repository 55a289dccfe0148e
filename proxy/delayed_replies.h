// Answers that a DelayAction holds back. One object a worker. Bounded in all and per client, so
// that nobody can have answers pile up here and be released as one pulse; what is over the bound
// is dropped, counted. Datagrams only: a stream's answers are not delayed, as in dnsdist.
#pragma once

#include <functional>
#include <map>

#include <absl/container/flat_hash_map.h>
#include "proxy/base/counter.h"
#include "proxy/base/timer_queue.h"
#include "proxy/query/client_reply.h"

namespace breakwater {

class DelayedReplies {
 public:
  static constexpr size_t kMostHeld = 65536;
  static constexpr size_t kMostPerClient = 256;

  DelayedReplies(TimerQueue& timers, Counters& counters) : timers_(timers), counters_(counters) {}
  ~DelayedReplies();

  // Sends the finished answer at `when` through its target; the query is detached already.
  void Hold(QueryPtr query, MonoTime when);
  size_t size() const { return held_.size(); }
  void DropAll();

 private:
  struct Held {
    QueryPtr query;
    TimerId timer;
  };
  void Release(uint64_t id);

  TimerQueue& timers_;
  Counters& counters_;
  std::map<uint64_t, Held> held_;
  absl::flat_hash_map<Address, size_t, AddressHash> per_client_;
  uint64_t next_id_ = 1;
};

}  // namespace breakwater
