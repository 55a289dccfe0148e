#include "proxy/observe/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/observe/collector_lane.h"

namespace breakwater {

Collector::Collector(CollectorSettings settings) : settings_(std::move(settings)) {
  for (uint32_t i = 0; i < std::max(settings_.connections, 1U); ++i) {
    lanes_.push_back(std::make_unique<CollectorLane>(settings_, Name()));
  }
}

Collector::~Collector() {
  AskToStop();
}

void Collector::Tell(std::string_view message) {
  const uint32_t turn = lanes_.size() == 1 ? 0 : turn_.fetch_add(1, std::memory_order_relaxed);
  lanes_[turn % lanes_.size()]->Tell(message);
}

void Collector::Start() {
  for (const auto& lane : lanes_) lane->Start();
}

void Collector::AskToStop() {
  for (const auto& lane : lanes_) lane->AskToStop();
}

bool Collector::Ended() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->Ended(); });
}

Collector::Counts Collector::counts() const {
  Counts sum;
  for (const auto& lane : lanes_) {
    const Counts counts = lane->counts();
    sum.sent += counts.sent;
    sum.dropped += counts.dropped;
    sum.connect_failures += counts.connect_failures;
  }
  return sum;
}

std::string Collector::Name() const {
  return settings_.unix_path.empty() ? settings_.server.ToStringWithPort() : settings_.unix_path;
}

std::string Collector::ToString() const {
  const Counts sum = counts();
  return fmt::format("{} ({} sent, {} dropped)", Name(), sum.sent, sum.dropped);
}

}  // namespace breakwater
