// The world of a scenario: the query paths of two workers with a manual clock, backends that answer
// when the script says so, and clients that remember. Everything but sockets, threads and time
// is the program's own, the Lua configuration included. One thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lua/configuration.h"
#include "proxy/base/mailbox.h"
#include "proxy/config/config_builder.h"
#include "proxy/control/control_target.h"
#include "proxy/query_path.h"
#include "tests/support/fake_client.h"
#include "tests/support/fake_exchange.h"
#include "tests/support/manual_clock.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {

class World final : public ControlTarget {
 public:
  // Every server begins up. The error is the configuration's.
  static TextResult<std::unique_ptr<World>> Make(const std::string& lua_text);

  // Runs a console line and gives what it prints.
  std::string Console(const std::string& line);
  // Of one query or several that come at once: a tag, and QueryMaker's words.
  using Asked = std::pair<uint64_t, std::string>;
  enum Worker : size_t { kFirst, kOther };
  void Ask(const std::vector<Asked>& asked, Worker worker = kFirst);
  // Runs timers, health rounds and maintenance() (each second) in order up to then.
  void Advance(MonoTime by);

  // The oldest message that `server` got and nobody has answered or failed. Questions of the
  // proxy's own, which no client waits for, are at "NAME/own", those of the second worker at
  // "NAME/other".
  FakeExchange::Sent* Waiting(const std::string& server, FakeExchange** exchange = nullptr);
  // Answers it: `description` is QueryMaker's, its question and ID are the message's.
  TextResult<void> Reply(const std::string& server, const std::string& description);
  // The same, as a message of a transfer behind which more will come.
  TextResult<void> Part(const std::string& server, const std::string& description);
  // The client that was full has read, or is gone.
  void TellRoom() { paths_[kFirst]->OnRoom(client_.full_for); }
  TextResult<void> Fail(const std::string& server, FailureKind kind);
  // The result of the health check that `server` waits for.
  TextResult<void> Check(const std::string& server, bool good);

  void StepWall(int64_t seconds) { clock_.StepWall(seconds); }
  // The program stops, and another begins, `seconds` later: what a snapshot of the caches keeps is
  // what it has. The clients' answers so far are lost.
  TextResult<std::unique_ptr<World>> Restart(const std::string& lua_text, int64_t seconds);
  // "unknown", "good", or "bad" where it is that on some server.
  std::string ZoneState(const std::string& zone) const;

  FakeClient& client() { return client_; }
  // As Lua sees the running program.
  ConfigPtr CurrentConfig() const override { return config_; }
  const CounterRegistry& counters() const override { return registry_; }
  const Rings& rings() const override { return rings_; }
  ZoneHealth& zone_health() const override { return zones_; }
  Drills& drills() const override { return drills_; }
  const Clock& clock() const override { return clock_; }
  TcpWorkers tcp_workers() const override { return {}; }
  std::string Version() const override { return "scenario"; }
  uint64_t Counter(const std::string& name) const;
  BackendPtr FindBackend(const std::string& name) const;

 private:
  World();
  struct Taken {
    FakeExchange::Sent sent;
    QueryPath* path;
  };
  std::optional<Taken> Take(const std::string& server);
  std::unique_ptr<QueryPath> MakePath(Worker worker);
  void Publish(ConfigPtr config);
  Exchange* ExchangeFor(Worker worker, const BackendPtr& backend, BackendTransport transport);
  QueryPtr Arrive(const Asked& asked);
  void HealthRound();
  static TextResult<std::vector<uint8_t>> ReplyTo(const FakeExchange::Sent& sent,
                                                  const std::string& description);

  ManualClock clock_;
  TimerQueue timers_;
  Mailbox mailbox_{[] {}};  // of both workers
  Random random_;
  CounterRegistry registry_{MonoTime()};
  std::shared_ptr<WorkerStats> worker_stats_ = registry_.AddWorker();
  WorkerStats& stats_ = *worker_stats_;
  Rings rings_{RingSettings{}};
  mutable ZoneHealth zones_;  // safe from any thread
  mutable Drills drills_;     // so is this
  QueryPool queries_;
  QueryMaker maker_;
  FakeClient client_;
  Frontend frontend_;
  ConfigBuilder builder_;
  ConfigPtr config_;
  std::unique_ptr<lua::Configuration> lua_;
  using ExchangeKey = std::tuple<Worker, Backend*, BackendTransport>;
  std::map<ExchangeKey, std::unique_ptr<FakeExchange>> exchanges_;
  std::map<Backend*, bool> check_waits_;
  std::array<std::unique_ptr<QueryPath>, 2> paths_;
  std::vector<std::unique_ptr<std::vector<uint8_t>>> receive_buffers_;
};

}  // namespace breakwater::test
