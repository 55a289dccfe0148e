// Up or down, and how it came to be: forced by the operator, or by health checks in active or
// lazy mode. IsUp() is one relaxed load, for the path of a query; all else is under a mutex and
// is changed by the control thread (checks), workers (lazy samples) and Lua (force).
// Time is passed in, so that a scenario can script it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/backend/backend_settings.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"

namespace breakwater {

class HealthState {
 public:
  explicit HealthState(const HealthCheckSettings& settings);

  bool IsUp() const { return up_.load(std::memory_order_relaxed); }

  // The operator's word. Auto keeps the last known flag unless `status` says another.
  void ForceUp();
  void ForceDown();
  void SetActiveAuto(std::optional<bool> status);
  void SetLazyAuto(std::optional<bool> status);
  void SetAuto(std::optional<bool> status);  // keeps active or lazy as it was
  bool forced() const;
  bool lazy() const;
  // "UP", "DOWN" forced; "up", "down" automatic.
  std::string_view StateText() const;

  // True when a check is due at `now`; the caller sends it and reports with OnCheckResult. To be
  // called once a second: intervals count from the call that was due, to the nearest second.
  bool CheckDue(MonoTime now);
  enum class Change : uint8_t { kNone, kUp, kDown };
  struct CheckResult {
    bool good = false;
    // The start-up check: its one result decides without rise or max_failures, and is told as a
    // change even where the flag stays.
    bool initial = false;
  };
  // What comes after a force is ignored.
  Change OnCheckResult(CheckResult result, MonoTime now);
  enum class Sample : uint8_t { kGood, kFailed };
  // One answered or failed query (lazy mode only; cheap and ignored otherwise).
  void AddSample(Sample sample);
  // How often it has come up, or has answered after it had fallen silent: grows. What it says from
  // then on may be older than what it said before.
  uint32_t comebacks() const { return comebacks_.load(std::memory_order_relaxed); }
  // One query went unanswered; `kGone`: as nobody listens there.
  enum class Silence : uint8_t { kOnce, kGone };
  void NoteSilence(Silence silence);
  void NoteAnswer() {
    if (silences_.load(std::memory_order_relaxed) != 0) EndSilence();
  }
  // setHealthCheckParams: zero leaves a value as it is.
  void SetParams(uint32_t timeout_ms, uint32_t interval_s, uint32_t max_failures, uint32_t rise);
  uint32_t timeout_ms() const;

 private:
  enum class Mode : uint8_t { kActive, kLazy, kForcedUp, kForcedDown };
  enum class Lazy : uint8_t { kHealthy, kPotentialFailure, kFailed };
  struct State {
    Mode mode = Mode::kActive;
    bool was_lazy = false;  // before it was forced
    bool flag = false;      // what checks found; counts where nothing is forced
    Lazy lazy = Lazy::kHealthy;
    HealthCheckSettings settings;
    MonoTime next_check;
    uint32_t failures = 0;   // in a row
    uint32_t successes = 0;  // in a row
    uint32_t back_off_steps = 0;
    std::vector<bool> samples;  // ring of lazy_sample_size; true is a failure
    size_t next_sample = 0;

    bool Forced() const { return mode == Mode::kForcedUp || mode == Mode::kForcedDown; }
    void ClearSamples();
    bool TooManyFailures() const;
    // Delay before a check in Lazy::kFailed, after `back_off_steps` of them failed.
    MonoTime FailedDelay() const;
    void EnterFailed(MonoTime now);
    void EnterHealthy();
    void OnInitial(bool good, MonoTime now);
    void OnGood(MonoTime now);
    void OnBad(MonoTime now);
  };
  void SetMode(State& state, Mode mode, std::optional<bool> status);
  void Publish(const State& state);
  void EndSilence();
  std::atomic<bool> up_{false};
  std::atomic<uint32_t> comebacks_{0};
  std::atomic<uint32_t> silences_{0};  // in a row
  std::atomic<bool> sampling_{false};
  mutable Guarded<State> state_;
};

}  // namespace breakwater
