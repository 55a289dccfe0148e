// The helper thread of one store of zones: looks at the directory at start and at an interval, and
// at single files as soon as the kernel tells of them (inotify). Made, started and stopped by its
// owner, on one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "proxy/base/unique_fd.h"
#include "proxy/zone/zone_directory.h"

namespace breakwater {

class ZoneWatcher {
 public:
  explicit ZoneWatcher(ZoneStorePtr store);
  ~ZoneWatcher();  // stops
  ZoneWatcher(const ZoneWatcher&) = delete;
  ZoneWatcher& operator=(const ZoneWatcher&) = delete;

  void Start();
  // The thread has ended; a file that is being read is read to its end.
  void Stop();
  // Waits until the directory was gone through once; false where that takes longer.
  bool AwaitFirstLook(MonoTime patience);

 private:
  void Run();
  void Watch();
  void TellFirstLook();
  void TakeEvents();
  int WaitMs() const;

  ZoneStorePtr store_;
  SystemClock clock_;
  std::atomic<bool> stop_{false};
  ZoneDirectory directory_;
  UniqueFd wake_;
  UniqueFd events_;
  int watch_ = -1;
  bool told_ = false;  // that the kernel cannot tell us of changes
  MonoTime next_look_;
  std::mutex mutex_;
  std::condition_variable looked_;
  bool has_looked_ = false;
  std::thread thread_;
};

}  // namespace breakwater
