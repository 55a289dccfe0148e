// Sends the metrics to Carbon servers (carbonServer), each on a thread of its own, so that a slow
// or dead one delays nobody. An export is one connection; one that fails, or takes more than
// kPatience, is counted, logged when it is the first in a row, and tried again after a delay that
// doubles from one second to ten minutes.
//
// Start(), UseConfig() and Stop() belong to whoever publishes configurations; Count() is the
// control thread's.
#pragma once

#include <memory>
#include <vector>

#include "proxy/base/counter.h"
#include "proxy/config/config.h"
#include "proxy/control/control_target.h"

namespace breakwater {

class CarbonSender {
 public:
  static constexpr MonoTime kPatience = MonoTime::FromSeconds(10);

  explicit CarbonSender(const ControlTarget& target);
  ~CarbonSender();

  // Privileges were dropped: nothing before this makes a thread.
  void Start(const Config& config);
  // Begins with the servers that are new in it; those it had stay.
  void UseConfig(const Config& config);
  void Stop();
  // What happened since the last call.
  void Count(Counters& counters);

 private:
  class Export;
  const ControlTarget& target_;
  bool running_ = false;
  SharedCounter exports_, failures_;
  uint64_t told_exports_ = 0, told_failures_ = 0;
  std::vector<std::unique_ptr<Export>> list_;
};

// Seconds until the next export after so many failures in a row; 0: the last one went well.
uint32_t CarbonDelay(const CarbonServerSettings& settings, unsigned failures);

}  // namespace breakwater
