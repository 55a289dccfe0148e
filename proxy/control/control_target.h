// What console, control socket and web server need to know of the running server. The server
// implements it; every method may be called from any thread and does not block.
#pragma once

#include <string>

#include "proxy/backend/drills.h"
#include "proxy/backend/zone_health.h"
#include "proxy/base/clock.h"
#include "proxy/config/config.h"
#include "proxy/observe/metrics.h"
#include "proxy/observe/rings.h"

namespace breakwater {

class ControlTarget {
 public:
  virtual ~ControlTarget() = default;
  // The newest published configuration; never null.
  virtual ConfigPtr CurrentConfig() const = 0;
  virtual const CounterRegistry& counters() const = 0;
  virtual const Rings& rings() const = 0;
  virtual ZoneHealth& zone_health() const = 0;
  virtual Drills& drills() const = 0;
  virtual const Clock& clock() const = 0;
  // Those that serve TCP connections, and the accepted connections that wait for one of them.
  struct TcpWorkers {
    size_t workers = 0;
    uint64_t queued = 0;
  };
  virtual TcpWorkers tcp_workers() const = 0;
  // Breakwater's own version, "0.1.0".
  virtual std::string Version() const = 0;
};

}  // namespace breakwater
