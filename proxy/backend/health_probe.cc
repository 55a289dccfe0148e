#include "proxy/backend/health_probe.h"

#include <algorithm>
#include <string_view>

#include "proxy/base/left_out.h"
#include "proxy/base/log.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

constexpr MonoTime kRound = MonoTime::FromMs(1000);

std::string_view VerdictText(HealthVerdict verdict) {
  switch (verdict) {
    case HealthVerdict::kGood:
      return "good";
    case HealthVerdict::kParsing:
      return "the answer cannot be parsed";
    case HealthVerdict::kMismatch:
      return "the answer is to another question";
    case HealthVerdict::kInvalid:
      return "the answer is not a valid one";
    case HealthVerdict::kRefused:
      return "the validator refuses the answer";
    case HealthVerdict::kTimeout:
      return "no answer in time";
    case HealthVerdict::kNetwork:
      return "network error";
    case HealthVerdict::kNoZones:
      return "no zone is held";
    case HealthVerdict::kShortage:
      return "no descriptor or no memory is left: raise the limit of open files";
    case HealthVerdict::kScriptLate:
      return "Lua did not come back: its checkFunction, its validator or another script takes long";
  }
  return "";
}

}  // namespace

// Outlives the probe for as long as a script is on its way; `probe` is read and written on
// the loop's thread alone.
struct HealthProbe::Shared {
  HealthProbe* probe;
};

HealthProbe::HealthProbe(Loop& loop, HealthProbeOptions options)
    : loop_(loop), options_(std::move(options)), shared_(std::make_shared<Shared>(Shared{this})) {}

HealthProbe::~HealthProbe() {
  shared_->probe = nullptr;
  for (const auto& [number, running] : running_) loop_.timers().Cancel(running.patience);
  loop_.timers().Cancel(timer_);
}

void HealthProbe::Start() {
  next_round_ = loop_.now() + kRound;
  timer_ = loop_.timers().Add(next_round_, [this] {
    // Rounds that were missed are not made up for.
    timer_ = 0;
    RunRound();
    Start();
  });
}

void HealthProbe::RunRound() {
  const MonoTime now = loop_.now();
  for (const BackendPtr& backend : options_.backends()) {
    // A round waits for its checks: none is asked twice at a time.
    if (of_backend_.contains(backend.get()) || asking_.contains(backend.get())) continue;
    const bool due = backend->health().CheckDue(now);
    const auto again = again_.extract(backend);
    if (backend->health().forced() || (!due && again.empty())) continue;
    if (backend->zones() != nullptr) {
      JudgeZones(backend, Kind::kRegular);
      continue;
    }
    Begin(backend, again.empty() ? Kind::kRegular : again.mapped());
  }
}

void HealthProbe::CheckAllAtStart(const std::vector<BackendPtr>& backends,
                                  std::function<void()> done) {
  initial_done_ = std::move(done);
  // One more, so that nothing is done before all have begun.
  initial_left_ = 1;
  for (const BackendPtr& backend : backends) {
    if (backend->health().forced() || of_backend_.contains(backend.get())) continue;
    if (backend->zones() != nullptr) {
      JudgeZones(backend, Kind::kFirst);
      continue;
    }
    ++initial_left_;
    Begin(backend, Kind::kInitial);
  }
  if (--initial_left_ == 0) loop_.Post([finished = initial_done_] { finished(); });
}

void HealthProbe::Begin(const BackendPtr& backend, Kind kind) {
  const uint64_t number = next_number_++;
  auto check = std::make_unique<HealthCheck>(
      loop_, backend,
      [this, number](HealthVerdict verdict, MonoTime took) { OnVerdict(number, verdict, took); });
  running_.emplace(number, Running{.check = std::move(check), .kind = kind});
  of_backend_[backend.get()] = number;
  if (backend->settings().health.check_function) {
    AskScript(backend, number);
  } else {
    SendCheck(number, MakeHealthQuestion(backend->settings().health));
  }
}

void HealthProbe::JudgeZones(const BackendPtr& backend, Kind kind) {
  const bool holds = backend->zones()->HasZones();
  const HealthVerdict verdict = holds ? HealthVerdict::kGood : HealthVerdict::kNoZones;
  if (!holds) Count(*backend, verdict, MonoTime{});
  Apply(backend, verdict, kind);
}

void HealthProbe::AskScript(const BackendPtr& backend, uint64_t number) {
  auto ask = [backend, number, shared = shared_, loop = &loop_] {
    HealthCheckQuestion question = MakeHealthQuestion(backend->settings().health);
    backend->settings().health.check_function(question);
    loop->Post([backend, shared, number, question] {
      if (shared->probe == nullptr) return;
      shared->probe->asking_.erase(backend.get());
      shared->probe->SendCheck(number, question);
    });
  };
  RunScript(number, std::move(ask));
}

void HealthProbe::RunScript(uint64_t number, std::function<void()> work) {
  Running& running = running_.at(number);
  running.patience =
      loop_.timers().Add(loop_.now() + options_.script_patience, [this, number, &running] {
        running.patience = 0;
        Conclude(number, HealthVerdict::kScriptLate, MonoTime{});
      });
  // One that has not come back from an earlier check must not be piled upon.
  if (!asking_.insert(running.check->backend().get()).second) return;
  if (options_.run_script) {
    options_.run_script(std::move(work));
  } else {
    work();
  }
}

bool HealthProbe::AskValidator(uint64_t number, MonoTime took) {
  const HealthCheck& check = *running_.at(number).check;
  const HealthValidator validator = check.backend()->health_validator();
  if (!validator) return false;
  RunScript(number, [backend = check.backend(), validator, number, took, reply = check.reply(),
                     shared = shared_, loop = &loop_] {
    const HealthJudgement judgement = validator(reply);
    const HealthVerdict verdict = judgement == HealthJudgement::kGood ? HealthVerdict::kGood
                                  : judgement == HealthJudgement::kRefused
                                      ? HealthVerdict::kRefused
                                      : HealthVerdict::kParsing;
    loop->Post([backend, shared, number, verdict, took] {
      if (shared->probe == nullptr) return;
      shared->probe->asking_.erase(backend.get());
      shared->probe->Conclude(number, verdict, took);
    });
  });
  return true;
}

void HealthProbe::SendCheck(uint64_t number, const HealthCheckQuestion& question) {
  const auto found = running_.find(number);
  if (found == running_.end()) return;  // our patience was at its end
  loop_.timers().Cancel(std::exchange(found->second.patience, 0));
  found->second.check->Send(MakeHealthQuery(question, random_.U16()));
}

void HealthProbe::OnVerdict(uint64_t number, HealthVerdict verdict, MonoTime took) {
  if (verdict == HealthVerdict::kGood && AskValidator(number, took)) return;
  Conclude(number, verdict, took);
}

void HealthProbe::Conclude(uint64_t number, HealthVerdict verdict, MonoTime took) {
  auto node = running_.extract(number);
  if (node.empty()) return;  // a validator that was not waited for
  loop_.timers().Cancel(node.mapped().patience);
  const BackendPtr backend = node.mapped().check->backend();
  const Kind kind = node.mapped().kind;
  of_backend_.erase(backend.get());
  if (verdict == HealthVerdict::kShortage || verdict == HealthVerdict::kScriptLate) {
    NotMade(backend, verdict, kind);
  } else {
    Count(*backend, verdict, took);
    Apply(backend, verdict, kind);
  }
  if (kind != Kind::kInitial || --initial_left_ > 0) return;
  const std::function<void()> done = std::move(initial_done_);
  initial_done_ = nullptr;
  done();
}

void HealthProbe::NotMade(const BackendPtr& backend, HealthVerdict verdict, Kind kind) {
  again_[backend] = kind == Kind::kRegular ? Kind::kRegular : Kind::kFirst;
  if (options_.counters != nullptr) options_.counters->Add(Metric::kHealthChecksNotMade);
  uint64_t suppressed = 0;
  if (!log_limiter_.Allow(loop_.now(), &suppressed)) return;
  LogWarning("health-check", "health check of {} not made, its state stays: {}{}",
             backend->NameWithAddress(), VerdictText(verdict), LeftOut(suppressed));
}

void HealthProbe::Count(Backend& backend, HealthVerdict verdict, MonoTime took) {
  HealthCheckCounters& counters = backend.health_counters();
  if (verdict == HealthVerdict::kGood) {
    const auto us = static_cast<uint64_t>(std::max<int64_t>(took.us(), 0));
    counters.latency_us.Set(us);
    counters.latencies.Add(us);
    return;
  }
  counters.failures.Add();
  switch (verdict) {
    case HealthVerdict::kGood:
    case HealthVerdict::kRefused:  // counted among all alone
    case HealthVerdict::kNoZones:
    case HealthVerdict::kShortage:
    case HealthVerdict::kScriptLate:
      break;
    case HealthVerdict::kParsing:
      counters.parsing.Add();
      break;
    case HealthVerdict::kMismatch:
      counters.mismatch.Add();
      break;
    case HealthVerdict::kInvalid:
      counters.invalid.Add();
      break;
    case HealthVerdict::kTimeout:
      counters.timeout.Add();
      break;
    case HealthVerdict::kNetwork:
      counters.network.Add();
      break;
  }
  if (options_.verbose) {
    LogInfo("health-check", "health check of {} failed: {}", backend.NameWithAddress(),
            VerdictText(verdict));
  }
}

void HealthProbe::Apply(const BackendPtr& backend, HealthVerdict verdict, Kind kind) {
  const HealthState::CheckResult result{.good = verdict == HealthVerdict::kGood,
                                        .initial = kind != Kind::kRegular};
  const HealthState::Change change = backend->health().OnCheckResult(result, loop_.now());
  if (change == HealthState::Change::kNone) return;
  const bool up = change == HealthState::Change::kUp;
  LogWarning("health-check", "Marking downstream {} as '{}'", backend->NameWithAddress(),
             up ? "up" : "down");
  if (!up && backend->zones() != nullptr) {
    LogWarning("health-check", "{}: {}", backend->NameWithAddress(), backend->zones()->Describe());
  }
  if (!up) backend->ResetLatency();
  if (options_.on_change) options_.on_change(backend, up);
}

}  // namespace breakwater
