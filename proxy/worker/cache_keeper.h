// Sweeps the packet caches in small steps on the control thread: expired and flushed entries are
// freed without a lookup ever waiting. A pass over a cache takes setCacheCleaningDelay seconds,
// after a flush it goes as fast as 5 % of a core allows, so that the flush's count is known soon.
#pragma once

#include "proxy/base/clock.h"
#include "proxy/config/config.h"

namespace breakwater {

class CacheKeeper {
 public:
  static constexpr MonoTime kStep = MonoTime::FromMs(100);
  static constexpr MonoTime kBusyPerStep = MonoTime::FromMs(5);

  explicit CacheKeeper(const Clock& clock) : clock_(clock) {}

  // One step for every cache of the configuration; call it each kStep.
  void Step(const Config& config);

 private:
  void SweepOne(PacketCache& cache, const Config& config, MonoTime end);

  const Clock& clock_;
};

}  // namespace breakwater
