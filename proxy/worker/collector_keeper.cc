#include "proxy/worker/collector_keeper.h"

#include <algorithm>
#include <utility>

namespace breakwater {

void CollectorKeeper::Start(const Config& config) {
  UseConfig(config);
}

void CollectorKeeper::UseConfig(const Config& config) {
  kept_.With([&](std::vector<Kept>& list) {
    for (const auto& known : config.settings.collectors) {
      CollectorPtr collector = known.lock();
      if (!collector) continue;
      const bool is_new = std::none_of(
          list.begin(), list.end(), [&](const Kept& kept) { return kept.collector == collector; });
      if (!is_new) continue;
      collector->Start();
      list.push_back({.collector = std::move(collector), .told = {}});
    }
  });
}

void CollectorKeeper::Stop() {
  auto list = kept_.With([](std::vector<Kept>& kept) { return std::exchange(kept, {}); });
  for (const Kept& kept : list) kept.collector->AskToStop();
}

void CollectorKeeper::CountOne(Kept& kept, Counters& counters) {
  const Collector::Counts now = kept.collector->counts();
  counters.Add(Metric::kCollectorSent, now.sent - kept.told.sent);
  counters.Add(Metric::kCollectorDropped, now.dropped - kept.told.dropped);
  counters.Add(Metric::kCollectorConnectFailures,
               now.connect_failures - kept.told.connect_failures);
  kept.told = now;
}

void CollectorKeeper::Count(Counters& counters) {
  kept_.With([&](std::vector<Kept>& list) {
    std::erase_if(list, [&](Kept& kept) {
      // Nobody else has it, so nobody can come to have it: settings know it weakly.
      const bool let_go = kept.collector.use_count() == 1;
      if (let_go) kept.collector->AskToStop();
      // What has ended drops no more: all of it is counted.
      const bool ended = let_go && kept.collector->Ended();
      CountOne(kept, counters);
      return ended;
    });
  });
}

size_t CollectorKeeper::size() const {
  return kept_.With([](const std::vector<Kept>& list) { return list.size(); });
}

}  // namespace breakwater
