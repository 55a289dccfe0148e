// Asks the backends how they are: once a second it goes through them and sends the checks that are
// due, all in parallel, judges the answers and changes their HealthState. Lives on the control
// thread's loop, which must outlive it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "proxy/backend/health_check.h"
#include "proxy/base/counter.h"
#include "proxy/base/log.h"
#include "proxy/base/random.h"

namespace breakwater {

struct HealthProbeOptions {
  // The backends of now; asked for each second.
  std::function<std::vector<BackendPtr>()> backends;
  // A backend's first check at start-up, or a later change by checks. On the loop's thread. Where
  // settings().reconnect_on_up, the owner of the exchanges renews their sockets here.
  std::function<void(const BackendPtr&, bool up)> on_change;
  // Runs a checkFunction or a validator where one may wait for Lua; unset: on the loop's own
  // thread.
  std::function<void(std::function<void()>)> run_script;
  // How long one of them is waited for. No time of the backend's: a check that Lua holds up longer
  // is none, and made again.
  MonoTime script_patience = MonoTime::FromSeconds(10);
  Counters* counters = nullptr;  // of the loop's thread
  bool verbose = false;          // setVerboseHealthChecks: each failed check is told
};

class HealthProbe {
 public:
  HealthProbe(Loop& loop, HealthProbeOptions options);
  ~HealthProbe();
  HealthProbe(const HealthProbe&) = delete;
  HealthProbe& operator=(const HealthProbe&) = delete;

  // Begins the rounds: the first one a second from now. Loop's thread, or before it runs.
  void Start();
  // The start-up check of all that are not forced, in parallel; the one result of each decides.
  // `done` is called on the loop's thread once all are known (at most the longest time-out, and the
  // patience with Lua). What could not be asked is decided by its next check instead.
  void CheckAllAtStart(const std::vector<BackendPtr>& backends, std::function<void()> done);
  // One round, as the timer does it.
  void RunRound();

 private:
  enum class Kind : uint8_t {
    kRegular,
    kFirst,    // decides alone, as the one at start-up that could not be made
    kInitial,  // the one at start-up, which is waited for
  };
  using BackendKey = std::weak_ptr<Backend>;  // holds the address, not the backend
  struct Shared;  // what a checkFunction on another thread needs to come back

  void Begin(const BackendPtr& backend, Kind kind);
  // A server of zone files: nothing is sent.
  void JudgeZones(const BackendPtr& backend, Kind kind);
  void AskScript(const BackendPtr& backend, uint64_t number);
  void RunScript(uint64_t number, std::function<void()> work);
  void SendCheck(uint64_t number, const HealthCheckQuestion& question);
  void OnVerdict(uint64_t number, HealthVerdict verdict, MonoTime took);
  // A good reply goes past the validator before it counts; false where there is none.
  bool AskValidator(uint64_t number, MonoTime took);
  void Conclude(uint64_t number, HealthVerdict verdict, MonoTime took);
  void NotMade(const BackendPtr& backend, HealthVerdict verdict, Kind kind);
  void Apply(const BackendPtr& backend, HealthVerdict verdict, Kind kind);
  void Count(Backend& backend, HealthVerdict verdict, MonoTime took);

  struct Running {
    std::unique_ptr<HealthCheck> check;
    Kind kind;
    TimerId patience = 0;  // with Lua
  };
  Loop& loop_;
  HealthProbeOptions options_;
  Random random_;
  std::map<uint64_t, Running> running_;
  std::map<const Backend*, uint64_t> of_backend_;
  std::set<const Backend*> asking_;  // whose checkFunction or validator is on its way
  std::map<BackendKey, Kind, std::owner_less<>> again_;  // whose check was not made
  LogLimiter log_limiter_;
  uint64_t next_number_ = 1;
  size_t initial_left_ = 0;
  std::function<void()> initial_done_;
  TimerId timer_ = 0;
  MonoTime next_round_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace breakwater
