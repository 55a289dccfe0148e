// Counters of one worker: written by that worker alone, read by anyone. No lock and no shared
// cache line on the path of a query. `CounterTotals` sums the workers' when somebody asks.
//
// The names, kinds and help texts of all process-wide metrics are ONE list, metrics_list.inc;
// it feeds this enum, the console, /metrics, /jsonstat and carbon.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace breakwater {

enum class Metric : uint16_t {
#define BW_METRIC(kind, id, name, help) id,
#include "proxy/base/metrics_list.inc"
#undef BW_METRIC
  kCount
};
inline constexpr size_t kMetricCount = static_cast<size_t>(Metric::kCount);

struct MetricInfo {
  std::string_view name;  // as in dumpStats(): "cache-hits"
  std::string_view help;
  bool is_gauge;
};
const MetricInfo& InfoOf(Metric metric);

// A number that one thread writes and others read.
class OwnedCounter {
 public:
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Sub(uint64_t n = 1) { Add(~n + 1); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// A number that several threads write.
class SharedCounter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void Sub(uint64_t n = 1) { value_.fetch_sub(n, std::memory_order_relaxed); }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class alignas(64) Counters {
 public:
  void Add(Metric metric, uint64_t n = 1) { values_[static_cast<size_t>(metric)].Add(n); }
  uint64_t Get(Metric metric) const { return values_[static_cast<size_t>(metric)].Get(); }

 private:
  std::array<OwnedCounter, kMetricCount> values_;
};

}  // namespace breakwater
