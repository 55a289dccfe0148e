#include "proxy/base/wall_clock.h"

#include <atomic>

namespace breakwater {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSmallestStep = 1'000'000;

// What the wall clock is ahead of the monotonic one lies in between.
struct Bounds {
  int64_t low = 0;
  int64_t high = 0;
  int64_t width() const { return high - low; }
};

Bounds Measure() {
  const SystemClock clock;
  const MonoTime before = clock.Now();
  const WallTime wall = WallNow();
  const MonoTime after = clock.Now();
  const int64_t wall_ns = wall.seconds * kSecond + wall.nanoseconds;
  return {.low = wall_ns - after.ns, .high = wall_ns - before.ns};
}

// The best of a few: the thread may lose the processor in the middle of one.
int64_t MeasureWell() {
  constexpr int kTimes = 5;
  Bounds best = Measure();
  for (int i = 1; i < kTimes; ++i) {
    const Bounds next = Measure();
    if (next.width() < best.width()) best = next;
  }
  return best.low + best.width() / 2;
}

int64_t Ahead() {
  static std::atomic<int64_t> ahead{MeasureWell()};
  int64_t kept = ahead.load(std::memory_order_relaxed);
  const Bounds now = Measure();
  if (kept >= now.low - kSmallestStep && kept <= now.high + kSmallestStep) return kept;
  const int64_t anew = MeasureWell();
  // Where another thread was faster, as it has it.
  return ahead.compare_exchange_strong(kept, anew, std::memory_order_relaxed) ? anew : kept;
}

}  // namespace

WallTime WallAt(MonoTime when) {
  const int64_t ns = when.ns + Ahead();
  return {.seconds = ns / kSecond, .nanoseconds = ns % kSecond};
}

}  // namespace breakwater
