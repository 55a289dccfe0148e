// A rule's limit on queries a second: a TokenBucket for which a rate of zero means that nothing
// passes, as dnsdist's MaxQPSRule(0), where the bucket itself would let all pass. Shared by all
// workers.
#pragma once

#include "proxy/base/token_bucket.h"

namespace breakwater {

class RateLimit {
 public:
  RateLimit(double rate, double burst) : none_(rate <= 0), bucket_(rate, burst) {}
  bool Take(MonoTime now) const { return !none_ && bucket_.Take(now); }
  bool WouldTake(MonoTime now) const { return !none_ && bucket_.WouldTake(now); }

 private:
  bool none_;
  mutable TokenBucket bucket_;
};

}  // namespace breakwater
