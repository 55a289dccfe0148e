// What a worker lends to the path of its queries, and what it asks of it. The path itself
// (query_path.h) stands above all folders; the worker knows it by this interface.
#pragma once

#include <functional>
#include <memory>

#include "proxy/backend/drills.h"
#include "proxy/backend/exchange.h"
#include "proxy/backend/zone_health.h"
#include "proxy/base/random.h"
#include "proxy/base/timer_queue.h"
#include "proxy/config/config.h"
#include "proxy/observe/metrics.h"
#include "proxy/observe/rings.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

enum class BackendTransport : uint8_t { kDatagram, kStream };

// All of it must outlive the path; used on the worker's thread alone.
struct PathEnvironment {
  std::function<MonoTime()> now;  // the turn's time
  QueryPool& queries;
  TimerQueue& timers;
  Random& random;
  WorkerStats& stats;
  Rings& rings;       // shared by all workers
  ZoneHealth& zones;  // so are these
  Drills& drills;     // and these
  // Runs `message` on the worker's thread, later. Any thread.
  std::function<void(std::function<void()> message)> post;
  // The worker's way to a backend; null where it cannot be had (descriptor limit).
  std::function<Exchange*(const BackendPtr&, BackendTransport)> exchange_for;
};

class WorkerPath : public QuerySink {
 public:
  // Between two messages: the next query sees `config`.
  virtual void UseConfig(ConfigPtr config) = 0;
  // Queries waiting for a backend or held by a delay; a graceful stop waits for zero. Not what is
  // suspended: when workers are stopped, scripts have ended, and nobody would have it go on.
  virtual size_t Waiting() const = 0;
  // Ends every wait without an answer; for the end of a stop.
  virtual void DropAll() = 0;
};

using PathFactory = std::function<std::unique_ptr<WorkerPath>(PathEnvironment, ConfigPtr)>;

}  // namespace breakwater
