// All workers: their sockets, their start and stop, and the configuration they see. Made,
// bound, started and stopped on the main thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/guard/client_limits.h"
#include "proxy/net/socket_options.h"
#include "proxy/observe/metrics.h"
#include "proxy/worker/worker.h"

namespace breakwater {

// What the server lends to all workers; outlives them.
struct WorkersShared {
  CounterRegistry& counters;
  Rings& rings;
  ZoneHealth& zones;
  Drills& drills;
};

class WorkerGroup {
 public:
  // One worker per CPU that this process may use, unless the settings say a number.
  WorkerGroup(ConfigPtr config, const PathFactory& make_path, WorkersShared shared);
  ~WorkerGroup();

  // Opens every frontend's sockets, one a worker, in group order.
  TextResult<void> Bind();
  void Start();
  // Whoever has the script's lock. Returns when every worker has acknowledged, or after a second;
  // does nothing once the workers were stopped.
  void Publish(const ConfigPtr& config);
  // Any thread: fresh sockets to this backend at their next use (reconnectOnUp).
  void RenewSockets(const BackendPtr& backend);
  // Lets what is in flight finish for at most `grace`. False where a worker does not end soon
  // after, caught in a script, say: its thread is left, and this object must not be destroyed.
  bool Stop(MonoTime grace);

  size_t size() const { return workers_.size(); }
  // Accepted, and on their way to another worker. Any thread.
  uint64_t queued_connections() const { return queued_connections_.Get(); }
  std::vector<uint64_t> Turns() const;          // any thread
  std::string ActivityOf(size_t worker) const;  // any thread
  // How many workers a configuration gets.
  static size_t CountFor(const Config& config);

 private:
  TextResult<void> BindAdditional();
  TextResult<std::vector<UniqueFd>> OpenSockets(const FrontendSettings& settings,
                                                size_t count) const;
  std::vector<Worker*> ServersOf(const FrontendSettings& frontend) const;

  ConfigPtr config_;  // until Start()
  ClientLimits limits_;
  SharedCounter queued_connections_;
  std::vector<std::unique_ptr<Worker>> workers_;
  enum class Phase : uint8_t { kBound, kRunning, kStopped };
  std::mutex phase_mutex_;  // a callback may publish while the main thread starts or stops them
  Phase phase_ = Phase::kBound;
};

}  // namespace breakwater
