#include "proxy/worker/worker.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "proxy/base/hurried_thread.h"
#include "proxy/base/log.h"
#include "proxy/guard/dyn_block_table.h"

namespace breakwater {
namespace {

constexpr MonoTime kBeat = MonoTime::FromSeconds(1);
constexpr MonoTime kStopCheck = MonoTime::FromMs(10);

ListenSettings ListenSettingsOf(const Config& config) {
  const Settings& settings = config.settings;
  return {.acl = &config.acl,
          .tcp_recv_timeout_s = settings.tcp_recv_timeout_s,
          .tcp_send_timeout_s = settings.tcp_send_timeout_s,
          .max_tcp_queries_per_connection = settings.max_tcp_queries_per_connection,
          .max_tcp_connection_duration_s = settings.max_tcp_connection_duration_s,
          .max_tcp_queued_connections = settings.max_tcp_queued_connections,
          .max_read_ios_per_query = settings.client_limits.max_read_ios_per_query,
          .overload_threshold_percent = settings.client_limits.overload_threshold_percent,
          .proxy_acl = config.proxy_acl.empty() ? nullptr : &config.proxy_acl,
          .max_proxy_header = settings.proxy_max_payload,
          .acl_for_proxied = settings.proxy_acl_to_proxied};
}

MonoTime ThreadCpuTime() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return MonoTime::FromMs(used.tv_sec * 1000 + used.tv_nsec / 1'000'000);
}

}  // namespace

Worker::Worker(WorkerSettings settings, ConfigPtr config, const PathFactory& make_path,
               WorkerShared shared)
    : settings_(std::move(settings)),
      config_(config),
      stats_(std::move(shared.stats)),
      exchanges_(loop_, random_, stats_->counters, settings_.workers),
      path_(make_path(
          PathEnvironment{
              .now = [this] { return loop_.now(); },
              .queries = queries_,
              .timers = loop_.timers(),
              .random = random_,
              .stats = *stats_,
              .rings = shared.rings,
              .zones = shared.zones,
              .drills = shared.drills,
              .post = [this](std::function<void()> message) { loop_.Post(std::move(message)); },
              .exchange_for =
                  [this](const BackendPtr& backend, BackendTransport transport) {
                    return exchanges_.For(backend, transport);
                  }},
          config)),
      listen_{.loop = loop_,
              .queries = queries_,
              .sink = *path_,
              .counters = stats_->counters,
              .limits = shared.limits,
              .settings = listen_settings_,
              .hand_over = [this](const StreamListener& from,
                                  AcceptedConnection& c) { return HandOver(from, c); },
              .queued_connections = &shared.queued_connections} {
  exchanges_.Connect(*path_);
  loop_.AtTurnEnd([this] { CountConnections(); });
  Adopt(std::move(config));
}

Worker::~Worker() {
  if (thread_.joinable()) thread_.join();
}

void Worker::AddListener(std::shared_ptr<Frontend> frontend, UniqueFd socket) {
  const bool datagrams = IsDatagram(frontend->settings.protocol);
  sockets_.push_back({socket.get(), datagrams ? SocketKind::kUdp : SocketKind::kTcp});
  if (datagrams) {
    udp_.push_back(std::make_unique<UdpListener>(listen_, std::move(frontend),
                                                 UdpListener::Source{.fd = std::move(socket)}));
  } else {
    streams_.push_back(
        std::make_unique<StreamListener>(listen_, std::move(frontend), std::move(socket)));
  }
}

void Worker::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Worker::Pin() {
  if (settings_.cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : settings_.cpus) CPU_SET(static_cast<size_t>(cpu), &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
    LogWarning("setup", "worker {} cannot be pinned to CPU {}", settings_.index,
               settings_.cpus.front());
  }
}

void Worker::Run() {
  pthread_setname_np(pthread_self(), fmt::format("bw/worker{}", settings_.index).c_str());
  MarkThreadHurried();
  Pin();
  activity_.store(&Activity::OfThisThread(), std::memory_order_release);
  Beat();
  loop_.Run();
  activity_.store(nullptr, std::memory_order_release);
  ending_.set_value();
}

// The loop turns at least once a second, for the watchdog; what is done at leisure goes here.
void Worker::Beat() {
  exchanges_.Prune();
  for (const auto& listener : udp_) listener->DropRemovedKeys();
  for (const auto& listener : streams_) listener->DropRemovedKeys();
  const MonoTime cpu = ThreadCpuTime();
  const int64_t passed_us = (loop_.now() - beat_).us();
  if (beat_ != MonoTime{} && passed_us > 0) {
    load_.SetBusy(static_cast<uint32_t>((cpu - beat_cpu_).us() * 100 / passed_us));
  }
  beat_ = loop_.now();
  beat_cpu_ = cpu;
  loop_.timers().Add(loop_.now() + kBeat, [this] { Beat(); });
}

void Worker::CountConnections() {
  uint64_t sum = 0;
  for (const auto& listener : streams_) sum += listener->connections();
  load_.SetConnections(sum);
}

StreamListener* Worker::ListenerOf(const Frontend& frontend) const {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const auto& listener) {
    return &listener->frontend() == &frontend;
  });
  return found == streams_.end() ? nullptr : found->get();
}

bool Worker::HandOver(const StreamListener& from, AcceptedConnection& connection) {
  CountConnections();
  std::vector<WorkerLoad> loads;
  std::vector<Worker*> servers;
  size_t self = 0;
  for (Worker* peer : peers_) {
    // Which binds a worker serves is settled before it starts.
    if (peer->ListenerOf(from.frontend()) == nullptr) continue;
    if (peer == this) self = servers.size();
    servers.push_back(peer);
    loads.push_back(peer->load());
  }
  if (servers.size() < 2) return false;
  const auto chosen = ChooseHandOver(loads, self);
  if (!chosen) return false;
  Worker* other = servers[*chosen];
  other->load_.AddConnection();
  // A message must be copyable.
  auto moved = std::make_shared<AcceptedConnection>(std::move(connection));
  other->loop_.Post([other, &frontend = from.frontend(), moved] {
    other->TakeOver(frontend, std::move(*moved));
  });
  return true;
}

void Worker::TakeOver(const Frontend& frontend, AcceptedConnection connection) {
  ListenerOf(frontend)->Adopt(std::move(connection));
}

std::string Worker::Doing() const {
  const Activity* activity = activity_.load(std::memory_order_acquire);
  return activity == nullptr ? "not running" : activity->what();
}

void Worker::Adopt(ConfigPtr config) {
  config_ = std::move(config);
  AttachKernelFilter();
  listen_settings_ = ListenSettingsOf(*config_);
  exchanges_.UseConfig(config_);
  path_->UseConfig(config_);
}

void Worker::AttachKernelFilter() {
  auto filter = config_->dyn_blocks->kernel().attached();
  if (filter == attached_) return;
  attached_ = std::move(filter);
  for (const ListeningSocket& socket : sockets_) {
    if (auto attached = attached_->Attach(socket.fd, socket.kind); !attached) {
      LogError("setup", "{}", attached.error());
    }
  }
}

void Worker::UseConfig(ConfigPtr config, std::function<void()> done) {
  loop_.Post([this, config = std::move(config), done = std::move(done)]() mutable {
    Adopt(std::move(config));
    done();
  });
}

void Worker::RenewSockets(const BackendPtr& backend) {
  loop_.Post([this, backend] { exchanges_.RenewSockets(backend); });
}

void Worker::Stop(MonoTime grace) {
  loop_.Post([this, grace] {
    for (auto& listener : udp_) listener->StopAccepting();
    for (auto& listener : streams_) listener->StopAccepting();
    EndWhenDone(loop_.now() + grace);
  });
}

void Worker::EndWhenDone(MonoTime deadline) {
  if (path_->Waiting() == 0 || loop_.now() >= deadline) {
    path_->DropAll();
    // What clients were given last leaves at the end of this turn.
    loop_.timers().Add(loop_.now() + kStopCheck, [this] {
      for (auto& listener : streams_) listener->Close();
      for (auto& listener : udp_) listener->Close();
      loop_.Stop();
    });
    return;
  }
  loop_.timers().Add(loop_.now() + kStopCheck, [this, deadline] { EndWhenDone(deadline); });
}

bool Worker::JoinUntil(MonoTime deadline) {
  if (!thread_.joinable()) return true;
  // Of the monotonic clock, as MonoTime is.
  const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(deadline.ns)};
  const bool ended = ended_.wait_until(until) == std::future_status::ready;
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return ended;
}

}  // namespace breakwater
