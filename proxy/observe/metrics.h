// All process-wide metrics by name: the workers' counters summed, and what is computed when
// somebody asks (uptime, memory, latency averages). One list feeds dumpStats(), /metrics,
// /jsonstat, the API and the control socket.
//
// CounterRegistry is owned by the server and outlives the workers; any thread reads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/observe/custom_metrics.h"
#include "proxy/observe/latency.h"

namespace breakwater {

// What one thread counts. The thread writes, any thread reads.
struct WorkerStats {
  Counters counters;
  LatencyAverages latency;
  void RecordLatency(Protocol protocol, uint64_t us) {
    breakwater::RecordLatency(counters, latency, protocol, us);
  }
};

using MetricValue = std::variant<uint64_t, double>;

struct MetricReading {
  std::string_view name;  // "cache-hits"
  std::string_view help;
  bool is_gauge = false;
  MetricValue value;
  bool is_custom = false;  // the operator's (declareMetric)
};

class CounterRegistry {
 public:
  explicit CounterRegistry(MonoTime started) : started_(started) {}
  CounterRegistry(const CounterRegistry&) = delete;
  CounterRegistry& operator=(const CounterRegistry&) = delete;

  // A set of counters for one more thread; stays in the totals for ever.
  std::shared_ptr<WorkerStats> AddWorker();

  uint64_t Total(Metric metric) const;
  // Microseconds.
  double Latency(LatencyFamily family, LatencyWindow window) const;
  uint64_t UptimeSeconds(MonoTime now) const {
    return static_cast<uint64_t>((now - started_).seconds());
  }
  // Of the dynamic blocks: how many networks are blocked, and how many blocks a full table refused.
  struct DynBlockNumbers {
    uint64_t networks = 0;
    uint64_t refused = 0;
  };
  // How these are read; any thread. Before others read.
  void ReadDynBlocksFrom(std::function<DynBlockNumbers()> read) { dyn_blocks_ = std::move(read); }
  // The operator's metrics are read too from now on. Before other threads use this.
  void UseCustom(std::shared_ptr<const CustomMetrics> custom) { custom_ = std::move(custom); }
  const CustomMetrics* custom() const { return custom_.get(); }

  // Every metric, counters first, in the order of metrics_list.inc; custom ones last, and of these
  // what has no labels. Reads files of /proc.
  std::vector<MetricReading> Read(MonoTime now) const;

 private:
  void ReadLatencies(std::vector<MetricReading>& out) const;
  std::vector<std::shared_ptr<WorkerStats>> Workers() const { return workers_.Copy(); }

  MonoTime started_;
  std::function<DynBlockNumbers()> dyn_blocks_;
  std::shared_ptr<const CustomMetrics> custom_;
  Guarded<std::vector<std::shared_ptr<WorkerStats>>> workers_;
};

// "12" or "0.5": integers whole, averages with as many digits as they need.
std::string MetricText(const MetricValue& value);

// dumpStats(): two columns, sorted by name.
std::string DumpStatsText(const CounterRegistry& registry, MonoTime now);

}  // namespace breakwater
