#include "proxy/worker/worker_group.h"

#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/listen/frontend_sockets.h"

namespace breakwater {
namespace {

constexpr MonoTime kStopPatience = MonoTime::FromSeconds(2);

// The CPUs that this process may use (taskset, cgroup cpusets).
std::vector<int> UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

// All CPUs that a bind names; workers are pinned to these.
std::vector<int> NamedCpus(const Config& config) {
  std::vector<int> cpus;
  for (const auto& frontend : config.frontends) {
    cpus.insert(cpus.end(), frontend->settings.cpus.begin(), frontend->settings.cpus.end());
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

// Counts acknowledgements of workers that may come after the waiting has ended.
struct Acknowledged {
  std::mutex mutex;
  std::condition_variable changed;
  size_t left = 0;

  void One() {
    std::lock_guard lock(mutex);
    if (--left == 0) changed.notify_all();
  }
  bool WaitAll(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, most, [this] { return left == 0; });
  }
};

}  // namespace

size_t WorkerGroup::CountFor(const Config& config) {
  if (config.settings.workers) return std::max<size_t>(1, *config.settings.workers);
  return UsableCpus().size();
}

WorkerGroup::WorkerGroup(ConfigPtr config, const PathFactory& make_path, WorkersShared shared)
    : config_(std::move(config)), limits_(config_->settings.client_limits) {
  const size_t count = CountFor(*config_);
  const std::vector<int> named = NamedCpus(*config_);
  for (size_t i = 0; i < count; ++i) {
    WorkerSettings settings{.index = i, .workers = count, .cpus = named};
    if (!named.empty()) settings.cpus = {named[i % named.size()]};
    WorkerShared lent{limits_,
                      shared.rings,
                      shared.zones,
                      shared.drills,
                      shared.counters.AddWorker(),
                      queued_connections_};
    workers_.push_back(
        std::make_unique<Worker>(std::move(settings), config_, make_path, std::move(lent)));
  }
  std::vector<Worker*> peers;
  for (const auto& worker : workers_) peers.push_back(worker.get());
  for (Worker* worker : peers) worker->SetPeers(peers);
}

WorkerGroup::~WorkerGroup() {
  Stop(MonoTime{});
}

// Workers that serve this bind: those on its CPUs, at least one.
std::vector<Worker*> WorkerGroup::ServersOf(const FrontendSettings& frontend) const {
  std::vector<Worker*> chosen;
  for (const auto& worker : workers_) {
    const auto& on = worker->cpus();
    const bool serves =
        frontend.cpus.empty() || std::any_of(on.begin(), on.end(), [&](int cpu) {
          return std::find(frontend.cpus.begin(), frontend.cpus.end(), cpu) != frontend.cpus.end();
        });
    if (serves) chosen.push_back(worker.get());
  }
  if (chosen.empty()) chosen.push_back(workers_.front().get());
  return chosen;
}

// The default filter, before anything can be in the sockets' queues for long.
TextResult<std::vector<UniqueFd>> WorkerGroup::OpenSockets(const FrontendSettings& settings,
                                                           size_t count) const {
  const SocketOptions common{.receive_buffer = config_->settings.udp_receive_buffer,
                             .send_buffer = config_->settings.udp_send_buffer,
                             .fast_open_key = config_->settings.tcp_fast_open_key};
  auto sockets = OpenFrontendSockets(settings, count, common);
  const auto filter = config_->dyn_blocks->kernel().filter();
  if (!sockets || filter == nullptr) return sockets;
  const SocketKind kind = IsDatagram(settings.protocol) ? SocketKind::kUdp : SocketKind::kTcp;
  for (const UniqueFd& socket : *sockets) {
    if (auto attached = filter->Attach(socket.get(), kind); !attached)
      return Fail(attached.error());
  }
  return sockets;
}

// Lines that repeat an address are one group of sockets, so that the kernel spreads queries over
// all of them; each line keeps its own row and counters.
TextResult<void> WorkerGroup::Bind() {
  std::vector<bool> done(config_->frontends.size());
  for (size_t first = 0; first < done.size(); ++first) {
    if (done[first]) continue;
    std::vector<std::pair<std::shared_ptr<Frontend>, Worker*>> members;
    const FrontendSettings& settings = config_->frontends[first]->settings;
    for (size_t i = first; i < done.size(); ++i) {
      const auto& other = config_->frontends[i];
      if (other->settings.protocol != settings.protocol ||
          other->settings.address != settings.address ||
          other->settings.interface != settings.interface) {
        continue;
      }
      done[i] = true;
      for (Worker* worker : ServersOf(other->settings)) members.emplace_back(other, worker);
    }
    auto sockets = OpenSockets(settings, members.size());
    if (!sockets) return Fail(sockets.error());
    for (size_t i = 0; i < members.size(); ++i) {
      members[i].second->AddListener(members[i].first, std::move((*sockets)[i]));
    }
  }
  return BindAdditional();
}

TextResult<void> WorkerGroup::BindAdditional() {
  for (const auto& frontend : config_->frontends) {
    const std::vector<Worker*> servers = ServersOf(frontend->settings);
    for (const Address& address : frontend->settings.additional_addresses) {
      FrontendSettings settings = frontend->settings;
      settings.address = address;
      auto sockets = OpenSockets(settings, servers.size());
      if (!sockets) return Fail(sockets.error());
      for (size_t i = 0; i < servers.size(); ++i) {
        servers[i]->AddListener(frontend, std::move((*sockets)[i]));
      }
    }
  }
  return {};
}

void WorkerGroup::Start() {
  const std::lock_guard<std::mutex> lock(phase_mutex_);
  for (const auto& worker : workers_) worker->Start();
  phase_ = Phase::kRunning;
  config_ = nullptr;  // each has it; what is no longer in a newer one must be able to go
}

void WorkerGroup::Publish(const ConfigPtr& config) {
  const auto acknowledged = std::make_shared<Acknowledged>();
  acknowledged->left = workers_.size();
  {
    const std::lock_guard<std::mutex> lock(phase_mutex_);
    if (phase_ == Phase::kStopped) return;
    if (phase_ == Phase::kBound) {
      config_ = config;
      for (const auto& worker : workers_) worker->UseConfigBeforeStart(config);
      return;
    }
    for (const auto& worker : workers_) {
      worker->UseConfig(config, [acknowledged] { acknowledged->One(); });
    }
  }
  if (!acknowledged->WaitAll(std::chrono::milliseconds(1000))) {
    LogWarning("setup", "not every worker has taken the new configuration within a second");
  }
}

void WorkerGroup::RenewSockets(const BackendPtr& backend) {
  for (const auto& worker : workers_) worker->RenewSockets(backend);
}

bool WorkerGroup::Stop(MonoTime grace) {
  {
    const std::lock_guard<std::mutex> lock(phase_mutex_);
    const bool running = phase_ == Phase::kRunning;
    phase_ = Phase::kStopped;
    if (!running) return true;
  }
  for (const auto& worker : workers_) worker->Stop(grace);
  const MonoTime deadline = SystemClock().Now() + grace + kStopPatience;
  bool all_ended = true;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->JoinUntil(deadline)) continue;
    all_ended = false;
    LogError("setup", "worker {} does not end: it is left behind; it is doing: {}", i,
             workers_[i]->Doing());
  }
  return all_ended;
}

std::vector<uint64_t> WorkerGroup::Turns() const {
  std::vector<uint64_t> turns;
  for (const auto& worker : workers_) turns.push_back(worker->turns());
  return turns;
}

std::string WorkerGroup::ActivityOf(size_t worker) const {
  return workers_[worker]->Doing();
}

}  // namespace breakwater
