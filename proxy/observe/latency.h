// How long answers took, as dnsdist tells it: a histogram (counters of metrics_list.inc) and
// averages with exponential decay over about the last 100, 1,000, 10,000 and 1,000,000 answers,
// apart for each kind of transport. Each worker writes its own; readers merge them, weighing each
// worker's average by its number of answers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "proxy/base/counter.h"
#include "proxy/query/protocol.h"

namespace breakwater {

enum class LatencyFamily : uint8_t { kUdp, kTcp, kDot, kDoh, kDoq, kCount };
enum class LatencyWindow : uint8_t { k100, k1000, k10000, k1000000, kCount };

LatencyFamily LatencyFamilyOf(Protocol protocol);
// Answers that a window looks back on: 100, 1,000 ...
uint32_t WindowSize(LatencyWindow window);

// Written by one thread, read by any.
class LatencyAverages {
 public:
  void Add(LatencyFamily family, double us);
  // Microseconds; 0 before the first answer. Starts at 0 as dnsdist's does, so that a young
  // average is low.
  double Get(LatencyFamily family, LatencyWindow window) const;
  uint64_t Samples(LatencyFamily family) const;

 private:
  struct Family {
    std::array<std::atomic<double>, static_cast<size_t>(LatencyWindow::kCount)> averages{};
    OwnedCounter samples;
  };
  std::array<Family, static_cast<size_t>(LatencyFamily::kCount)> families_;
};

// Counts one answer in the histogram and in the averages. On the thread that owns both.
void RecordLatency(Counters& counters, LatencyAverages& averages, Protocol protocol, uint64_t us);

// The average over all workers, microseconds.
double MergedLatency(std::span<const LatencyAverages* const> workers, LatencyFamily family,
                     LatencyWindow window);

}  // namespace breakwater
