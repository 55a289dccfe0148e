// The snapshot of a cache (setCacheSnapshot): how long a million entries take to write and to read,
// how large the file is, and what answers cost meanwhile. The file lies in TMPDIR.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "proxy/cache/cache_snapshot.h"
#include "tests/proxy/cache/numbered_names.h"

namespace breakwater {
namespace {

using test::NumberedNames;

constexpr uint32_t kEntries = 1'000'000;

std::shared_ptr<PacketCache> NewCache(const Clock& clock) {
  PacketCacheSettings settings;
  settings.max_entries = kEntries + kEntries / 8;
  settings.workers = 4;
  settings.last_good = LastGoodSettings{};
  return *PacketCache::Make(settings, clock);
}

std::shared_ptr<PacketCache> Filled(const Clock& clock) {
  auto cache = NewCache(clock);
  NumberedNames names;
  for (uint32_t i = 0; i < kEntries; ++i) {
    const CacheKey key = names.Key(i);
    cache->Insert(key, names.Answer(i),
                  {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache->epoch()});
  }
  return cache;
}

std::string Path() {
  return std::filesystem::temp_directory_path() / ("snapshot_bench." + std::to_string(getpid()));
}

void SnapshotWrite(benchmark::State& state) {
  const SystemClock clock;
  const std::vector<NamedCache> caches = {{{""}, Filled(clock)}};
  for (auto _ : state) {
    const auto written = WriteCacheSnapshot(Path(), caches, {.clock = clock});
    if (!written) return state.SkipWithError(written.error().c_str());
    state.counters["bytes_per_entry"] =
        static_cast<double>(written->bytes) / static_cast<double>(written->entries);
  }
  std::filesystem::remove(Path());
}
BENCHMARK(SnapshotWrite)->Unit(benchmark::kMillisecond)->Iterations(3);

void SnapshotLoad(benchmark::State& state) {
  const SystemClock clock;
  (void)WriteCacheSnapshot(Path(), std::vector<NamedCache>{{{""}, Filled(clock)}},
                           {.clock = clock});
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<NamedCache> caches = {{{""}, NewCache(clock)}};
    state.ResumeTiming();
    const auto loaded = LoadCacheSnapshot(Path(), caches, {.clock = clock});
    if (!loaded) return state.SkipWithError(loaded.error().c_str());
    state.counters["entries"] = static_cast<double>(loaded->taken);
  }
  std::filesystem::remove(Path());
}
BENCHMARK(SnapshotLoad)->Unit(benchmark::kMillisecond)->Iterations(3);

enum class Beside : int { kNothing, kWriting, kLoading };

// A hit in a small cache's worth of names, while another thread works on the same cache.
void HitBesideSnapshot(benchmark::State& state) {
  const auto beside = static_cast<Beside>(state.range(0));
  const SystemClock clock;
  const std::vector<NamedCache> full = {{{""}, Filled(clock)}};
  (void)WriteCacheSnapshot(Path(), full, {.clock = clock});
  const auto& cache = full.front().cache;
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!over && beside != Beside::kNothing) {
      const SnapshotHow how{.clock = clock, .abandon = &over};
      if (beside == Beside::kWriting) {
        (void)WriteCacheSnapshot(Path(), full, how);
      } else {
        (void)cache->Expunge(kEntries / 2);
        (void)LoadCacheSnapshot(Path(), full, how);
      }
    }
  });
  NumberedNames names;
  uint32_t i = 0;
  for (auto _ : state) {
    const CacheKey key = names.Key(i++ % kEntries);
    std::array<uint8_t, 512> buffer;
    std::memcpy(buffer.data(), names.data(), NumberedNames::kQuerySize);
    benchmark::DoNotOptimize(
        cache->Lookup(key, buffer, names.question().name_length, {.now = clock.Now()}));
  }
  over = true;
  other.join();
  std::filesystem::remove(Path());
}
BENCHMARK(HitBesideSnapshot)->Arg(0)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace breakwater
