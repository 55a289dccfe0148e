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
    const CacheHit hit =
        cache.Lookup(key, buffer, NumberedNames::kNameLength, {.now = clock.Now()});
    if (hit.result != CacheResult::kMiss) {
      ASSERT_EQ(hit.size, NumberedNames::kAnswerSize);
      const auto answer = names.Answer(number);
      ASSERT_TRUE(
          std::ranges::equal(answer.subspan(12), std::span(buffer).subspan(12, hit.size - 12)));
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

// Refreshes of one name that overtake each other, good and bad ones, while it is flushed and held.
// An answer's address is the millisecond in which it was asked for.
class RacingRefreshes {
 public:
  RacingRefreshes() {
    settings_.max_entries = 100;
    settings_.last_good = LastGoodSettings{.recheck = 1};
    settings_.dont_age = true;
    cache_ = *PacketCache::Make(settings_, clock_);
    good_ =
        test::QueryMaker::Message("www.example.com +qr +aa / answer www.example.com 1 A 1.2.3.4");
    bad_ = test::QueryMaker::Message("www.example.com +qr +rcode=5");
    query_ = test::QueryMaker::Message("www.example.com");
    key_ = *test::KeyOf(query_);
  }

  void Refresh(uint32_t seed) {
    std::vector<uint8_t> answer = good_;
    uint32_t random = seed;
    for (int i = 0; i < kTurns; ++i) {
      random = random * 1664525 + 1013904223;
      CacheInsert how{.now = clock_.Now(), .asked = clock_.Now(), .asked_epoch = cache_->epoch()};
      const MonoTime until = how.asked + MonoTime::FromMs(random >> 30 == 0 ? random >> 8 & 3 : 0);
      while (clock_.Now() < until) std::this_thread::yield();
      how.now = clock_.Now();
      if (random >> 29 == 7) {
        how.worth = AnswerClass::kBad;
        cache_->Insert(key_, bad_, how);
        cache_->Hold(key_, Name(),
                     {.now = how.now, .asked = how.asked, .asked_epoch = how.asked_epoch});
        continue;
      }
      const auto asked_ms = static_cast<uint32_t>(how.asked.ms());
      StoreU32(answer.data() + answer.size() - 4, asked_ms);
      if (!cache_->Insert(key_, answer, how)) continue;
      uint32_t newest = newest_.load();
      while (newest < asked_ms && !newest_.compare_exchange_weak(newest, asked_ms)) {
      }
    }
  }

  void Look() {
    std::array<uint8_t, 512> buffer;
    for (int i = 0; i < kTurns; ++i) {
      std::ranges::copy(query_, buffer.begin());
      const uint32_t newest = newest_.load();
      const CacheHit hit = cache_->Lookup(key_, buffer, Name().size(),
                                          {.now = clock_.Now(), .last_good = LastGoodUse::kAny});
      if (newest == 0) continue;
      ASSERT_NE(hit.result, CacheResult::kMiss);
      ASSERT_EQ(hit.size, good_.size()) << "a bad answer in place of a good one";
      ASSERT_GE(LoadU32(buffer.data() + hit.size - 4), newest)
          << "an older one in place of a newer";
    }
  }

  void Flush() {
    for (int i = 0; i < kTurns / 10; ++i) {
      const FlushId id = cache_->Flush({.name = dns::Name(), .suffix = true});
      if (i % 3 == 0) cache_->Undo(id);
      cache_->Sweep(1000);
    }
  }

 private:
  static constexpr int kTurns = 5000;
  std::span<const uint8_t> Name() const {
    return std::span(query_).subspan(dns::kHeaderSize, query_.size() - dns::kHeaderSize - 4);
  }

  SystemClock clock_;
  PacketCacheSettings settings_;
  std::shared_ptr<PacketCache> cache_;
  std::vector<uint8_t> good_, bad_, query_;
  CacheKey key_;
  std::atomic<uint32_t> newest_{0};
};

TEST(CacheThreads, NothingBadOrOlderTakesThePlaceOfANewerGoodAnswer) {
  RacingRefreshes race;
  std::vector<std::thread> threads;
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    threads.emplace_back([&, seed] { race.Refresh(seed * 7919); });
  }
  threads.emplace_back([&] { race.Look(); });
  threads.emplace_back([&] { race.Flush(); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace breakwater
