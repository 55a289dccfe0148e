#include "proxy/worker/watchdog.h"

#include "proxy/base/log.h"

namespace breakwater {

void Watchdog::Check(const std::vector<uint64_t>& turns, MonoTime now) {
  seen_.resize(turns.size(), Seen{.turns = UINT64_MAX, .since = now});
  for (size_t i = 0; i < turns.size(); ++i) {
    Seen& seen = seen_[i];
    if (turns[i] != seen.turns) {
      if (seen.reported) {
        LogWarning("watchdog", "worker {} goes on after {} s", i, (now - seen.since).seconds());
      }
      seen = Seen{.turns = turns[i], .since = now};
      continue;
    }
    if (seen.reported || now - seen.since < kStall) continue;
    seen.reported = true;
    counters_.Add(Metric::kWorkerStalls);
    LogError("watchdog", "worker {} has not turned its loop for {} s; it is doing: {}", i,
             (now - seen.since).seconds(), activity_(i));
  }
}

}  // namespace breakwater
