#include "proxy/observe/latency.h"

namespace breakwater {
namespace {

constexpr size_t kWindows = static_cast<size_t>(LatencyWindow::kCount);
constexpr std::array<uint32_t, kWindows> kWindowSizes = {100, 1000, 10000, 1000000};
constexpr std::array<double, kWindows> kWeights = {1e-2, 1e-3, 1e-4, 1e-6};
// An average below this is 0: cache hits would bring it down to numbers so small that each
// operation on them costs a hundred cycles.
constexpr double kLeastUs = 1e-9;

Metric BucketOf(uint64_t us) {
  if (us < 1000) return Metric::kLatency0_1;
  if (us < 10000) return Metric::kLatency1_10;
  if (us < 50000) return Metric::kLatency10_50;
  if (us < 100000) return Metric::kLatency50_100;
  if (us < 1000000) return Metric::kLatency100_1000;
  return Metric::kLatencySlow;
}

}  // namespace

LatencyFamily LatencyFamilyOf(Protocol protocol) {
  switch (protocol) {
    case Protocol::kDoUdp:
    case Protocol::kDnscryptUdp:
      return LatencyFamily::kUdp;
    case Protocol::kDoTcp:
    case Protocol::kDnscryptTcp:
      return LatencyFamily::kTcp;
    case Protocol::kDot:
      return LatencyFamily::kDot;
    case Protocol::kDoh:
      return LatencyFamily::kDoh;
  }
  return LatencyFamily::kUdp;
}

uint32_t WindowSize(LatencyWindow window) {
  return kWindowSizes[static_cast<size_t>(window)];
}

void LatencyAverages::Add(LatencyFamily family, double us) {
  Family& mine = families_[static_cast<size_t>(family)];
  for (size_t i = 0; i < kWindows; ++i) {
    const double old = mine.averages[i].load(std::memory_order_relaxed);
    const double average = old + (us - old) * kWeights[i];
    mine.averages[i].store(average < kLeastUs ? 0 : average, std::memory_order_relaxed);
  }
  mine.samples.Add();
}

double LatencyAverages::Get(LatencyFamily family, LatencyWindow window) const {
  return families_[static_cast<size_t>(family)].averages[static_cast<size_t>(window)].load(
      std::memory_order_relaxed);
}

uint64_t LatencyAverages::Samples(LatencyFamily family) const {
  return families_[static_cast<size_t>(family)].samples.Get();
}

void RecordLatency(Counters& counters, LatencyAverages& averages, Protocol protocol, uint64_t us) {
  counters.Add(BucketOf(us));
  counters.Add(Metric::kLatencySum, us / 1000);
  counters.Add(Metric::kLatencyCount);
  averages.Add(LatencyFamilyOf(protocol), static_cast<double>(us));
}

double MergedLatency(std::span<const LatencyAverages* const> workers, LatencyFamily family,
                     LatencyWindow window) {
  double sum = 0;
  double weight = 0;
  for (const LatencyAverages* worker : workers) {
    const double samples = static_cast<double>(worker->Samples(family));
    sum += samples * worker->Get(family, window);
    weight += samples;
  }
  return weight > 0 ? sum / weight : 0;
}

}  // namespace breakwater
