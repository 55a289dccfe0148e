// Discovery of encrypted transports (newServer's autoUpgrade, RFC 9462): asks each such server over
// TCP what it announces, tries it with a TLS connection, and tells of the server to be used from
// then on. Lives on the control thread's loop, which must outlive it; nothing blocks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "proxy/backend/discovery_attempt.h"
#include "proxy/base/counter.h"

namespace breakwater {

struct DiscoverySetup {
  // The backends of now; asked for each second.
  std::function<std::vector<BackendPtr>()> backends;
  // `upgraded` is not in the configuration yet. On the loop's thread.
  std::function<void(const BackendPtr& server, const BackendPtr& upgraded)> on_upgrade;
  Counters* counters = nullptr;  // of the loop's thread
};

class Discovery {
 public:
  Discovery(Loop& loop, DiscoverySetup setup);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // The first round is now, then there is one each second. Loop's thread, or before it runs.
  void Start();
  // Asks the servers whose time has come, all in parallel.
  void RunRound();

 private:
  using Key = std::weak_ptr<Backend>;  // holds the address, not the backend
  struct Entry {
    MonoTime next;
    bool upgraded = false;  // once is enough
    std::unique_ptr<DiscoveryAttempt> running{};
  };
  void Begin(const BackendPtr& backend, Entry& entry);
  void Conclude(const Key& key, TextResult<BackendPtr> result);

  Loop& loop_;
  DiscoverySetup setup_;
  Random random_;
  std::map<Key, Entry, std::owner_less<>> entries_;
  TimerId timer_ = 0;
};

}  // namespace breakwater
