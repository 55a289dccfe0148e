// One worker: a thread with a libuv loop that owns its listening sockets, its clients'
// connections, its sockets to every backend, its queries in flight, timers, packet pool, random
// source and counters. Made on the main thread with its sockets already open; after Start() only
// the functions marked "any thread" may be called from outside until JoinUntil() returned.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/backend/drills.h"
#include "proxy/backend/zone_health.h"
#include "proxy/base/activity.h"
#include "proxy/base/unique_fd.h"
#include "proxy/guard/client_limits.h"
#include "proxy/listen/stream_listener.h"
#include "proxy/listen/udp_listener.h"
#include "proxy/net/loop.h"
#include "proxy/observe/metrics.h"
#include "proxy/worker/exchange_set.h"
#include "proxy/worker/hand_over.h"
#include "proxy/worker/worker_path.h"

namespace breakwater {

class KernelFilter;

struct WorkerSettings {
  size_t index = 0;
  size_t workers = 1;
  std::vector<int> cpus;  // the thread is pinned to these; empty: not pinned
};

// What all workers share; outlives them.
struct WorkerShared {
  ClientLimits& limits;
  Rings& rings;
  ZoneHealth& zones;
  Drills& drills;
  std::shared_ptr<WorkerStats> stats;  // this worker's own, summed by the registry
  SharedCounter& queued_connections;   // handed over and not yet adopted
};

class Worker {
 public:
  Worker(WorkerSettings settings, ConfigPtr config, const PathFactory& make_path,
         WorkerShared shared);
  ~Worker();

  // --- before Start()
  // The descriptor is this worker's member of the frontend's group.
  void AddListener(std::shared_ptr<Frontend> frontend, UniqueFd socket);
  // Who serves the same binds, itself among them; they outlive each other's threads.
  void SetPeers(std::vector<Worker*> peers) { peers_ = std::move(peers); }
  void UseConfigBeforeStart(ConfigPtr config) { Adopt(std::move(config)); }
  void Start();

  // --- any thread
  // `done` is called on the worker once its next message sees `config`.
  void UseConfig(ConfigPtr config, std::function<void()> done);
  // Stops taking queries, waits for what is in flight for at most `grace`, then ends the thread.
  void Stop(MonoTime grace);
  // Waits until its thread has ended, at most until then: false where it has not, in a script that
  // does not return, say. The thread then is left, and what it uses must not be destroyed.
  bool JoinUntil(MonoTime deadline);
  void RenewSockets(const BackendPtr& backend);
  uint64_t turns() const { return loop_.turns(); }
  WorkerLoad load() const { return load_.Get(); }
  std::string Doing() const;
  const std::vector<int>& cpus() const { return settings_.cpus; }

 private:
  void Run();
  void Pin();
  void Adopt(ConfigPtr config);
  void AttachKernelFilter();
  void EndWhenDone(MonoTime deadline);
  void Beat();
  // Connections that move to another worker.
  bool HandOver(const StreamListener& from, AcceptedConnection& connection);
  void TakeOver(const Frontend& frontend, AcceptedConnection connection);
  StreamListener* ListenerOf(const Frontend& frontend) const;
  void CountConnections();

  WorkerSettings settings_;
  ConfigPtr config_;
  std::shared_ptr<WorkerStats> stats_;
  Loop loop_;
  Random random_;
  QueryPool queries_;
  ExchangeSet exchanges_;
  std::unique_ptr<WorkerPath> path_;
  ListenSettings listen_settings_;
  ListenContext listen_;
  std::vector<std::unique_ptr<UdpListener>> udp_;
  std::vector<std::unique_ptr<StreamListener>> streams_;
  struct ListeningSocket {
    int fd;  // its listener's
    SocketKind kind;
  };
  std::vector<ListeningSocket> sockets_;
  std::shared_ptr<KernelFilter> attached_;  // to all of them, after they were opened; or null
  std::vector<Worker*> peers_;
  SharedLoad load_;
  MonoTime beat_;  // the last one, and how much the thread had run by then
  MonoTime beat_cpu_;
  std::atomic<const Activity*> activity_{nullptr};
  std::promise<void> ending_;
  std::future<void> ended_ = ending_.get_future();
  std::thread thread_;
};

}  // namespace breakwater
