#include "tests/scenario/world.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "proxy/cache/cache_snapshot.h"
#include "proxy/config/caches.h"
#include "proxy/worker/snapshot_of_zones.h"

namespace breakwater::test {
namespace {

constexpr size_t kReceiveSlot = 4096 + 512;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int fd = mkstemp(path_.data());
    if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      std::abort();
    }
    close(fd);
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/scenario-XXXXXX";
};

}  // namespace

World::World() = default;

TextResult<std::unique_ptr<World>> World::Make(const std::string& lua_text) {
  std::unique_ptr<World> world(new World);
  const TemporaryFile file(lua_text);
  auto loaded = lua::Configuration::Load(file.path(), world->builder_,
                                         {.strict = true, .clock = &world->clock_});
  if (!loaded) return breakwater::Fail(loaded.error());
  world->lua_ = std::move(*loaded);
  world->lua_->UseServer(*world, world->worker_stats_);
  world->config_ = world->builder_.Publish();
  world->zones_.UseSettings(world->config_->settings.zone_health);
  for (const BackendPtr& backend : world->config_->backends) {
    if (!backend->health().forced()) backend->health().SetAuto(true);
  }
  World* raw = world.get();
  for (const Worker worker : {kFirst, kOther}) world->paths_[worker] = world->MakePath(worker);
  world->builder_.OnPublish([raw](ConfigPtr config) { raw->Publish(std::move(config)); });
  return world;
}

std::unique_ptr<QueryPath> World::MakePath(Worker worker) {
  PathEnvironment environment{
      .now = [this] { return clock_.Now(); },
      .queries = queries_,
      .timers = timers_,
      .random = random_,
      .stats = stats_,
      .rings = rings_,
      .zones = zones_,
      .drills = drills_,
      .post = [this](std::function<void()> message) { mailbox_.Post(std::move(message)); },
      .exchange_for =
          [this, worker](const BackendPtr& backend, BackendTransport transport) {
            return ExchangeFor(worker, backend, transport);
          }};
  return std::make_unique<QueryPath>(std::move(environment), config_);
}

TextResult<std::unique_ptr<World>> World::Restart(const std::string& lua_text, int64_t seconds) {
  const TemporaryFile place("");
  const std::string path = place.path() + ".snapshot";
  SnapshotHow writing{.clock = clock_, .occasion = SnapshotOccasion::kStop};
  TakeFromZones(zones_, writing);
  auto written = WriteCacheSnapshot(path, CachesOf(*config_), writing);
  auto next = Make(lua_text);
  if (!written || !next) {
    return breakwater::Fail(written ? next.error() : written.error());
  }
  World& world = **next;
  world.StepWall(clock_.WallSeconds() + seconds - world.clock_.WallSeconds());
  SnapshotHow reading{.clock = world.clock_};
  GiveToZones(world.zones_, world.config_->settings.zone_health.serials, reading);
  const auto loaded = LoadCacheSnapshot(path, CachesOf(*world.config_), reading);
  unlink(path.c_str());
  if (!loaded) return breakwater::Fail(loaded.error());
  return next;
}

void World::Publish(ConfigPtr config) {
  config_ = std::move(config);
  for (const auto& path : paths_) path->UseConfig(config_);
}

Exchange* World::ExchangeFor(Worker worker, const BackendPtr& backend, BackendTransport transport) {
  auto& exchange = exchanges_[{worker, backend.get(), transport}];
  if (exchange == nullptr) {
    exchange = std::make_unique<FakeExchange>(backend, transport == BackendTransport::kDatagram);
  }
  return exchange.get();
}

std::string World::Console(const std::string& line) {
  std::string text = lua_->RunCommand(line);
  mailbox_.Drain();
  return text;
}

void World::Ask(const std::vector<Asked>& asked, Worker worker) {
  const size_t used = receive_buffers_.size();
  std::vector<QueryPtr> queries;
  for (const Asked& each : asked) queries.push_back(Arrive(each));
  paths_[worker]->OnQueries(queries);
  mailbox_.Drain();
  // The next datagrams come: who still needs the bytes must have a copy.
  for (size_t i = used; i < receive_buffers_.size(); ++i) {
    std::ranges::fill(*receive_buffers_[i], uint8_t{0xee});
  }
}

// As a listener does: the query's bytes lie in a receive buffer that is not the query's own.
QueryPtr World::Arrive(const Asked& asked) {
  QueryPtr like = maker_.Make(asked.second);
  receive_buffers_.push_back(std::make_unique<std::vector<uint8_t>>(kReceiveSlot));
  std::vector<uint8_t>& slot = *receive_buffers_.back();
  std::copy_n(like->data, like->size, slot.data());
  QueryPtr query = queries_.Get();
  query->protocol = like->protocol;
  query->client = like->client;
  query->local = like->local;
  query->frontend = &frontend_;
  query->target = &client_;
  query->path.a = asked.first;
  query->arrived = clock_.Now();
  query->data = slot.data();
  query->size = like->size;
  query->capacity = slot.size();
  return query;
}

void World::Advance(MonoTime by) {
  const MonoTime end = clock_.Now() + by;
  MonoTime next_round = MonoTime::FromSeconds(static_cast<double>(clock_.Now().seconds() + 1));
  for (;;) {
    const MonoTime next_timer = timers_.Next().value_or(end + MonoTime::FromMs(1));
    const MonoTime next = std::min({end, next_round, std::max(next_timer, clock_.Now())});
    clock_.Advance(next - clock_.Now());
    timers_.RunDue(clock_.Now());
    mailbox_.Drain();
    if (clock_.Now() == next_round) {
      HealthRound();
      mailbox_.Drain();
      next_round = next_round + MonoTime::FromSeconds(1);
    }
    if (clock_.Now() >= end && timers_.Next().value_or(end + MonoTime::FromMs(1)) > end) return;
  }
}

void World::HealthRound() {
  lua_->Maintenance();
  drills_.Step(clock_.Now());
  for (const BackendPtr& backend : config_->backends) {
    bool& waits = check_waits_[backend.get()];
    if (!waits && backend->health().CheckDue(clock_.Now())) waits = true;
  }
}

BackendPtr World::FindBackend(const std::string& name) const {
  for (const BackendPtr& backend : config_->backends) {
    if (backend->name() == name) return backend;
  }
  return nullptr;
}

FakeExchange::Sent* World::Waiting(const std::string& server, FakeExchange** exchange) {
  const bool own = server.ends_with("/own");
  const Worker worker = server.ends_with("/other") ? kOther : kFirst;
  const std::string name = server.substr(0, server.find('/'));
  for (auto& [key, candidate] : exchanges_) {
    if (candidate->backend->name() != name || std::get<Worker>(key) != worker) continue;
    auto& sent = candidate->sent;
    std::erase_if(sent, [](const FakeExchange::Sent& one) { return one.cancelled; });
    for (FakeExchange::Sent& one : sent) {
      if (one.for_nobody != own) continue;
      if (exchange != nullptr) *exchange = candidate.get();
      return &one;
    }
  }
  return nullptr;
}

std::optional<World::Taken> World::Take(const std::string& server) {
  FakeExchange* exchange = nullptr;
  const FakeExchange::Sent* waiting = Waiting(server, &exchange);
  if (waiting == nullptr) return std::nullopt;
  auto& sent = exchange->sent;
  const auto at =
      std::ranges::find_if(sent, [&](const FakeExchange::Sent& one) { return &one == waiting; });
  FakeExchange::Sent taken = std::move(*at);
  sent.erase(at);
  const Worker worker = server.ends_with("/other") ? kOther : kFirst;
  return Taken{std::move(taken), paths_[worker].get()};
}

TextResult<void> World::Reply(const std::string& server, const std::string& description) {
  const auto taken = Take(server);
  if (!taken) return breakwater::Fail(fmt::format("'{}' waits for no answer", server));
  auto reply = ReplyTo(taken->sent, description);
  if (!reply) return breakwater::Fail(reply.error());
  taken->path->OnReply(taken->sent.flight, taken->sent.attempt, *reply);
  mailbox_.Drain();
  return {};
}

TextResult<void> World::Part(const std::string& server, const std::string& description) {
  FakeExchange::Sent* waiting = Waiting(server);
  if (waiting == nullptr) return breakwater::Fail(fmt::format("'{}' waits for no answer", server));
  auto part = ReplyTo(*waiting, description);
  if (!part) return breakwater::Fail(part.error());
  paths_[kFirst]->OnPart(waiting->flight, waiting->attempt, *part);
  return {};
}

TextResult<std::vector<uint8_t>> World::ReplyTo(const FakeExchange::Sent& sent,
                                                const std::string& description) {
  const auto question = dns::ParseQuestion(sent.message);
  if (!question) return breakwater::Fail(std::string("the backend got no question"));
  const auto name =
      dns::Name::FromWire(std::span(sent.message).subspan(dns::kHeaderSize, question->name_length));
  std::vector<uint8_t> reply = QueryMaker::Message(fmt::format(
      "{} {} +qr {}", name ? name->ToString() : ".", dns::TypeName(question->type), description));
  std::copy_n(sent.message.begin(), 2, reply.begin());
  return reply;
}

TextResult<void> World::Fail(const std::string& server, FailureKind kind) {
  const auto taken = Take(server);
  if (!taken) return breakwater::Fail(fmt::format("'{}' waits for no answer", server));
  taken->path->OnFailure(taken->sent.flight, taken->sent.attempt, kind);
  mailbox_.Drain();
  return {};
}

std::string World::ZoneState(const std::string& zone) const {
  const auto name = dns::Name::Parse(zone);
  for (const ZoneReport& report : zones_.Report(ZoneHealth::Which::kAll, SIZE_MAX)) {
    if (name && report.zone == *name) return report.IsBad() ? "bad" : "good";
  }
  return "unknown";
}

TextResult<void> World::Check(const std::string& server, bool good) {
  const BackendPtr backend = FindBackend(server);
  if (backend == nullptr) return breakwater::Fail(fmt::format("there is no server '{}'", server));
  bool& waits = check_waits_[backend.get()];
  if (!waits) return breakwater::Fail(fmt::format("no health check of '{}' is due", server));
  waits = false;
  (void)backend->health().OnCheckResult({.good = good}, clock_.Now());
  return {};
}

uint64_t World::Counter(const std::string& name) const {
  for (size_t i = 0; i < kMetricCount; ++i) {
    const auto metric = static_cast<Metric>(i);
    if (InfoOf(metric).name == name) return stats_.counters.Get(metric);
  }
  return UINT64_MAX;
}

}  // namespace breakwater::test
