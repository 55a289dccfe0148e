#include "proxy/cache/cache_shard.h"

#include <chrono>
#include <map>
#include <random>

#include "tests/proxy/cache/cache_fixture.h"
#include "tests/proxy/cache/numbered_names.h"

namespace breakwater {
namespace {

using test::NumberedNames;

class CacheShardTest : public testing::Test {
 protected:
  CacheEntryPtr Entry(const CacheKey& key, uint32_t number) {
    CacheAnswer answer;
    EXPECT_TRUE(ExamineAnswer(names.Answer(number), answer));
    return MakeCacheEntry(key, names.Answer(number), answer);
  }
  CacheEntry* Find(CacheShard& shard, const CacheKey& key, uint32_t number) {
    const auto query = names.Query(number);
    return shard.Find(key, key.bits, query.subspan(12, NumberedNames::kNameLength)).entry;
  }
  NumberedNames names;
  CacheTotals totals;
};

TEST_F(CacheShardTest, CollidingKeysStayApart) {
  constexpr uint32_t kColliding = 200;
  CacheIndex index(1, 1000);
  CacheShard shard(1000, index.Of(0), totals);
  CacheKey key = names.Key(0);
  for (uint32_t i = 0; i < kColliding; ++i) {
    EXPECT_EQ(Find(shard, key, i), nullptr);
    shard.Put(Entry(key, i), {key.hash, false});
  }
  for (uint32_t i = 0; i < kColliding; ++i) {
    const CacheEntry* entry = Find(shard, key, i);
    ASSERT_NE(entry, nullptr);
    const auto query = names.Query(i);
    EXPECT_TRUE(std::ranges::equal(entry->name(), query.subspan(12, NumberedNames::kNameLength)));
  }
  const auto query = names.Query(kColliding);
  const auto found = shard.Find(key, key.bits, query.subspan(12, NumberedNames::kNameLength));
  EXPECT_EQ(found.entry, nullptr);
  EXPECT_TRUE(found.collision);
}

TEST_F(CacheShardTest, EqualTagsCostNoComparisonOfKeys) {
  // Same tag and same home slot, as chance or a guess of 16 bits may give: the other hash bits
  // keep the keys apart before anything is compared.
  CacheIndex index(1, 1000);
  CacheShard shard(1000, index.Of(0), totals);
  CacheKey key = names.Key(0);
  for (uint32_t i = 0; i < 200; ++i) {
    key.hash = (uint64_t{7} << 32) | (0x10000000u + i);
    shard.Put(Entry(key, i), {key.hash, false});
  }
  for (uint32_t i = 0; i < 200; ++i) {
    key.hash = (uint64_t{7} << 32) | (0x10000000u + i);
    const auto query = names.Query(i);
    const auto found = shard.Find(key, key.bits, query.subspan(12, NumberedNames::kNameLength));
    EXPECT_NE(found.entry, nullptr);
    EXPECT_FALSE(found.collision);
  }
}

TEST_F(CacheShardTest, IndexAgreesWithAMapThroughRandomChanges) {
  CacheIndex index(1, 64);
  CacheShard shard(64, index.Of(0), totals);
  std::map<uint32_t, CacheKey> held;
  std::mt19937 random(7);
  for (int step = 0; step < 20'000; ++step) {
    const auto number = static_cast<uint32_t>(random() % 96);
    CacheKey key = names.Key(number);
    // Few home slots, the last ones among them: long clusters that wrap round.
    key.hash = (key.hash & 0xffff00000000) | (0xf8000000u + (number % 8) * 0x02000000u);
    CacheEntry* entry = Find(shard, key, number);
    ASSERT_EQ(entry != nullptr, held.contains(number)) << step;
    if (entry != nullptr && random() % 2 == 0) {
      shard.Remove(entry);
      held.erase(number);
    } else if (entry == nullptr && !shard.IsFull()) {
      shard.Put(Entry(key, number), {key.hash, false});
      held[number] = key;
    }
    ASSERT_EQ(shard.size(), held.size());
  }
  for (const auto& [number, key] : held) EXPECT_NE(Find(shard, key, number), nullptr);
  EXPECT_EQ(totals.entries.load(), held.size());
}

TEST_F(CacheShardTest, AScanMeetsEachEntryOnceThoughOthersLeaveMeanwhile) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    CacheIndex index(1, 64);
    CacheShard shard(64, index.Of(0), totals);
    std::vector<CacheEntry*> stays;
    std::vector<CacheEntry*> leaves;
    for (uint32_t i = 0; i < 64; ++i) {
      CacheKey key = names.Key(i);
      key.hash = (key.hash & 0xffff00000000) | random();
      CacheEntryPtr entry = Entry(key, i);
      (i % 3 == 0 ? leaves : stays).push_back(entry.get());
      shard.Put(std::move(entry), {key.hash, false});
    }
    std::map<const CacheEntry*, int> met;
    std::vector<CacheEntryPtr> removed;
    for (size_t home = 0; home < shard.home_slots(); home += 5) {
      shard.ScanHomes(home, 5, removed, [&](CacheEntry& entry) {
        ++met[&entry];
        return false;
      });
      if (!leaves.empty()) {
        shard.Remove(leaves.back());
        leaves.pop_back();
      }
    }
    for (const CacheEntry* entry : stays) ASSERT_EQ(met[entry], 1);
  }
}

TEST_F(CacheShardTest, AScanRemovesWhatItIsToldTo) {
  CacheIndex index(1, 64);
  CacheShard shard(64, index.Of(0), totals);
  for (uint32_t i = 0; i < 64; ++i) {
    CacheKey key = names.Key(i);
    key.hash = (uint64_t{i + 1} << 32) | 0xfe000000u;  // all in one cluster, round the corner
    shard.Put(Entry(key, i), {key.hash, false});
  }
  std::vector<CacheEntryPtr> removed;
  shard.ScanHomes(0, shard.home_slots(), removed, [](CacheEntry&) { return true; });
  EXPECT_EQ(removed.size(), 64u);
  EXPECT_EQ(shard.size(), 0u);
}

}  // namespace
}  // namespace breakwater
