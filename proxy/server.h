// The running program: sockets, workers, the control thread and what console, control socket and
// web server ask about. Made on the main thread from the first configuration; whichever thread
// holds Lua publishes later ones with Publish().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "proxy/backend/discovery.h"
#include "proxy/backend/health_probe.h"
#include "proxy/backend/server_rates.h"
#include "proxy/control/alert_command.h"
#include "proxy/control/carbon_sender.h"
#include "proxy/control/control_commands.h"
#include "proxy/control/control_socket.h"
#include "proxy/control/control_target.h"
#include "proxy/control/drill_commands.h"
#include "proxy/control/soa_prober.h"
#include "proxy/control/zone_news.h"
#include "proxy/guard/dyn_block_keeper.h"
#include "proxy/net/loop.h"
#include "proxy/observe/metrics.h"
#include "proxy/observe/rings.h"
#include "proxy/worker/cache_keeper.h"
#include "proxy/worker/collector_keeper.h"
#include "proxy/worker/flush_sources.h"
#include "proxy/worker/side_task_keeper.h"
#include "proxy/worker/snapshot_keeper.h"
#include "proxy/worker/store_keeper.h"
#include "proxy/worker/watchdog.h"
#include "proxy/worker/worker_group.h"
#include "proxy/worker/zone_keeper.h"

namespace breakwater {

class Server final : public ControlTarget {
 public:
  explicit Server(ConfigPtr config);
  ~Server() override;

  // In this order, on the main thread. Bind needs the privileges for low ports; nothing before
  // Start() makes a thread.
  TextResult<void> Bind();
  void Start();

  // One thread at a time: workers and the control thread see `config` from their next message on.
  // Waits until the workers have acknowledged, at most a second.
  void Publish(ConfigPtr config);
  // Graceful: takes no more queries, lets those in flight finish for at most two seconds, and what
  // waits for Lua. With kLeft that thread is left alone: the program has to end at once, without a
  // destructor. So it has where this gives false: a worker does not end.
  enum class ScriptWaits : uint8_t { kAwaited, kLeft };
  bool Stop(ScriptWaits waits = ScriptWaits::kAwaited);

  // Any thread (SIGHUP): the files of LogAction and the like are opened anew by their names.
  void ReopenFiles() { side_tasks_.Reopen(); }

  // Called, in order and on a thread that may wait for Lua, when a health check changes a server's
  // state, and once for each server's start-up check. Before Start().
  void OnServerState(std::function<void(const BackendPtr&, bool up)> listener);
  // Called on the same thread when a server was found to have an encrypted transport that can be
  // used: `upgraded` is to be put into the configuration. Before Start().
  void OnUpgrade(
      std::function<void(const BackendPtr& server, const BackendPtr& upgraded)> listener);
  // Called on the same thread when a zone turned bad or good on a server. Before Start().
  void OnZoneState(std::function<void(const ZoneNews&)> listener);
  // Told each ticket key of a TLS bind, on the same thread. Before Start().
  void OnTicketKey(std::function<void(const std::string& key)> listener);
  // For the console and what else lives on the control thread.
  Loop& control_loop() { return control_loop_; }
  // Counters for what Lua does outside of the workers.
  std::shared_ptr<WorkerStats> script_stats() { return script_stats_; }

  ConfigPtr CurrentConfig() const override { return config_.Copy(); }
  const CounterRegistry& counters() const override { return counters_; }
  const Rings& rings() const override { return rings_; }
  ZoneHealth& zone_health() const override { return zone_health_; }
  Drills& drills() const override { return drills_; }
  const Clock& clock() const override { return clock_; }
  TcpWorkers tcp_workers() const override {
    return {.workers = workers_.size(), .queued = workers_.queued_connections()};
  }
  std::string Version() const override;
  // Of the last second; any thread.
  const ServerRates& rates() const { return rates_; }

 private:
  void RunControlThread();
  void StartScriptWaits();
  void PostScript(std::function<void()> work);
  HealthProbeOptions ProbeOptions(const Config& config);
  DiscoverySetup SetupDiscovery();
  TextResult<void> OpenControlSocket();
  void StartFlushSources(const Config& config);
  void CheckBackendsOnce();
  void EverySecond();
  void StepDynBlocks(const Settings& settings);
  void LeaveKernel();
  void TellZoneChanges();
  void WatchTicketKeys();
  void CountSideTasks();
  void RotateTicketKeys();
  void ExpireTlsSessions();
  void EveryStep();

  SystemClock clock_;
  Guarded<ConfigPtr> config_;
  CounterRegistry counters_;
  std::shared_ptr<WorkerStats> control_stats_;
  std::shared_ptr<WorkerStats> script_stats_;
  Rings rings_;
  mutable ZoneHealth zone_health_;  // safe from any thread
  mutable Drills drills_;           // so is this
  ServerRates rates_;
  Loop control_loop_;
  WorkerGroup workers_;
  HealthProbe health_;
  Discovery discovery_;
  CacheKeeper keeper_;
  SnapshotKeeper snapshots_;
  ZoneKeeper zones_;
  StoreKeeper stores_;
  CarbonSender carbon_;
  CollectorKeeper collectors_;
  SideTaskKeeper side_tasks_;
  FlushSources flush_sources_;
  Watchdog watchdog_;
  SoaProber prober_;
  ControlCommands commands_;
  DrillScheduler drill_scheduler_;
  PoolWatch pool_watch_;
  AlertCommand alert_;
  DynBlockKeeper dyn_blocks_;
  std::function<void(const BackendPtr&, bool up)> on_server_state_;
  std::function<void(const BackendPtr& server, const BackendPtr& upgraded)> on_upgrade_;
  std::function<void(const ZoneNews&)> on_zone_state_;
  std::function<void(const std::string& key)> on_ticket_key_;
  MonoTime expire_sessions_at_;
  uint64_t told_lost_lines_ = 0;
  std::unique_ptr<ControlSocket> control_socket_;
  // Waits for Lua on behalf of health checks, so that the control thread need not.
  Loop script_wait_loop_;
  std::atomic<bool> stopping_{false};  // what waits for Lua is left undone
  std::thread script_wait_thread_;
  std::thread control_thread_;
};

}  // namespace breakwater
