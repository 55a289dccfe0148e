#include "proxy/worker/zone_keeper.h"

#include <algorithm>

namespace breakwater {

void ZoneKeeper::Start(const Config& config) {
  state_.With([&](State& state) {
    state.running = true;
    Update(state, config);
  });
}

void ZoneKeeper::UseConfig(const Config& config) {
  state_.With([&](State& state) {
    if (state.running) Update(state, config);
  });
}

void ZoneKeeper::Update(State& state, const Config& config) {
  const auto& backends = config.backends;
  std::erase_if(state.kept, [&](const auto& entry) {
    return std::none_of(backends.begin(), backends.end(), [&](const BackendPtr& backend) {
      return backend->zones().get() == entry.first;
    });
  });
  for (const BackendPtr& backend : backends) {
    if (backend->zones() == nullptr || state.kept.contains(backend->zones().get())) continue;
    Kept& kept = state.kept[backend->zones().get()];
    kept.store = backend->zones();
    kept.watcher = std::make_unique<ZoneWatcher>(backend->zones());
    kept.watcher->Start();
  }
}

void ZoneKeeper::AwaitFirstLook(MonoTime patience) {
  const SystemClock clock;
  const MonoTime end = clock.Now() + patience;
  state_.With([&](State& state) {
    for (auto& [store, kept] : state.kept) {
      (void)kept.watcher->AwaitFirstLook(std::max(end - clock.Now(), MonoTime{}));
    }
  });
}

void ZoneKeeper::Stop() {
  state_.With([](State& state) {
    state.running = false;
    state.kept.clear();
  });
}

void ZoneKeeper::Count(Counters& counters) {
  state_.With([&](State& state) {
    for (auto& [key, kept] : state.kept) {
      const uint64_t loads = kept.store->loads().Get();
      const uint64_t errors = kept.store->load_errors().Get();
      counters.Add(Metric::kZoneLoads, loads - std::exchange(kept.loads, loads));
      counters.Add(Metric::kZoneLoadErrors, errors - std::exchange(kept.load_errors, errors));
    }
  });
}

}  // namespace breakwater
