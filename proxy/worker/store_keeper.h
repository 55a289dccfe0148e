// The helper thread of the key-value stores: about once a second it calls their Tend(), so that no
// worker has to look at a file. It runs from the first configuration with a store on. Start(),
// UseConfig() and Stop() belong to whoever publishes configurations; Count() is the control
// thread's.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/config/config.h"

namespace breakwater {

class StoreKeeper {
 public:
  explicit StoreKeeper(const Clock& clock) : clock_(clock) {}
  ~StoreKeeper() { Stop(); }

  // Privileges were dropped: nothing before this makes a thread.
  void Start(const Config& config);
  void UseConfig(const Config& config);
  void Stop();
  // What the stores have counted since the last call.
  void Count(Counters& counters);

  // One round of the thread; for tests without it.
  void Step();

 private:
  struct Told {
    std::weak_ptr<KeyValueStore> store;
    uint64_t loads = 0, load_errors = 0, lookup_errors = 0;  // counted so far
  };
  void Run();
  std::vector<KeyValueStorePtr> Stores();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<const KeyValueStore*, Told> stores_;  // guarded by mutex_, as what follows
  bool started_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace breakwater
