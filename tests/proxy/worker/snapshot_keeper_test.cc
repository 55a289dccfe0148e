#include "proxy/worker/snapshot_keeper.h"

#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/proxy/cache/cache_fixture.h"
#include "tests/support/temporary_folder.h"

namespace breakwater::test {
namespace {

class SnapshotKeeperTest : public CacheFixture {
 protected:
  SnapshotKeeperTest() {
    settings.last_good = LastGoodSettings{};
    config_ = std::make_shared<Config>();
    config_->settings.cache_snapshot = {.path = folder_ + "/cache", .interval_s = 60};
    Begin();
  }
  // A program that begins, without its thread.
  void Begin() {
    cache_ = nullptr;
    auto pool = std::make_shared<Pool>();
    (void)cache();
    pool->cache = cache_;
    config_->pools[""] = std::move(pool);
    keeper_ = std::make_unique<SnapshotKeeper>(clock, zones_);
    keeper_->UseConfig(config_);
    keeper_->OpenJournal();
    counters_ = std::make_unique<Counters>();
  }
  uint64_t Counted(Metric metric) {
    keeper_->Count(*counters_);
    return counters_->Get(metric);
  }
  uint64_t Written() { return Counted(Metric::kCacheSnapshots); }

  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::shared_ptr<Config> config_;
  ZoneHealth zones_;
  std::unique_ptr<SnapshotKeeper> keeper_;
  std::unique_ptr<Counters> counters_;
};

TEST_F(SnapshotKeeperTest, WritesAtTheIntervalAndReadsAtStart) {
  keeper_->Load();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  Advance(59);
  keeper_->Step();
  EXPECT_EQ(Written(), 0u);
  Advance(1);
  keeper_->Step();
  keeper_->Step();
  EXPECT_EQ(Written(), 1u);
  Begin();
  keeper_->Load();
  EXPECT_EQ(Counted(Metric::kCacheSnapshotEntries), 1u);
  EXPECT_EQ(cache().EntryCount(), 1u);
}

TEST_F(SnapshotKeeperTest, TheZonesOfWhatComesBackAreKnown) {
  keeper_->Load();
  zones_.Recall(NameOf("example.com").wire());
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  Advance(60);
  keeper_->Step();
  EXPECT_EQ(Written(), 1u);
  const std::array<dns::Name, 1> all{NameOf("example.com")};
  zones_.Forget(all);
  Begin();
  keeper_->Load();
  EXPECT_EQ(zones_.ApexOf(NameOf("www.example.com").wire()), 2);
  EXPECT_EQ(zones_.zone_count(), 1u);
}

TEST_F(SnapshotKeeperTest, SerialsComeBackWhereTheyCountAndAreNotTooOld) {
  config_->settings.zone_health.serials = {.on = true, .accept_older_after = 3600};
  zones_.UseSettings(config_->settings.zone_health);
  keeper_->Load();
  for (const char* name : {"example.com", "example.net"}) {
    zones_.RecallSerial({.apex = NameOf(name).wire(), .serial = 2026112801}, clock.Now());
  }
  Advance(60);
  keeper_->Step();
  cache().Flush({.name = NameOf("example.net"), .suffix = true, .hard = true});
  const auto serials_after = [&](double seconds) {
    zones_.Forget(std::vector{NameOf("com"), NameOf("net")});
    Advance(seconds);
    Begin();
    keeper_->Load();
    std::vector<uint32_t> found;
    zones_.EachSerial(clock.Now(),
                      [&](const KnownSerial& known) { found.push_back(known.serial); });
    return found;
  };
  EXPECT_EQ(serials_after(10), std::vector<uint32_t>{2026112801}) << "not of what was flushed hard";
  EXPECT_TRUE(serials_after(3600).empty());
}

TEST_F(SnapshotKeeperTest, AFlushIsWrittenSoonAndNotAtOnce) {
  keeper_->Load();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = true});
  Advance(9);
  keeper_->Step();
  EXPECT_EQ(Written(), 0u);
  Advance(1);
  keeper_->Step();
  EXPECT_EQ(Written(), 1u);
  Advance(10);
  keeper_->Step();
  EXPECT_EQ(Written(), 1u);
}

TEST_F(SnapshotKeeperTest, AThreadReadsAtStartAndWritesAtStop) {
  keeper_->Start(config_);
  keeper_->AwaitLoaded(MonoTime::FromSeconds(20));
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  keeper_->Stop();
  EXPECT_EQ(Written(), 1u);
  Begin();
  keeper_->Start(config_);
  keeper_->AwaitLoaded(MonoTime::FromSeconds(20));
  EXPECT_EQ(cache().EntryCount(), 1u);
  keeper_->Stop();
}

TEST_F(SnapshotKeeperTest, AFlushAndACrashAfterACleanStopLeaveNothingFresh) {
  settings.last_good.reset();
  Begin();
  keeper_->Start(config_);
  keeper_->AwaitLoaded(MonoTime::FromSeconds(20));
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  keeper_->Stop();
  Begin();
  keeper_->Load();
  ASSERT_TRUE(Hits("www.example.com A"));
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = true});
  Begin();  // without a Stop
  keeper_->Load();
  EXPECT_FALSE(Hits("www.example.com A"));
}

TEST_F(SnapshotKeeperTest, ABadFileIsCountedAndReplaced) {
  keeper_->Load();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  Advance(60);
  keeper_->Step();
  std::filesystem::resize_file(folder_ + "/cache", 60);
  Begin();
  keeper_->Load();
  EXPECT_EQ(Counted(Metric::kCacheSnapshotErrors), 1u);
  EXPECT_EQ(cache().EntryCount(), 0u);
  Advance(60);
  keeper_->Step();
  EXPECT_EQ(Written(), 1u);
}

TEST_F(SnapshotKeeperTest, AWritingThatFailsIsCountedAndTriedAgain) {
  keeper_->Load();
  std::filesystem::create_directory(folder_ + "/cache.new");
  Advance(60);
  keeper_->Step();
  EXPECT_EQ(Counted(Metric::kCacheSnapshotErrors), 1u);
  std::filesystem::remove(folder_ + "/cache.new");
  Advance(60);
  keeper_->Step();
  EXPECT_EQ(Written(), 1u);
}

TEST_F(SnapshotKeeperTest, WhatWasExpungedDoesNotComeBackAfterACrash) {
  keeper_->Load();
  const auto put = [&] {
    for (const char* name : {"www.example.com", "ftp.example.com"}) {
      ASSERT_TRUE(Put(std::string(name) + " A", kOneAddress));
    }
    Advance(60);
    keeper_->Step();
  };
  const auto crash = [&] {
    Begin();
    keeper_->Load();
    size_t served = 0;
    for (const char* name : {"www.example.com", "ftp.example.com"}) {
      const CacheLookup how{.now = clock.Now(), .last_good = LastGoodUse::kAny};
      served += GetAs(std::string(name) + " A", how).result == CacheResult::kLastGood ? 1 : 0;
    }
    return served;
  };
  put();
  EXPECT_EQ(cache().ExpungeByName({.name = NameOf("www.example.com")}), 1u);
  EXPECT_EQ(crash(), 1u);
  put();
  cache().Expunge(1);  // for want of room
  EXPECT_EQ(crash(), 2u);
  cache().Expunge(0);
  EXPECT_EQ(crash(), 0u);
}

TEST_F(SnapshotKeeperTest, WithoutAPathThereIsNoThread) {
  config_->settings.cache_snapshot = {};
  keeper_->Start(config_);
  keeper_->AwaitLoaded(MonoTime::FromSeconds(20));
  keeper_->Stop();
  EXPECT_EQ(Written(), 0u);
}

TEST_F(SnapshotKeeperTest, WhatWasFlushedHardDoesNotComeBackAfterACrash) {
  keeper_->Load();
  for (const char* name : {"www.example.com", "www.example.net"}) {
    ASSERT_TRUE(Put(std::string(name) + " A", kOneAddress));
  }
  Advance(60);
  keeper_->Step();
  ASSERT_EQ(Written(), 1u);
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = true});
  cache().Flush({.name = NameOf("example.net"), .suffix = true});
  // Nothing is written any more: the program is killed.
  Begin();
  keeper_->Load();
  EXPECT_EQ(Counted(Metric::kCacheSnapshotFlushes), 1u);
  const auto last_good = [&](const std::string& query) {
    return GetAs(query, {.now = clock.Now(), .last_good = LastGoodUse::kAny}).result;
  };
  EXPECT_EQ(last_good("www.example.com A"), CacheResult::kMiss);
  EXPECT_EQ(last_good("www.example.net A"), CacheResult::kLastGood);
  // And not after a second one, that comes before the next writing.
  Begin();
  keeper_->Load();
  EXPECT_EQ(last_good("www.example.com A"), CacheResult::kMiss);
  EXPECT_EQ(Counted(Metric::kCacheSnapshotFlushes), 1u);
  Advance(60);
  keeper_->Step();
  Begin();
  keeper_->Load();
  EXPECT_EQ(Counted(Metric::kCacheSnapshotFlushes), 0u);
  EXPECT_EQ(last_good("www.example.com A"), CacheResult::kMiss);
}

}  // namespace
}  // namespace breakwater::test
