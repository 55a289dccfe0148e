// Starts what the rules of a configuration have going beside the workers, and lets go of what no
// rule holds any more, without waiting for it. Start(), UseConfig() and Stop() belong to whoever
// publishes configurations; Count() is the control thread's, about once a second; Reopen() is any
// thread's.
#pragma once

#include <memory>
#include <vector>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/base/side_task.h"
#include "proxy/config/config.h"

namespace breakwater {

class SideTaskKeeper {
 public:
  ~SideTaskKeeper() { Stop(); }

  // Privileges were dropped: nothing before this makes a thread.
  void Start(const Config& config) { UseConfig(config); }
  void UseConfig(const Config& config);
  void Stop();
  // Adds what happened since the last call, and lets go of what was given up.
  void Count(Counters& counters);
  void Reopen();

  size_t size() const;

 private:
  using List = std::vector<std::shared_ptr<SideTask>>;
  Guarded<List> kept_;
};

}  // namespace breakwater
