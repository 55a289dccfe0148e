// Everything at once from several threads, for the sanitizers; and what must hold at the end.
#include <atomic>
#include <thread>

#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/cache/numbered_names.h"

namespace breakwater {
namespace {

using test::NumberedNames;

constexpr uint32_t kNames = 3000;
constexpr int kRounds = 30'000;

void AskAndStore(PacketCache& cache, const Clock& clock, uint32_t seed) {
  NumberedNames names;
  std::array<uint8_t, 512> buffer;
  uint32_t random = seed;
  for (int i = 0; i < kRounds; ++i) {
    random = random * 1664525 + 1013904223;
    const uint32_t number = (random >> 8) % kNames;
    const CacheKey key = names.Key(number);
    std::memcpy(buffer.data(), names.data(), NumberedNames::kQuerySize);
    const uint32_t epoch = cache.epoch();
    cache.FetchIndex(key);
    cache.FetchEntry(key);
    const auto [result, size] =
        cache.Lookup(key, buffer, NumberedNames::kNameLength, {.now = clock.Now()});
    if (result != CacheResult::kMiss) {
      ASSERT_EQ(size, NumberedNames::kAnswerSize);
      const auto answer = names.Answer(number);
      ASSERT_TRUE(std::ranges::equal(answer.subspan(12), std::span(buffer).subspan(12, size - 12)));
      continue;
    }
    cache.Insert(key, names.Answer(number),
                 {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = epoch});
  }
}

void FlushAndUndo(PacketCache& cache) {
  for (uint32_t i = 0; i < 3000; ++i) {
    NumberedNames names;
    const auto query = names.Query(i % kNames);
    const dns::Name name = *dns::Name::FromWire(query.subspan(12, NumberedNames::kNameLength));
    const FlushId id = cache.Flush(
        {.name = i % 100 == 0 ? dns::Name() : name, .suffix = i % 2 == 0, .hard = i % 3 == 0});
    if (i % 5 == 0) cache.Undo(id);
    if (i % 7 == 0) cache.StatusOf(id);
    if (i % 500 == 0) cache.ExpungeByName({.name = name, .suffix = true});
  }
}

TEST(CacheThreads, AgreeUnderLookupsInsertsFlushesAndSweeps) {
  SystemClock clock;
  PacketCacheSettings settings;
  settings.max_entries = 2000;  // fewer than names: evictions too
  settings.dont_age = true;     // a slow run takes more than a second
  settings.flush_limits = {.undo_window = MonoTime::FromMs(2), .max_flushes = 500};
  const auto cache = *PacketCache::Make(settings, clock);
  std::atomic<bool> over{false};
  std::thread sweeper([&] {
    while (!over) {
      cache->Sweep(640);
      cache->Stats();
    }
  });
  std::thread flusher([&] { FlushAndUndo(*cache); });
  std::vector<std::thread> askers;
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    askers.emplace_back([&, seed] { AskAndStore(*cache, clock, seed); });
  }
  for (std::thread& asker : askers) asker.join();
  flusher.join();
  over = true;
  sweeper.join();

  // After one last flush of everything nothing asked for earlier is left, nor counted.
  EXPECT_LE(cache->EntryCount(), settings.max_entries);
  cache->Flush({.name = dns::Name(), .suffix = true, .hard = true});
  cache->Sweep(1'000'000'000);
  cache->Sweep(1'000'000'000);
  EXPECT_EQ(cache->EntryCount(), 0u);
  EXPECT_EQ(cache->Stats().bytes, 0u);
}

}  // namespace
}  // namespace breakwater
