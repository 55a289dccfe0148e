// A value that is kept once for each of a few groups of threads, so that threads that read it at
// once do not meet at one lock. A thread always comes to the same stripe; as long as there are no
// more threads than stripes its lock is free.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "proxy/base/guarded.h"

namespace breakwater {

template <typename T>
class Stripes {
 public:
  static constexpr size_t kCount = 16;

  // The calling thread's stripe, locked.
  template <typename F>
  auto With(F&& f) {
    return stripes_[Index()].value.With(std::forward<F>(f));
  }
  // Each in turn.
  template <typename F>
  void ForEach(F&& f) {
    for (Stripe& stripe : stripes_) stripe.value.With(f);
  }
  // `f()` while all are locked.
  template <typename F>
  void WithAll(F&& f, size_t from = 0) {
    if (from == kCount) return f();
    stripes_[from].value.With([&](T&) { WithAll(f, from + 1); });
  }

 private:
  struct alignas(64) Stripe {
    Guarded<T> value;
  };
  static size_t Index() {
    static std::atomic<size_t> next{0};
    thread_local const size_t index = next.fetch_add(1, std::memory_order_relaxed) % kCount;
    return index;
  }

  std::array<Stripe, kCount> stripes_;
};

}  // namespace breakwater
