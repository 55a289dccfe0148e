// Starts the collectors of a configuration and lets go of those that nobody tells anything any
// more, without waiting for them. Start(), UseConfig() and Stop() belong to whoever publishes
// configurations; Count() is the control thread's, about once a second.
#pragma once

#include <vector>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/config/config.h"
#include "proxy/observe/collector.h"

namespace breakwater {

class CollectorKeeper {
 public:
  ~CollectorKeeper() { Stop(); }

  // Privileges were dropped: nothing before this makes a thread.
  void Start(const Config& config);
  void UseConfig(const Config& config);
  // What waits is sent, for Collector::kFarewell at most.
  void Stop();
  // Adds what happened since the last call, and lets go of collectors that were given up.
  void Count(Counters& counters);

  size_t size() const;

 private:
  struct Kept {
    CollectorPtr collector;
    Collector::Counts told;
  };
  static void CountOne(Kept& kept, Counters& counters);
  Guarded<std::vector<Kept>> kept_;
};

}  // namespace breakwater
