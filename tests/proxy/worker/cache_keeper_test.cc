#include "proxy/worker/cache_keeper.h"

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater::test {
namespace {

// The fixture's cache of 1000 entries in the default pool.
class CacheKeeperTest : public CacheFixture {
 protected:
  CacheKeeperTest() {
    auto pool = std::make_shared<Pool>();
    pool->cache = std::shared_ptr<PacketCache>(&cache(), [](PacketCache*) {});
    config_.pools.emplace("", pool);
    config_.settings.cache_cleaning_delay_s = 1;
  }
  // Expired entries, and then what is left of them after some passes.
  size_t LeftOf(size_t entries) {
    for (size_t i = 0; i < entries; ++i) {
      const std::string name = "n" + std::to_string(i) + ".example";
      EXPECT_TRUE(Put(name, "/ answer " + name + " 5 A 192.0.2.1"));
    }
    clock.Advance(MonoTime::FromSeconds(60));
    CacheKeeper keeper(clock);
    for (int i = 0; i < 50; ++i) keeper.Step(config_);
    return cache().EntryCount();
  }
  Config config_;
};

TEST_F(CacheKeeperTest, ExpiredEntriesAreFreed) {
  EXPECT_EQ(LeftOf(100), 0u);
}

TEST_F(CacheKeeperTest, ThePercentageSaysHowMuchIsKeptFree) {
  config_.settings.cache_cleaning_percentage = 60;
  const size_t left = LeftOf(500);
  EXPECT_GT(left, 300u);
  EXPECT_LE(left, 400u);
  config_.settings.cache_cleaning_percentage = 0;
  EXPECT_EQ(LeftOf(0), left);
}

TEST_F(CacheKeeperTest, TheCountOfAFlushIsKnownSoonHoweverFewEntriesALargeCacheHolds) {
  config_.settings.cache_cleaning_delay_s = 60;
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  const FlushId id = cache().Flush({.name = *dns::Name::Parse("example.com"), .suffix = true});
  CacheKeeper keeper(clock);
  keeper.Step(config_);  // the clock stands: as much as it takes
  const auto status = cache().StatusOf(id);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->swept);
  EXPECT_EQ(status->matched, 1u);
}

TEST_F(CacheKeeperTest, FlushesOfAnEmptyCacheAreSweptAndForgotten) {
  const FlushId id = cache().Flush({.name = *dns::Name::Parse("example.com"), .suffix = true});
  CacheKeeper keeper(clock);
  keeper.Step(config_);
  ASSERT_TRUE(cache().StatusOf(id));
  EXPECT_TRUE(cache().StatusOf(id)->swept);
  clock.Advance(MonoTime::FromSeconds(3601));
  for (int i = 0; i < 50; ++i) keeper.Step(config_);
  EXPECT_FALSE(cache().StatusOf(id));
}

}  // namespace
}  // namespace breakwater::test
