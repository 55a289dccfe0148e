#include "proxy/cache/cache_snapshot.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/proxy/cache/snapshot_fixture.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;

class CacheSnapshotTest : public SnapshotFixture {
 protected:
  void KeepLastGood() { settings.last_good = LastGoodSettings{.max_age_s = 1000}; }
};

TEST_F(CacheSnapshotTest, AnEntryComesBackAndGoesOnAgeing) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  Advance(100);
  EXPECT_EQ(Write().entries, 1u);
  Restart(50);
  EXPECT_EQ(Load().taken, 1u);
  const Reply reply = Get("www.example.com A");
  ASSERT_EQ(reply.result, CacheResult::kFresh);
  // A second less than there may be left: the wall clock is read in whole ones.
  EXPECT_THAT(reply.text, HasSubstr("149 A 192.0.2.1"));
  Advance(148);
  EXPECT_TRUE(Hits("www.example.com A"));
  Advance(1);
  EXPECT_FALSE(Hits("www.example.com A"));
}

TEST_F(CacheSnapshotTest, NothingIsFreshForLongerThanItsTtl) {
  Advance(0.1);
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  // Most of a second of its age is no whole one, and of the time between the two readings of the
  // wall clock as well.
  Advance(100.9);
  (void)Write();
  Restart(0.9);
  EXPECT_EQ(Load().taken, 1u);
  EXPECT_THAT(Get("www.example.com A").text, HasSubstr("198 A 192.0.2.1"));
  Advance(198.2);
  EXPECT_FALSE(Hits("www.example.com A"));
}

TEST_F(CacheSnapshotTest, EveryKindOfKeyComesBack) {
  settings.key.parse_ecs = true;
  settings.key.payload_ranks = {512, 4096};
  const std::vector<std::string> queries = {"www.example.com A",
                                            "www.example.com A +norec",
                                            "www.example.com A +norec +edns",
                                            "www.example.com A +dnssec",
                                            "www.example.com A +option=8:00011800c00002",
                                            "www.example.com A +bufsize=4096",
                                            "www.example.com A +edns +option=65001:01",
                                            "WWW.example.org AAAA +cd"};
  for (const std::string& query : queries) ASSERT_TRUE(Put(query, kOneAddress)) << query;
  EXPECT_EQ(Write().entries, queries.size());
  Restart();
  EXPECT_EQ(Load().taken, queries.size());
  for (const std::string& query : queries) EXPECT_TRUE(Hits(query)) << query;
  EXPECT_FALSE(Hits("www.example.com A +option=8:00011800c63364"));
}

TEST_F(CacheSnapshotTest, NothingIsFreshThatDidNotComeFromACleanStop) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write(SnapshotOccasion::kInterval);
  Restart();
  const SnapshotLoaded loaded = Load();
  EXPECT_EQ(loaded.taken, 0u);
  EXPECT_EQ(loaded.over, 1u);
  // Of use where no server is up and stale answers are wanted.
  const auto kept = TryLoad(60);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->taken, 1u);
  EXPECT_FALSE(Hits("www.example.com A"));
  EXPECT_EQ(GetAs("www.example.com A", {.now = clock.Now(), .allow_expired_s = 60}).result,
            CacheResult::kStale);
}

TEST_F(CacheSnapshotTest, ACleanStopIsForOneStartAlone) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  EXPECT_EQ(Load().taken, 1u);
  // Had something been flushed since, the file would not know.
  Restart();
  EXPECT_EQ(Load().over, 1u);
  EXPECT_FALSE(Hits("www.example.com A"));
}

TEST_F(CacheSnapshotTest, ALeftReadingUsesUpTheCleanStopAsWell) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  const std::atomic<bool> abandon{true};
  ASSERT_TRUE(LoadCacheSnapshot(path_, std::vector<NamedCache>{{pools_, cache_}},
                                {.clock = clock, .abandon = &abandon}));
  EXPECT_EQ(Load().over, 1u);
}

// Something is flushed whenever a writing begins with a cache.
class FlushingClock : public Clock {
 public:
  FlushingClock(const Clock& clock, PacketCache& cache) : clock_(clock), cache_(cache) {}
  MonoTime Now() const override {
    (void)cache_.Flush({.name = *dns::Name::Parse("example.net"), .suffix = true, .hard = true});
    return clock_.Now();
  }
  int64_t WallSeconds() const override { return clock_.WallSeconds(); }

 private:
  const Clock& clock_;
  PacketCache& cache_;
};

TEST_F(CacheSnapshotTest, AStopInWhichSomethingIsFlushedIsNotClean) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  const FlushingClock flushing(clock, cache());
  const auto written = WriteCacheSnapshot(path_, std::vector<NamedCache>{{pools_, cache_}},
                                          {.clock = flushing, .occasion = SnapshotOccasion::kStop});
  ASSERT_TRUE(written) << written.error();
  EXPECT_EQ(written->entries, 1u);
  Restart();
  EXPECT_EQ(Load().over, 1u);
  EXPECT_FALSE(Hits("www.example.com A"));
}

TEST_F(CacheSnapshotTest, NothingIsFreshWhereTheClockWentBack) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  clock.StepWall(-1000);
  EXPECT_EQ(Load().taken, 0u);
  EXPECT_FALSE(Hits("www.example.com A"));
}

TEST_F(CacheSnapshotTest, WithLastGoodAnEntryIsDueAndALastGoodAnswer) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  EXPECT_EQ(Load().taken, 1u);
  EXPECT_EQ(Get("www.example.com A").result, CacheResult::kMiss);
  const Reply reply = GetWhatThereIs("www.example.com A");
  ASSERT_EQ(reply.result, CacheResult::kLastGood);
  EXPECT_THAT(reply.text, HasSubstr("30 A 192.0.2.1"));
  // No flush has passed over it: it comes before a standby.
  EXPECT_EQ(
      GetAs("www.example.com A", {.now = clock.Now(), .last_good = LastGoodUse::kUnlessFlushed})
          .result,
      CacheResult::kLastGood);
  // A better answer takes its place.
  ASSERT_TRUE(Put("www.example.com A", "/ answer www.example.com 300 A 192.0.2.2"));
  EXPECT_THAT(Get("www.example.com A").text, HasSubstr("192.0.2.2"));
}

TEST_F(CacheSnapshotTest, MaxAgeGoesOnWhileTheProgramDoesNotRun) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));  // good for 1300 s
  Advance(600);
  (void)Write();
  Restart(600);
  EXPECT_EQ(Load().taken, 1u);
  Advance(98);
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kLastGood);
  Advance(2);
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kMiss);
  Restart();
  EXPECT_EQ(Load().over, 1u);
}

TEST_F(CacheSnapshotTest, MaxAgeIsTheOneOfToday) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  settings.last_good->max_age_s = 10;
  Restart(200);
  EXPECT_EQ(Load().taken, 1u);
  Advance(111);
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kMiss);
}

TEST_F(CacheSnapshotTest, AZoneForWhichNothingIsKeptTodayStaysOut) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  settings.last_good->except = {NameOf("example.com")};
  Restart();
  EXPECT_EQ(Load().over, 1u);
}

TEST_F(CacheSnapshotTest, WhatAClockThatWentBackHidesIsNoNewLife) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  Advance(1200);
  (void)Write();
  Restart(50);
  clock.StepWall(-5000);
  EXPECT_EQ(Load().taken, 1u);
  Advance(101);
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kMiss);
}

TEST_F(CacheSnapshotTest, ASignatureEndsWhenItSays) {
  KeepLastGood();
  // Its end, in seconds since 1970, is 500 s from now.
  const std::string end = fmt::format("{:08x}", clock.WallSeconds() + 500);
  ASSERT_TRUE(Put("www.example.com A +dnssec",
                  std::string(kOneAddress) +
                      " / answer www.example.com 300 RRSIG 000108030000012c" + end +
                      "000000000001" + "076578616d706c6503636f6d00" + "0102"));
  Advance(100);
  (void)Write();
  Restart(100);
  EXPECT_EQ(Load().taken, 1u);
  Advance(298);
  EXPECT_EQ(GetWhatThereIs("www.example.com A +dnssec").result, CacheResult::kLastGood);
  Advance(3);
  EXPECT_EQ(GetWhatThereIs("www.example.com A +dnssec").result, CacheResult::kMiss);
}

TEST_F(CacheSnapshotTest, WhatWasFlushedHardDoesNotComeBack) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  ASSERT_TRUE(Put("www.example.org A", "/ answer www.example.org 300 A 192.0.2.9"));
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = true});
  EXPECT_EQ(Write().entries, 1u);
  Restart();
  (void)Load();
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kMiss);
  EXPECT_EQ(GetWhatThereIs("www.example.org A").result, CacheResult::kLastGood);
}

TEST_F(CacheSnapshotTest, WhatWasFlushedSoftlyIsDueForGood) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = false});
  (void)Write();
  Restart();
  (void)Load();
  cache().Flush({.name = NameOf("example.net"), .suffix = true, .hard = false});
  const CacheLookup standby_first{.now = clock.Now(), .last_good = LastGoodUse::kUnlessFlushed};
  EXPECT_EQ(GetAs("www.example.com A", standby_first).result, CacheResult::kMiss);
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kLastGood);
}

TEST_F(CacheSnapshotTest, WithoutLastGoodWhatWasFlushedIsNotKept) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = false});
  EXPECT_EQ(Write().entries, 0u);
}

TEST_F(CacheSnapshotTest, AFlushWhileItIsReadConcernsWhatIsRead) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  SnapshotScan scan{.now = clock.Now()};
  while (cache().CopyForSnapshot(scan)) {
  }
  Restart();
  const uint32_t epoch = cache().epoch();
  cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = true});
  ByteReader reader(scan.bytes);
  SavedEntry saved;
  ASSERT_TRUE(ReadSaved(reader, saved));
  EXPECT_EQ(cache().Restore(saved, {.now = clock.Now(), .asked_epoch = epoch}),
            RestoreResult::kTaken);
  EXPECT_EQ(GetWhatThereIs("www.example.com A").result, CacheResult::kMiss);
  // Nor what is read when the flush is not remembered any more.
  Advance(4000);
  (void)SweepAll();
  (void)SweepAll();
  EXPECT_EQ(cache().Restore(saved, {.now = clock.Now(), .asked_epoch = epoch}),
            RestoreResult::kOver);
}

TEST_F(CacheSnapshotTest, WhatIsHereAlreadyStays) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  ASSERT_TRUE(Put("www.example.com A", "/ answer www.example.com 60 A 192.0.2.7"));
  EXPECT_EQ(Load().known, 1u);
  EXPECT_THAT(Get("www.example.com A").text, HasSubstr("192.0.2.7"));
}

TEST_F(CacheSnapshotTest, ABadAnswerThatIsHereDoesNotKeepTheLastGoodOneOut) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  CacheInsert bad = Insertion();
  bad.worth = AnswerClass::kBad;
  ASSERT_TRUE(PutAs("www.example.com A", "www.example.com A +qr +rcode=2", bad));
  EXPECT_EQ(Load().taken, 1u);
  EXPECT_EQ(cache().EntryCount(), 1u);
  EXPECT_THAT(GetWhatThereIs("www.example.com A").text, HasSubstr("192.0.2.1"));
}

TEST_F(CacheSnapshotTest, AStandbysAnswerThatIsHereDoesNotKeepTheLastGoodOneOut) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  CacheInsert standby = Insertion();
  standby.standby = true;
  ASSERT_TRUE(PutAs("www.example.com A",
                    "www.example.com A +qr / answer www.example.com 300 A 192.0.2.7", standby));
  EXPECT_EQ(Load().taken, 1u);
  EXPECT_THAT(GetWhatThereIs("www.example.com A").text, HasSubstr("192.0.2.1"));
}

TEST_F(CacheSnapshotTest, AGoodAnswerThatIsHereStaysBeforeALastGoodOne) {
  KeepLastGood();
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  Restart();
  ASSERT_TRUE(Put("www.example.com A", "/ answer www.example.com 60 A 192.0.2.7"));
  EXPECT_EQ(Load().known, 1u);
  EXPECT_THAT(Get("www.example.com A").text, HasSubstr("192.0.2.7"));
}

TEST_F(CacheSnapshotTest, BadAndTruncatedAnswersAreNotKept) {
  KeepLastGood();
  settings.truncated_ttl = 30;
  CacheInsert bad = Insertion();
  bad.worth = AnswerClass::kBad;
  ASSERT_TRUE(PutAs("a.example.com A", "a.example.com A +qr +rcode=2", bad));
  ASSERT_TRUE(Put("b.example.com A", "+tc / answer b.example.com 300 A 192.0.2.1"));
  EXPECT_EQ(cache().EntryCount(), 2u);
  EXPECT_EQ(Write().entries, 0u);
}

TEST_F(CacheSnapshotTest, ASmallerCacheTakesFirstWhatWasAskedForAgain) {
  const auto name = [](int i) { return "n" + std::to_string(i) + ".example.com"; };
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(Put(name(i) + " A", "/ answer " + name(i) + " 300 A 192.0.2.1"));
  }
  constexpr int kEach = 25;  // 20 in all
  for (int i = 0; i < 500; i += kEach) EXPECT_TRUE(Hits(name(i) + " A"));
  (void)Write();
  settings.max_entries = 60;  // one shard
  Restart();
  EXPECT_EQ(Load().taken, 60u);
  for (int i = 0; i < 500; i += kEach) EXPECT_TRUE(Hits(name(i) + " A")) << i;
}

TEST_F(CacheSnapshotTest, ASmallerCacheTakesWhatItHasRoomFor) {
  for (int i = 0; i < 500; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example.com";
    ASSERT_TRUE(Put(name + " A", "/ answer " + name + " 300 A 192.0.2.1"));
  }
  EXPECT_EQ(Write().entries, 500u);
  const std::string written = FileBytes();
  settings.max_entries = 100;
  Restart();
  const SnapshotLoaded loaded = Load();
  EXPECT_GT(loaded.taken, 50u);
  EXPECT_LE(cache().EntryCount(), 100u);
  EXPECT_EQ(loaded.taken + loaded.no_room, 500u);
  settings.max_entries = 1000;
  settings.max_bytes = 20'000;
  SetFileBytes(written);
  Restart();
  EXPECT_GT(Load().no_room, 0u);
  EXPECT_LE(cache().Stats().bytes, 20'000u);
}

TEST_F(CacheSnapshotTest, CachesAreFoundByTheirPoolsAndByTheirKeys) {
  pools_ = {"", "web"};
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  const std::string written = FileBytes();
  pools_ = {"other"};
  Restart();
  SnapshotLoaded loaded = Load();
  EXPECT_EQ(loaded.taken, 0u);
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_THAT(loaded.warnings[0], HasSubstr("'', 'web' is left out: no such pool"));
  pools_ = {"web"};
  settings.key.parse_ecs = true;
  Restart();
  loaded = Load();
  EXPECT_EQ(loaded.taken, 0u);
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_THAT(loaded.warnings[0], HasSubstr("parseECS"));
  settings.key.parse_ecs = false;
  settings.key.skip_options = {12, 10, 10};  // the same set
  SetFileBytes(written);
  Restart();
  EXPECT_EQ(Load().taken, 1u);
}

TEST_F(CacheSnapshotTest, AStopOfTheWorkLeavesTheOldFile) {
  ASSERT_TRUE(Put("www.example.com A", kOneAddress));
  (void)Write();
  const std::string before = FileBytes();
  const std::atomic<bool> abandon{true};
  ASSERT_TRUE(Put("www.example.org A", "/ answer www.example.org 300 A 192.0.2.9"));
  const auto written = WriteCacheSnapshot(path_, std::vector<NamedCache>{{pools_, cache_}},
                                          {.clock = clock, .abandon = &abandon});
  ASSERT_TRUE(written);
  EXPECT_TRUE(written->abandoned);
  EXPECT_EQ(FileBytes(), before);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

}  // namespace
}  // namespace breakwater::test
