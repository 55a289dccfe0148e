// Time. Decisions use the monotonic clock alone (a stepped wall clock must change nothing), read
// once a turn of a loop. Tests use ManualClock (tests/support).
#pragma once

#include <compare>
#include <cstdint>

namespace breakwater {

// A point on, or a distance along, the monotonic clock; nanoseconds.
struct MonoTime {
  int64_t ns = 0;

  static constexpr MonoTime FromSeconds(double s) { return {static_cast<int64_t>(s * 1e9)}; }
  static constexpr MonoTime FromMs(int64_t ms) { return {ms * 1'000'000}; }
  static constexpr MonoTime FromUs(int64_t us) { return {us * 1'000}; }
  constexpr int64_t seconds() const { return ns / 1'000'000'000; }
  constexpr int64_t ms() const { return ns / 1'000'000; }
  constexpr int64_t us() const { return ns / 1'000; }
  constexpr auto operator<=>(const MonoTime&) const = default;
  constexpr MonoTime operator+(MonoTime d) const { return {ns + d.ns}; }
  constexpr MonoTime operator-(MonoTime d) const { return {ns - d.ns}; }
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime Now() const = 0;
  // Seconds since 1970, for what other machines date so (the end of a signature) and for nothing
  // else: it may step.
  virtual int64_t WallSeconds() const;
};

// CLOCK_MONOTONIC. Any thread.
class SystemClock : public Clock {
 public:
  MonoTime Now() const override;
};

// Seconds and nanoseconds since 1970, for log lines and for what is shown to people; never for
// a decision.
struct WallTime {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
};
WallTime WallNow();

}  // namespace breakwater
