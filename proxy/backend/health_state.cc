#include "proxy/backend/health_state.h"

#include <algorithm>

namespace breakwater {
namespace {

// Rounds come once a second, give or take: what is due within half a round is due in this one.
constexpr MonoTime kHalfRound = MonoTime::FromMs(500);

// A single answer is lost now and then; so many in a row are silence.
constexpr uint32_t kSilent = 3;

MonoTime Seconds(uint64_t seconds) {
  return MonoTime::FromMs(static_cast<int64_t>(seconds) * 1000);
}

}  // namespace

void HealthState::State::ClearSamples() {
  samples.clear();
  next_sample = 0;
}

bool HealthState::State::TooManyFailures() const {
  if (samples.empty() || samples.size() < settings.lazy_min_samples) return false;
  const auto failed = static_cast<size_t>(std::count(samples.begin(), samples.end(), true));
  return failed * 100 / samples.size() >= settings.lazy_threshold_percent;
}

MonoTime HealthState::State::FailedDelay() const {
  const uint64_t interval = std::max(settings.lazy_failed_interval_s, 1U);
  if (!settings.lazy_exponential_back_off) return Seconds(interval);
  const uint64_t longest = settings.lazy_max_back_off_s;
  if (back_off_steps >= 32) return Seconds(longest);
  return Seconds(std::min(interval << back_off_steps, longest));
}

void HealthState::State::EnterFailed(MonoTime now) {
  flag = false;
  lazy = Lazy::kFailed;
  successes = 0;
  back_off_steps = 0;
  next_check = now + FailedDelay();
}

void HealthState::State::EnterHealthy() {
  flag = true;
  lazy = Lazy::kHealthy;
  failures = 0;
  successes = 0;
  back_off_steps = 0;
  ClearSamples();
}

void HealthState::State::OnInitial(bool good, MonoTime now) {
  flag = good;
  failures = 0;
  successes = 0;
  if (mode != Mode::kLazy) {
    next_check = now + Seconds(std::max(settings.interval_s, 1U));
  } else if (good) {
    EnterHealthy();
  } else {
    EnterFailed(now);
  }
}

void HealthState::State::OnGood(MonoTime now) {
  failures = 0;
  if (mode == Mode::kLazy && lazy == Lazy::kPotentialFailure) return EnterHealthy();
  if (flag) return;
  ++successes;
  if (successes >= settings.rise) {
    if (mode == Mode::kLazy) return EnterHealthy();
    flag = true;
    successes = 0;
  } else if (mode == Mode::kLazy) {
    // The way back is not slowed down by how long the way there was.
    back_off_steps = 0;
    next_check = now + Seconds(std::max(settings.lazy_failed_interval_s, 1U));
  }
}

void HealthState::State::OnBad(MonoTime now) {
  successes = 0;
  ++failures;
  if (mode == Mode::kLazy) {
    if (lazy == Lazy::kFailed) {
      ++back_off_steps;
    } else if (lazy == Lazy::kPotentialFailure && failures >= settings.max_failures) {
      EnterFailed(now);
    }
    return;
  }
  if (flag && failures >= settings.max_failures) flag = false;
}

HealthState::HealthState(const HealthCheckSettings& settings) {
  state_.With([&](State& state) {
    state.settings = settings;
    switch (settings.mode) {
      case HealthCheckMode::kActive:
        break;
      case HealthCheckMode::kLazy:
        state.mode = Mode::kLazy;
        state.flag = true;
        break;
      case HealthCheckMode::kUp:
        state.mode = Mode::kForcedUp;
        break;
      case HealthCheckMode::kDown:
        state.mode = Mode::kForcedDown;
        break;
    }
    state.samples.reserve(state.mode == Mode::kLazy ? settings.lazy_sample_size : 0);
    Publish(state);
  });
}

void HealthState::Publish(const State& state) {
  const bool up = state.Forced() ? state.mode == Mode::kForcedUp : state.flag;
  if (up && !up_.load(std::memory_order_relaxed)) {
    comebacks_.fetch_add(1, std::memory_order_relaxed);
  }
  up_.store(up, std::memory_order_relaxed);
  sampling_.store(state.mode == Mode::kLazy && state.settings.lazy_sample_size > 0,
                  std::memory_order_relaxed);
}

void HealthState::SetMode(State& state, Mode mode, std::optional<bool> status) {
  if (!state.Forced()) state.was_lazy = state.mode == Mode::kLazy;
  const bool stays = state.mode == mode && !status;
  state.mode = mode;
  if (!state.Forced()) {
    state.was_lazy = mode == Mode::kLazy;
    if (status) state.flag = *status;
    if (!stays) {
      state.failures = 0;
      state.successes = 0;
      state.back_off_steps = 0;
      state.ClearSamples();
      // A lazy server that is down must be in the state that looks for its return, at once.
      state.lazy = state.flag ? Lazy::kHealthy : Lazy::kFailed;
      state.next_check = MonoTime{};
    }
  }
  Publish(state);
}

void HealthState::ForceUp() {
  state_.With([&](State& state) { SetMode(state, Mode::kForcedUp, std::nullopt); });
}

void HealthState::ForceDown() {
  state_.With([&](State& state) { SetMode(state, Mode::kForcedDown, std::nullopt); });
}

void HealthState::SetActiveAuto(std::optional<bool> status) {
  state_.With([&](State& state) { SetMode(state, Mode::kActive, status); });
}

void HealthState::SetLazyAuto(std::optional<bool> status) {
  state_.With([&](State& state) { SetMode(state, Mode::kLazy, status); });
}

void HealthState::SetAuto(std::optional<bool> status) {
  state_.With([&](State& state) {
    const bool is_lazy = state.Forced() ? state.was_lazy : state.mode == Mode::kLazy;
    SetMode(state, is_lazy ? Mode::kLazy : Mode::kActive, status);
  });
}

bool HealthState::forced() const {
  return state_.With([](const State& state) { return state.Forced(); });
}

bool HealthState::lazy() const {
  return state_.With([](const State& state) {
    return state.Forced() ? state.was_lazy : state.mode == Mode::kLazy;
  });
}

std::string_view HealthState::StateText() const {
  return state_.With([](const State& state) -> std::string_view {
    if (state.mode == Mode::kForcedUp) return "UP";
    if (state.mode == Mode::kForcedDown) return "DOWN";
    return state.flag ? "up" : "down";
  });
}

bool HealthState::CheckDue(MonoTime now) {
  return state_.With([&](State& state) {
    if (state.Forced()) return false;
    const bool time_has_come = now + kHalfRound >= state.next_check;
    if (state.mode == Mode::kActive) {
      if (!time_has_come) return false;
      state.next_check = now + Seconds(std::max(state.settings.interval_s, 1U));
      return true;
    }
    switch (state.lazy) {
      case Lazy::kHealthy:
        if (!state.TooManyFailures()) return false;
        state.ClearSamples();
        state.failures = 0;
        state.lazy = Lazy::kPotentialFailure;
        return true;
      case Lazy::kPotentialFailure:
        return true;
      case Lazy::kFailed:
        if (!time_has_come) return false;
        // The delay that follows, should this check fail too.
        ++state.back_off_steps;
        state.next_check = now + state.FailedDelay();
        --state.back_off_steps;
        return true;
    }
    return false;
  });
}

HealthState::Change HealthState::OnCheckResult(CheckResult result, MonoTime now) {
  return state_.With([&](State& state) {
    if (state.Forced()) return Change::kNone;
    const bool before = state.flag;
    if (result.initial) {
      state.OnInitial(result.good, now);
    } else if (result.good) {
      state.OnGood(now);
    } else {
      state.OnBad(now);
    }
    Publish(state);
    if (state.flag == before && !result.initial) return Change::kNone;
    return state.flag ? Change::kUp : Change::kDown;
  });
}

void HealthState::AddSample(Sample sample) {
  if (!sampling_.load(std::memory_order_relaxed)) return;
  state_.With([&](State& state) {
    if (state.mode != Mode::kLazy) return;
    const size_t size = state.settings.lazy_sample_size;
    const bool failed = sample == Sample::kFailed;
    if (state.samples.size() < size) {
      state.samples.push_back(failed);
      return;
    }
    state.samples[state.next_sample] = failed;
    state.next_sample = (state.next_sample + 1) % size;
  });
}

void HealthState::NoteSilence(Silence silence) {
  if (silence == Silence::kGone) {
    silences_.store(kSilent, std::memory_order_relaxed);
  } else {
    silences_.fetch_add(1, std::memory_order_relaxed);
  }
}

void HealthState::EndSilence() {
  if (silences_.exchange(0, std::memory_order_relaxed) < kSilent) return;
  comebacks_.fetch_add(1, std::memory_order_relaxed);
}

void HealthState::SetParams(uint32_t timeout_ms, uint32_t interval_s, uint32_t max_failures,
                            uint32_t rise) {
  state_.With([&](State& state) {
    HealthCheckSettings& settings = state.settings;
    if (timeout_ms != 0) settings.timeout_ms = timeout_ms;
    if (interval_s != 0) settings.interval_s = interval_s;
    if (max_failures != 0) settings.max_failures = max_failures;
    if (rise != 0) settings.rise = rise;
  });
}

uint32_t HealthState::timeout_ms() const {
  return state_.With([](const State& state) { return state.settings.timeout_ms; });
}

}  // namespace breakwater
