// How many queries may be sent a second time because the first brought no answer in time
// (setRetryBudget, MECHANISMS.md, 5): a share of all queries, so that a backend that is slow under
// load does not get more load for it. Retries that say nothing about load (a refused port, a
// backend marked down, one that is known to be bad for the zone) are not charged, but bounded in
// rate. One a worker, on its thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/base/token_bucket.h"

namespace breakwater {

class RetryBudget {
 public:
  // `share` of queries, 0 (never) to 1. The budget holds at least `kFloor` retries at first, so
  // that a quiet worker may retry too, and never more than `kCeiling`.
  explicit RetryBudget(double share) { set_share(share); }
  void set_share(double share) {
    share_ = std::clamp(share, 0.0, 1.0);
    if (share_ == 0) tokens_ = 0;
  }

  void OnQuery() { tokens_ = std::min(tokens_ + share_, kCeiling); }
  // One more send after a time-out: false where the budget is used up.
  bool TakeForTimeout() {
    if (share_ == 0 || tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  // One more send after a refused port or for a backend marked down.
  bool TakeForRefused(MonoTime now) { return refused_.Take(now); }

  // One more send, to a good server, after the silence of one that is known to be bad for the zone:
  // few queries try it, and it takes no retry from others. Never where there are to be none.
  bool TakeForTrial(MonoTime now) { return share_ != 0 && TakeForRefused(now); }

  // How long a query waits for its first answer before it is sent a second time; milliseconds.
  static uint32_t DelayMs(uint32_t udp_timeout_ms, double smoothed_latency_us) {
    const double patience = std::max(100.0, 4 * smoothed_latency_us / 1000);
    return static_cast<uint32_t>(std::min(udp_timeout_ms / 2.0, patience));
  }

  static constexpr double kFloor = 10;
  static constexpr double kCeiling = 1000;
  static constexpr double kRefusedPerSecond = 1000;

 private:
  double share_ = 0;
  double tokens_ = kFloor;
  TokenBucket refused_{kRefusedPerSecond, kRefusedPerSecond};
};

}  // namespace breakwater
