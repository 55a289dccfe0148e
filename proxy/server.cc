#include "proxy/server.h"

#include <pthread.h>

#include <utility>

#include "proxy/base/log.h"
#include "proxy/base/version.h"
#include "proxy/config/caches.h"
#include "proxy/guard/timed_kernel_filter.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

constexpr MonoTime kSecond = MonoTime::FromSeconds(1);
constexpr MonoTime kGrace = MonoTime::FromSeconds(2);
constexpr MonoTime kZonePatience = MonoTime::FromSeconds(2);  // then it starts without them
constexpr MonoTime kSnapshotPatience = MonoTime::FromSeconds(1);
constexpr MonoTime kCheckPatience = MonoTime::FromSeconds(0.5);

std::unique_ptr<WorkerPath> MakePath(PathEnvironment environment, ConfigPtr config) {
  return std::make_unique<QueryPath>(std::move(environment), std::move(config));
}

}  // namespace

Server::Server(ConfigPtr config)
    : config_(config),
      counters_(clock_.Now()),
      control_stats_(counters_.AddWorker()),
      script_stats_(counters_.AddWorker()),
      rings_(config->settings.rings),
      zone_health_(config->settings.zone_health),
      workers_(config, MakePath, WorkersShared{counters_, rings_, zone_health_, drills_}),
      health_(control_loop_, ProbeOptions(*config)),
      discovery_(control_loop_, SetupDiscovery()),
      keeper_(clock_),
      snapshots_(clock_, zone_health_),
      stores_(clock_),
      carbon_(*this),
      watchdog_(control_stats_->counters,
                [this](size_t worker) { return workers_.ActivityOf(worker); }),
      prober_(control_loop_, zone_health_),
      commands_(*this, {.timers = control_loop_.timers(),
                        .prober = prober_,
                        .counters = &control_stats_->counters}),
      drill_scheduler_(*this),
      alert_(control_loop_, control_stats_->counters),
      dyn_blocks_(config->dyn_blocks) {
  counters_.ReadDynBlocksFrom([table = dyn_blocks_.table()] {
    return CounterRegistry::DynBlockNumbers{.networks = table->Snapshot()->clients(),
                                            .refused = table->refused()};
  });
  counters_.UseCustom(config->settings.custom_metrics);
}

Server::~Server() {
  Stop();
}

std::string Server::Version() const {
  return kBreakwaterVersion;
}

HealthProbeOptions Server::ProbeOptions(const Config& config) {
  return {.backends = [this] { return CurrentConfig()->backends; },
          .on_change =
              [this](const BackendPtr& backend, bool up) {
                if (up && backend->settings().reconnect_on_up) workers_.RenewSockets(backend);
                if (!on_server_state_) return;
                PostScript([this, backend, up] { on_server_state_(backend, up); });
              },
          .run_script = [this](std::function<void()> work) { PostScript(std::move(work)); },
          .counters = &control_stats_->counters,
          .verbose = config.settings.verbose_health_checks};
}

DiscoverySetup Server::SetupDiscovery() {
  return {.backends = [this] { return CurrentConfig()->backends; },
          .on_upgrade =
              [this](const BackendPtr& server, const BackendPtr& upgraded) {
                if (!on_upgrade_) return;
                PostScript([this, server, upgraded] { on_upgrade_(server, upgraded); });
              },
          .counters = &control_stats_->counters};
}

// The control loop runs on the main thread for this once: it has no thread yet.
void Server::CheckBackendsOnce() {
  const ConfigPtr config = CurrentConfig();
  if (config->backends.empty()) return;
  // Who starts in an outage has a snapshot to answer from: late verdicts come when they come.
  const auto waiting = std::make_shared<bool>(true);
  const auto stop = [this, waiting] {
    if (std::exchange(*waiting, false)) control_loop_.Stop();
  };
  health_.CheckAllAtStart(config->backends, stop);
  TimerId patience = 0;
  if (!config->settings.cache_snapshot.path.empty()) {
    patience = control_loop_.timers().Add(control_loop_.now() + kCheckPatience, stop);
  }
  control_loop_.Run();
  control_loop_.timers().Cancel(patience);
}

TextResult<void> Server::Bind() {
  // The control socket first: giving it to a group needs the privileges that are dropped later,
  // and whoever sees a port accept may expect that the operator's way in is there.
  if (auto opened = OpenControlSocket(); !opened) return Fail(opened.error());
  return workers_.Bind();
}

TextResult<void> Server::OpenControlSocket() {
  const ConfigPtr config = CurrentConfig();
  const Settings& settings = config->settings;
  if (settings.control_unix_path.empty()) return {};
  if (auto opened = commands_.OpenAudit(settings.control_access.audit_path); !opened) return opened;
  control_socket_ = std::make_unique<ControlSocket>(
      control_loop_,
      [this](std::string_view line, const ControlCaller& caller) {
        return commands_.Handle(line, caller);
      },
      ControlSocketSettingsOf(settings));
  return control_socket_->Start();
}

void Server::Start() {
  const ConfigPtr config = CurrentConfig();
  StartScriptWaits();
  WatchTicketKeys();
  snapshots_.Start(config);
  zones_.Start(*config);
  stores_.Start(*config);
  zones_.AwaitFirstLook(kZonePatience);
  snapshots_.AwaitLoaded(kSnapshotPatience);
  CheckBackendsOnce();  // last: what is not done by then goes on in the control thread at once
  for (const auto& frontend : config->frontends) {
    const auto tell = [&](const Address& address) {
      LogInfo("setup", "Listening on {} ({})", address.ToStringWithPort(), frontend->TypeText());
    };
    tell(frontend->settings.address);
    for (const Address& address : frontend->settings.additional_addresses) tell(address);
  }
  StartFlushSources(*config);
  carbon_.Start(*config);
  collectors_.Start(*config);
  side_tasks_.Start(*config);
  config->settings.neighbours->KeepIfWanted();
  workers_.Start();
  control_thread_ = std::thread([this] { RunControlThread(); });
}

void Server::StartFlushSources(const Config& config) {
  flush_sources_.Start(
      WithStateFiles(config.settings.flush_sources, config.settings.cache_snapshot.path),
      [this](const FlushSourceSettings& source,
             std::span<const FlushRequest> flushes) -> TextResult<FlushSource::Made> {
        const auto caches = CachesToFlush(*CurrentConfig(), source.pool);
        if (!caches) return Fail(caches.error());
        const std::string caller = "source " + source.Name();
        const uint64_t left = FlushesLeft(*caches, caller);
        flushes = flushes.first(std::min<uint64_t>(left, flushes.size()));
        FlushSource::Made made{.count = flushes.size()};
        for (const auto& cache : *caches) {
          for (const FlushRequest& flush : flushes) made.ids.push_back(cache->Flush(flush, caller));
        }
        TellZonesOfFlush(zone_health_, flushes, clock().Now());
        return made;
      });
}

void Server::StartScriptWaits() {
  script_wait_thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "bw/checks");
    script_wait_loop_.Run();
  });
}

void Server::PostScript(std::function<void()> work) {
  script_wait_loop_.Post([this, work = std::move(work)] {
    if (!stopping_) work();
  });
}

void Server::RunControlThread() {
  pthread_setname_np(pthread_self(), "bw/control");
  health_.Start();
  discovery_.Start();
  EverySecond();
  EveryStep();
  control_loop_.Run();
}

void Server::EverySecond() {
  watchdog_.Check(workers_.Turns(), control_loop_.now());
  rates_.Take(CurrentConfig()->backends, control_loop_.now());
  zones_.Count(control_stats_->counters);
  stores_.Count(control_stats_->counters);
  carbon_.Count(control_stats_->counters);
  collectors_.Count(control_stats_->counters);
  CountSideTasks();
  flush_sources_.Count(control_stats_->counters);
  snapshots_.Count(control_stats_->counters);
  StepDynBlocks(CurrentConfig()->settings);
  drills_.Step(control_loop_.now());
  drill_scheduler_.Step();
  RotateTicketKeys();
  ExpireTlsSessions();
  TellZoneChanges();
  control_loop_.timers().Add(control_loop_.now() + kSecond, [this] { EverySecond(); });
}

void Server::StepDynBlocks(const Settings& settings) {
  const MonoTime now = control_loop_.now();
  dyn_blocks_.Step(settings.dyn_blocks, now);
  control_stats_->counters.Add(Metric::kDynBlocked, dyn_blocks_.table()->kernel().TakeHits());
  for (const auto& filter : dyn_blocks_.table()->kernel().timed()) filter->PurgeExpired(now);
}

void Server::CountSideTasks() {
  Counters& counters = control_stats_->counters;
  side_tasks_.Count(counters);
  NeighbourTable& neighbours = *CurrentConfig()->settings.neighbours;
  neighbours.KeepIfWanted();
  neighbours.Count(counters);
  counters.Add(Metric::kSuspendedUnfitNames, CurrentConfig()->settings.suspended->TakeUnfitNames());
  const uint64_t lost = LostLogLines();
  counters.Add(Metric::kLogLinesLost, lost - std::exchange(told_lost_lines_, lost));
}

void Server::EveryStep() {
  keeper_.Step(*CurrentConfig());
  control_loop_.timers().Add(control_loop_.now() + CacheKeeper::kStep, [this] { EveryStep(); });
}

void Server::OnServerState(std::function<void(const BackendPtr&, bool up)> listener) {
  on_server_state_ = std::move(listener);
}

void Server::OnUpgrade(
    std::function<void(const BackendPtr& server, const BackendPtr& upgraded)> listener) {
  on_upgrade_ = std::move(listener);
}

void Server::OnZoneState(std::function<void(const ZoneNews&)> listener) {
  on_zone_state_ = std::move(listener);
}

void Server::TellZoneChanges() {
  const ConfigPtr config = CurrentConfig();
  const std::vector<ZoneNews> news = NewsOf(zone_health_.TakeChanges(), *config);
  LogZoneNews(news);
  const std::vector<PoolNews> pools = pool_watch_.Look(*config, control_loop_.now());
  LogPoolNews(pools);
  alert_.Add({.zones = news, .pools = pools}, config->settings.alert);
  if (!on_zone_state_) return;
  for (const ZoneNews& one : news) {
    PostScript([this, one] { on_zone_state_(one); });
  }
}

void Server::OnTicketKey(std::function<void(const std::string& key)> listener) {
  on_ticket_key_ = std::move(listener);
}

void Server::WatchTicketKeys() {
  if (!on_ticket_key_) return;
  for (const auto& frontend : CurrentConfig()->frontends) {
    if (frontend->tls == nullptr) continue;
    frontend->tls->tickets().SetHook([this](std::span<const uint8_t> key) {
      script_wait_loop_.Post(
          [this, copy = std::string(key.begin(), key.end())] { on_ticket_key_(copy); });
    });
  }
}

void Server::RotateTicketKeys() {
  for (const auto& frontend : CurrentConfig()->frontends) {
    if (frontend->tls != nullptr) frontend->tls->tickets().RotateIfDue(control_loop_.now());
  }
}

void Server::ExpireTlsSessions() {
  const ConfigPtr config = CurrentConfig();
  if (control_loop_.now() < expire_sessions_at_) return;
  expire_sessions_at_ =
      control_loop_.now() + MonoTime::FromSeconds(config->settings.tls_sessions_cleanup_s);
  for (const BackendPtr& backend : config->backends) {
    if (backend->tls() != nullptr) backend->tls()->ExpireSessions();
  }
}

void Server::Publish(ConfigPtr config) {
  config_.With([&](ConfigPtr& current) { current = config; });
  zones_.UseConfig(*config);
  stores_.UseConfig(*config);
  carbon_.UseConfig(*config);
  collectors_.UseConfig(*config);
  side_tasks_.UseConfig(*config);
  snapshots_.UseConfig(config);
  zone_health_.UseSettings(config->settings.zone_health);
  workers_.Publish(config);
}

// Flush sources, control commands and Lua callbacks have ended before the caches are written for
// the last time; a console command that runs on and flushes makes that writing no clean stop.
bool Server::Stop(ScriptWaits waits) {
  stopping_ = true;
  const bool workers_ended = workers_.Stop(kGrace);
  flush_sources_.Stop();
  carbon_.Stop();
  if (control_thread_.joinable()) {
    control_loop_.Stop();
    control_thread_.join();
    script_wait_loop_.Stop();
    if (waits == ScriptWaits::kAwaited) {
      script_wait_thread_.join();
    } else {
      script_wait_thread_.detach();
    }
  }
  snapshots_.Stop();
  zones_.Stop();
  stores_.Stop();
  collectors_.Stop();
  side_tasks_.Stop();
  CurrentConfig()->settings.neighbours->Stop();
  LeaveKernel();
  return workers_ended;
}

// Pinned maps stay, and what is there for a time must not stay with them.
void Server::LeaveKernel() {
  DynBlockTable& table = *dyn_blocks_.table();
  table.UseKernel(nullptr, DynBlockAction::kDrop, clock_.Now());
  for (const auto& filter : table.kernel().timed()) filter->PurgeExpired(KernelBlocks::kNever);
}

}  // namespace breakwater
