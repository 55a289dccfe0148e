// The helper threads that read zone files: one for each server of zone files in the configuration.
// Made, started, told and stopped by whoever publishes configurations; Count() is the control
// thread's.
#pragma once

#include <map>
#include <memory>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/config/config.h"
#include "proxy/zone/watcher.h"

namespace breakwater {

class ZoneKeeper {
 public:
  // Begins with what this configuration has; before this, and after Stop(), nothing runs.
  void Start(const Config& config);
  // Starts the threads of servers that are new and ends those of servers that are gone.
  void UseConfig(const Config& config);
  // Waits until each directory was gone through once, for at most so long in all.
  void AwaitFirstLook(MonoTime patience);
  void Stop();

  // Adds what the stores have counted since the last call.
  void Count(Counters& counters);

 private:
  struct Kept {
    ZoneStorePtr store;
    std::unique_ptr<ZoneWatcher> watcher;
    uint64_t loads = 0, load_errors = 0;  // counted so far
  };
  struct State {
    bool running = false;
    std::map<const ZoneStore*, Kept> kept;
  };
  static void Update(State& state, const Config& config);

  Guarded<State> state_;
};

}  // namespace breakwater
