// What a rule has going beside the workers: a thread that reads, a file that is opened anew. The
// rule and SideTaskKeeper hold it together; the keeper is the last to let go, so that no worker
// ever waits for its end.
#pragma once

#include "proxy/base/counter.h"

namespace breakwater {

class SideTask {
 public:
  virtual ~SideTask() = default;

  // Whoever publishes configurations, once privileges were dropped; more calls do nothing.
  virtual void Start() = 0;
  // Does not wait. Afterwards Ended() says when nothing more is to be counted.
  virtual void AskToStop() = 0;
  virtual bool Ended() const = 0;
  // The control thread: adds what happened since the last call.
  virtual void Count(Counters& counters) = 0;
  // Any thread (SIGHUP): files are opened anew by their names.
  virtual void Reopen() {}
};

}  // namespace breakwater
