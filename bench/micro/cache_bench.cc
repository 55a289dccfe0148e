// The packet cache: what a key, a hit, a miss, an insert and a flush cost, how many bytes an entry
// takes, and what a scan does to the hit ratio.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <vector>

#include "proxy/cache/packet_cache.h"
#include "tests/proxy/cache/numbered_names.h"
#include "tests/proxy/cache/scan_trace.h"

namespace breakwater {
namespace {

using test::NumberedNames;

CacheInsert AskedNow(const PacketCache& cache, const Clock& clock) {
  return {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache.epoch()};
}

std::shared_ptr<PacketCache> Filled(uint32_t entries, const Clock& clock, size_t room = 0,
                                    PacketCacheSettings settings = {}) {
  settings.max_entries = room != 0 ? room : entries + entries / 8;
  settings.workers = 4;
  auto cache = *PacketCache::Make(settings, clock);
  NumberedNames names;
  for (uint32_t i = 0; i < entries; ++i) {
    const CacheKey key = names.Key(i);
    cache->Insert(key, names.Answer(i), AskedNow(*cache, clock));
  }
  return cache;
}

void Key(benchmark::State& state) {
  NumberedNames names;
  const auto query = names.Query(1234567);
  const CacheKeyOptions options;
  const dns::Edns edns;
  for (auto _ : state) {
    benchmark::DoNotOptimize(MakeCacheKey({query, names.question(), edns}, options));
  }
}
BENCHMARK(Key);

// Keys and queries are made beforehand: these measure the look-up alone.
struct Asked {
  CacheKey key;
  std::array<uint8_t, NumberedNames::kQuerySize> query;
};
std::vector<Asked> Questions(uint32_t first, uint32_t count, uint32_t stride) {
  NumberedNames names;
  std::vector<Asked> questions(count);
  for (uint32_t i = 0; i < count; ++i) {
    questions[i].key = names.Key(first + i * stride);
    std::memcpy(questions[i].query.data(), names.data(), NumberedNames::kQuerySize);
  }
  return questions;
}

// The first thread makes the cache; the others may look at it from the loop on, not earlier.
void AskAll(benchmark::State& state, const std::shared_ptr<PacketCache>& cache,
            const std::vector<Asked>& questions, MonoTime now) {
  std::array<uint8_t, 512> buffer;
  size_t i = 0;
  size_t hits = 0;
  for (auto _ : state) {
    const Asked& asked = questions[i];
    std::memcpy(buffer.data(), asked.query.data(), asked.query.size());
    hits += cache->Lookup(asked.key, buffer, NumberedNames::kNameLength, {.now = now}).result ==
            CacheResult::kFresh;
    if (++i == questions.size()) i = 0;
  }
  state.counters["hit_ratio"] =
      benchmark::Counter(static_cast<double>(hits) / static_cast<double>(state.iterations()),
                         benchmark::Counter::kAvgThreads);
}

// Of so many entries, 10,000 are asked for, spread over all of them; the answers are a second old.
class HitBench : public benchmark::Fixture {
 public:
  void SetUp(benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    const auto entries = static_cast<uint32_t>(state.range(0));
    cache = Filled(entries, clock);
    questions = Questions(0, 10'000, entries / 10'000);
  }
  void TearDown(benchmark::State& state) override {
    if (state.thread_index() == 0) cache.reset();
  }
  SystemClock clock;
  std::shared_ptr<PacketCache> cache;
  std::vector<Asked> questions;
};
BENCHMARK_DEFINE_F(HitBench, Hit)(benchmark::State& state) {
  AskAll(state, cache, questions, clock.Now() + MonoTime::FromSeconds(1));
}
BENCHMARK_REGISTER_F(HitBench, Hit)->Arg(10'000)->Arg(1'000'000)->Threads(1)->Threads(2);

// With so many flushes of other names held; what is asked for was checked against them once.
void HitWithFlushesHeld(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(1'000'000, clock);
  const auto questions = Questions(0, 10'000, 100);
  for (int64_t i = 0; i < state.range(0); ++i) {
    const auto zone = dns::Name::Parse("flushed" + std::to_string(i) + ".com");
    (void)cache->Flush({.name = *zone, .suffix = true});
  }
  AskAll(state, cache, questions, clock.Now() + MonoTime::FromSeconds(1));
}
BENCHMARK(HitWithFlushesHeld)->Arg(0)->Arg(40'000)->Repetitions(9)->ReportAggregatesOnly();

// 0: as dnsdist; 1: lastGood; 2: refreshAhead as well.
void HitWithLastGood(benchmark::State& state) {
  const SystemClock clock;
  PacketCacheSettings settings;
  if (state.range(0) >= 1) settings.last_good.emplace();
  if (state.range(0) >= 2) settings.refresh_ahead.emplace();
  const auto cache = Filled(1'000'000, clock, 0, settings);
  AskAll(state, cache, Questions(0, 10'000, 100), clock.Now() + MonoTime::FromSeconds(1));
}
BENCHMARK(HitWithLastGood)->DenseRange(0, 2)->Repetitions(9)->ReportAggregatesOnly();

void Miss(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(static_cast<uint32_t>(state.range(0)), clock);
  AskAll(state, cache, Questions(5'000'000, 10'000, 1), clock.Now());
}
BENCHMARK(Miss)->Arg(1'000'000);

// The worst case of a flush for hits: one before every single look-up, so that each checks.
void HitAfterFlush(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(10'000, clock);
  const auto questions = Questions(0, 10'000, 1);
  for (int i = 0; i < 1000; ++i) {
    const auto zone = dns::Name::Parse("zone" + std::to_string(i) + ".com");
    cache->Flush({.name = *zone, .suffix = true});
  }
  const auto zone = *dns::Name::Parse("zone1.com");
  std::array<uint8_t, 512> buffer;
  size_t i = 0;
  for (auto _ : state) {
    cache->Undo(cache->Flush({.name = zone, .suffix = true}));
    const Asked& asked = questions[i++ % questions.size()];
    std::memcpy(buffer.data(), asked.query.data(), asked.query.size());
    cache->Lookup(asked.key, buffer, NumberedNames::kNameLength, {.now = clock.Now()});
  }
}
BENCHMARK(HitAfterFlush)->Iterations(200'000);

void InsertIntoFull(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(100'000, clock, 100'000);
  NumberedNames names;
  const CacheInsert how = AskedNow(*cache, clock);
  uint32_t number = 100'000;
  for (auto _ : state) {
    const CacheKey key = names.Key(number);
    cache->Insert(key, names.Answer(number), how);
    if (++number == 9'999'999) number = 0;
  }
}
BENCHMARK(InsertIntoFull);

void InsertOverTheSame(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(10'000, clock);
  NumberedNames names;
  const CacheInsert how = AskedNow(*cache, clock);
  uint32_t number = 0;
  for (auto _ : state) {
    const CacheKey key = names.Key(number);
    cache->Insert(key, names.Answer(number), how);
    if (++number == 10'000) number = 0;
  }
}
BENCHMARK(InsertOverTheSame);

// A different zone each time, in a cache of so many entries.
void FlushSuffix(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(static_cast<uint32_t>(state.range(0)), clock);
  std::vector<dns::Name> zones;
  for (int i = 0; i < 200'000; ++i) {
    zones.push_back(*dns::Name::Parse("zone" + std::to_string(i) + ".com"));
  }
  size_t i = 0;
  for (auto _ : state) cache->Flush({.name = zones[i++ % zones.size()], .suffix = true});
}
BENCHMARK(FlushSuffix)->Arg(1000)->Arg(1'000'000)->Iterations(200'000);

// A whole pass of the sweeper, per entry.
void SweepPass(benchmark::State& state) {
  const SystemClock clock;
  const auto cache = Filled(1'000'000, clock);
  for (auto _ : state) cache->Sweep(10'000'000);
  state.SetItemsProcessed(state.iterations() * 1'000'000);
}
BENCHMARK(SweepPass);

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// A million entries, the index sized for them, in resident bytes.
void BytesAnEntry(benchmark::State& state) {
  const SystemClock clock;
  for (auto _ : state) {
    malloc_trim(0);  // what other benchmarks freed
    const double before = ResidentBytes();
    const auto cache = Filled(1'000'000, clock, 1'000'000);
    const double taken = ResidentBytes() - before;
    state.counters["bytes_an_entry"] = taken / static_cast<double>(cache->EntryCount());
  }
}
BENCHMARK(BytesAnEntry)->Iterations(1)->Unit(benchmark::kMillisecond);

void ScanTrace(benchmark::State& state) {
  const SystemClock clock;
  for (auto _ : state) {
    state.counters["with_scan"] = test::ZipfHitRatio({}, clock);
    state.counters["without"] = test::ZipfHitRatio({.scanned = 0}, clock);
  }
}
BENCHMARK(ScanTrace)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace breakwater
