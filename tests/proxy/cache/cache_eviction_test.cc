#include <dlfcn.h>
#include <unistd.h>

#include <fstream>

#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/cache/numbered_names.h"
#include "tests/proxy/cache/scan_trace.h"

namespace breakwater {
namespace {

using test::NumberedNames;

class CacheEvictionTest : public test::CacheFixture {
 protected:
  void PutNumber(uint32_t number) {
    const CacheKey key = names.Key(number);
    EXPECT_TRUE(cache().Insert(key, names.Answer(number), Insertion()));
  }
  bool HasNumber(uint32_t number) {
    const CacheKey key = names.Key(number);
    std::array<uint8_t, 512> buffer;
    std::memcpy(buffer.data(), names.data(), NumberedNames::kQuerySize);
    return cache().Lookup(key, buffer, NumberedNames::kNameLength, {.now = clock.Now()}).result !=
           CacheResult::kMiss;
  }
  NumberedNames names;
};

TEST_F(CacheEvictionTest, FullNeverRefusesAndNeverHoldsMoreThanItMay) {
  for (const size_t max_entries : {1u, 2u, 5u, 33u, 100u, 3000u}) {
    settings.max_entries = max_entries;
    cache_.reset();
    for (uint32_t i = 0; i < 3 * max_entries; ++i) {
      PutNumber(i);
      ASSERT_LE(cache().EntryCount(), max_entries);
      ASSERT_TRUE(max_entries < 2 || HasNumber(i)) << "the newest of " << max_entries;
    }
    EXPECT_EQ(cache().EntryCount(), max_entries);
    EXPECT_EQ(cache().Stats().evictions, 2 * max_entries);
  }
}

TEST_F(CacheEvictionTest, KeepsWithinItsBytes) {
  settings.max_entries = 100'000;
  settings.max_bytes = 1 << 20;
  for (uint32_t i = 0; i < 20'000; ++i) {
    PutNumber(i);
    ASSERT_LE(cache().Stats().bytes, settings.max_bytes);
  }
  EXPECT_GT(cache().EntryCount(), settings.max_bytes / 160);
  // One large answer takes the place of many small ones.
  std::string large;
  for (int i = 0; i < 60; ++i) large += " / answer www.example.com 300 A 192.0.2.1";
  EXPECT_TRUE(Put("www.example.com", large));
  EXPECT_LE(cache().Stats().bytes, settings.max_bytes);
}

TEST_F(CacheEvictionTest, WhatIsAskedForAgainOutlivesWhatIsNot) {
  settings.max_entries = 1000;
  for (uint32_t i = 0; i < 1000; ++i) PutNumber(i);
  for (uint32_t i = 0; i < 500; ++i) EXPECT_TRUE(HasNumber(i));
  for (uint32_t i = 1000; i < 1400; ++i) PutNumber(i);
  size_t kept = 0;
  for (uint32_t i = 0; i < 500; ++i) kept += HasNumber(i) ? 1 : 0;
  EXPECT_GE(kept, 490u);
}

TEST_F(CacheEvictionTest, AFloodOfBadAnswersHoweverOftenAskedForTakesATenthAtMost) {
  settings.max_entries = 1000;
  settings.last_good.emplace();
  for (uint32_t i = 0; i < 800; ++i) PutNumber(i);
  CacheInsert bad = Insertion();
  bad.worth = AnswerClass::kBad;
  for (uint32_t i = 10'000; i < 20'000; ++i) {
    const CacheKey key = names.Key(i);
    EXPECT_TRUE(cache().Insert(key, names.Answer(i), bad));
    for (int asked = 0; asked < 3; ++asked) EXPECT_TRUE(HasNumber(i));
  }
  size_t kept = 0;
  for (uint32_t i = 0; i < 800; ++i) kept += HasNumber(i) ? 1 : 0;
  EXPECT_GE(kept, 700u);
}

TEST_F(CacheEvictionTest, AScanCostsLessThanThreePointsOfTheHitRatio) {
  // A tenth of the trace; bench/micro runs it whole.
  test::TraceOptions options{
      .names = 100'000, .cache_entries = 10'000, .scanned = 20'000, .requests = 200'000};
  const double with_scan = test::ZipfHitRatio(options, clock);
  options.scanned = 0;
  const double without = test::ZipfHitRatio(options, clock);
  EXPECT_GT(without, 0.7);
  EXPECT_GT(with_scan, without - 0.03);
}

TEST_F(CacheEvictionTest, EmptiesAndFillsAgainWithoutLosingCount) {
  settings.max_entries = 500;
  for (int round = 0; round < 20; ++round) {
    for (uint32_t i = 0; i < 700; ++i) PutNumber(i);
    EXPECT_EQ(cache().Expunge(100), 400u);
    EXPECT_EQ(cache().EntryCount(), 100u);
    EXPECT_EQ(cache().Expunge(0), 100u);
    EXPECT_EQ(cache().Stats().bytes, 0u);
  }
}

size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(CacheEvictionTest, TakesAtMost160BytesForAnAddress) {
  if (dlsym(RTLD_DEFAULT, "__asan_init") != nullptr ||
      dlsym(RTLD_DEFAULT, "__tsan_init") != nullptr) {
    GTEST_SKIP() << "a sanitizer's allocator is another one";
  }
  constexpr uint32_t kEntries = 200'000;
  settings.max_entries = kEntries;
  const size_t before = ResidentBytes();
  for (uint32_t i = 0; i < kEntries; ++i) PutNumber(i);
  const size_t taken = ResidentBytes() - before;
  EXPECT_EQ(cache().EntryCount(), kEntries);
  EXPECT_LE(taken / kEntries, 160u);
  // What maxBytes goes by is near the truth.
  EXPECT_NEAR(static_cast<double>(cache().Stats().bytes), static_cast<double>(taken),
              0.1 * static_cast<double>(taken));
}

}  // namespace
}  // namespace breakwater
