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
#include "proxy/base/random.h"

namespace breakwater {

struct HealthProbeOptions {
  // The backends of now; asked for each second.
  std::function<std::vector<BackendPtr>()> backends;
  // A backend's first check at start-up, or a later change by checks. On the loop's thread. Where
  // settings().reconnect_on_up, the owner of the exchanges renews their sockets here.
  std::function<void(const BackendPtr&, bool up)> on_change;
  // Runs a checkFunction where one may wait for Lua; unset: on the loop's own thread. Its backend's
  // time-out runs meanwhile.
  std::function<void(std::function<void()>)> run_script;
  bool verbose = false;  // setVerboseHealthChecks: each failed check is told
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
  // `done` is called on the loop's thread once all are known (at most the longest time-out).
  void CheckAllAtStart(const std::vector<BackendPtr>& backends, std::function<void()> done);
  // One round, as the timer does it.
  void RunRound();

 private:
  enum class Kind : uint8_t { kRegular, kInitial };
  struct Shared;  // what a checkFunction on another thread needs to come back

  void Begin(const BackendPtr& backend, Kind kind);
  void AskScript(const BackendPtr& backend, uint64_t number);
  void SendCheck(uint64_t number, const HealthCheckQuestion& question);
  void OnVerdict(uint64_t number, HealthVerdict verdict, MonoTime took);
  // A good reply goes past the validator before it counts; false where there is none.
  bool AskValidator(uint64_t number, MonoTime took);
  void Conclude(uint64_t number, HealthVerdict verdict, MonoTime took);
  void RunScript(std::function<void()> work);
  void Apply(const BackendPtr& backend, HealthVerdict verdict, Kind kind);
  void Count(Backend& backend, HealthVerdict verdict, MonoTime took);

  struct Running {
    std::unique_ptr<HealthCheck> check;
    Kind kind;
  };
  Loop& loop_;
  HealthProbeOptions options_;
  Random random_;
  std::map<uint64_t, Running> running_;
  std::map<const Backend*, uint64_t> of_backend_;
  std::set<const Backend*> asking_;  // whose checkFunction is on its way
  uint64_t next_number_ = 1;
  size_t initial_left_ = 0;
  std::function<void()> initial_done_;
  TimerId timer_ = 0;
  MonoTime next_round_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace breakwater
