#include "proxy/cache/flush_table.h"

#include <gmock/gmock.h>

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

using test::kOneAddress;

class FlushTest : public test::CacheFixture {
 protected:
  void SetUp() override {
    for (const char* name : {"www.example.com", "example.com", "a.b.example.com", "www.example.org",
                             "notexample.com"}) {
      PutName(name);
    }
    Advance(1);
  }
  void PutName(const std::string& name) {
    EXPECT_TRUE(Put(name, "/ answer " + name + " 300 A 192.0.2.1"));
    EXPECT_TRUE(Put(name + " TXT", "/ answer " + name + " 300 TYPE16 0161"));
  }
  FlushId Soft(const std::string& name, bool suffix = false) {
    return cache().Flush({.name = NameOf(name), .suffix = suffix});
  }
  FlushId Hard(const std::string& name, bool suffix = false) {
    return cache().Flush({.name = NameOf(name), .suffix = suffix, .hard = true});
  }
  FlushStatus Status(FlushId id) {
    const auto status = cache().StatusOf(id);
    EXPECT_TRUE(status);
    return status.value_or(FlushStatus{});
  }
};

TEST_F(FlushTest, SoftIsAMissAndUndoBringsItBack) {
  const FlushId id = Soft("wWw.example.com");
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_FALSE(Hits("www.example.com TXT"));
  EXPECT_TRUE(Hits("example.com"));
  EXPECT_EQ(cache().Undo(id), UndoResult::kUndone);
  EXPECT_TRUE(Hits("www.example.com"));
  EXPECT_TRUE(Hits("www.example.com TXT"));
  EXPECT_EQ(cache().Undo(id), UndoResult::kUndone);
  EXPECT_TRUE(Status(id).undone);
}

TEST_F(FlushTest, HardRemovesAndCannotBeUndone) {
  const size_t before = cache().EntryCount();
  const FlushId id = Hard("www.example.com");
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(cache().EntryCount(), before - 1);  // at once, by the look-up
  EXPECT_EQ(cache().Undo(id), UndoResult::kHard);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(SweepAll(), 1u);  // the TXT
}

TEST_F(FlushTest, ByNameAndType) {
  cache().Flush({.name = NameOf("www.example.com"), .type = dns::Type::kTxt});
  EXPECT_TRUE(Hits("www.example.com"));
  EXPECT_FALSE(Hits("www.example.com TXT"));
}

TEST_F(FlushTest, BySuffixTakesAllBelowAndNoNeighbour) {
  Soft("example.com", true);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_FALSE(Hits("example.com"));
  EXPECT_FALSE(Hits("a.b.example.com"));
  EXPECT_TRUE(Hits("notexample.com"));
  EXPECT_TRUE(Hits("www.example.org"));
}

TEST_F(FlushTest, BySuffixAndType) {
  cache().Flush({.name = NameOf("example.com"), .type = dns::Type::kA, .suffix = true});
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_TRUE(Hits("www.example.com TXT"));
}

TEST_F(FlushTest, TheRootWithSuffixIsEverything) {
  Soft(".", true);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_FALSE(Hits("www.example.org TXT"));
  Soft(".");  // the root's name alone
  PutName("www.example.org");
  EXPECT_TRUE(Hits("www.example.org"));
}

TEST_F(FlushTest, WhatWasAskedForAfterwardsIsServed) {
  Hard("www.example.com");
  EXPECT_TRUE(Put("www.example.com", kOneAddress));
  EXPECT_TRUE(Hits("www.example.com"));
}

TEST_F(FlushTest, AnAnswerInFlightDuringAFlushIsNotServed) {
  for (const bool hard : {false, true}) {
    const CacheInsert asked_before = Insertion();
    cache().Flush({.name = NameOf("example.com"), .suffix = true, .hard = hard});
    PutAs("new.example.com", "new.example.com +qr / answer new.example.com 300 A 192.0.2.1",
          asked_before);
    EXPECT_FALSE(Hits("new.example.com")) << hard;
    Advance(1);
  }
}

TEST_F(FlushTest, AnUndoneFlushLeavesEarlierOnesInForce) {
  const FlushId first = Soft("www.example.com");
  const FlushId second = Soft("www.example.com");
  EXPECT_EQ(cache().Undo(first), UndoResult::kSuperseded);
  EXPECT_EQ(cache().Undo(second), UndoResult::kUndone);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(cache().Undo(first), UndoResult::kSuperseded);
  const FlushId third = Soft("www.example.com");
  const FlushId fourth = Soft("www.example.com");
  EXPECT_EQ(cache().Undo(third), UndoResult::kSuperseded);
  EXPECT_EQ(cache().Undo(fourth), UndoResult::kUndone);
  EXPECT_FALSE(Hits("www.example.com"));
}

TEST_F(FlushTest, UndoConcernsItsOwnKeyAlone) {
  const FlushId by_name = Soft("www.example.com");
  Soft("example.com", true);
  EXPECT_EQ(cache().Undo(by_name), UndoResult::kUndone);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(cache().Undo(999), UndoResult::kUnknown);
  EXPECT_EQ(cache().Undo(0), UndoResult::kUnknown);
}

TEST_F(FlushTest, CountsWhatItMatchedOnceThePassIsOver) {
  const FlushId id = Soft("example.com", true);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_EQ(Status(id).matched, 1u);
  EXPECT_FALSE(Status(id).swept);
  EXPECT_EQ(SweepAll(), 0u);  // kept, for undo
  EXPECT_TRUE(Status(id).swept);
  EXPECT_EQ(Status(id).matched, 6u);
  EXPECT_FALSE(Hits("www.example.com"));
  SweepAll();
  EXPECT_EQ(Status(id).matched, 6u);
  EXPECT_EQ(cache().Undo(id), UndoResult::kUndone);
  EXPECT_TRUE(Hits("www.example.com"));

  const FlushId hard = Hard("example.com", true);
  EXPECT_EQ(SweepAll(), 6u);
  EXPECT_EQ(Status(hard).matched, 6u);
  EXPECT_TRUE(Status(hard).request.hard);
  EXPECT_EQ(Status(hard).request.name, NameOf("example.com"));
}

TEST_F(FlushTest, APassThatHadBegunDoesNotCount) {
  cache().Sweep(64);
  const FlushId id = Soft("example.com", true);
  SweepAll();  // the rest of that pass
  EXPECT_FALSE(Status(id).swept);
  SweepAll();
  EXPECT_TRUE(Status(id).swept);
  EXPECT_EQ(Status(id).matched, 6u);
}

TEST_F(FlushTest, AfterTheUndoWindowRecordsGoAndTheirEntriesWithThem) {
  settings.max_ttl = 86400;
  EXPECT_TRUE(Put("long.example.com", "/ answer long.example.com 86400 A 192.0.2.1"));
  EXPECT_TRUE(Put("long.example.org", "/ answer long.example.org 86400 A 192.0.2.1"));
  const FlushId id = Soft("example.com", true);
  Advance(3599);
  SweepAll();
  EXPECT_TRUE(cache().StatusOf(id));
  EXPECT_EQ(cache().EntryCount(), 2u);  // the others have expired
  const CacheInsert long_ago{.now = clock.Now(), .asked = clock.Now(), .asked_epoch = 1};
  Advance(2);
  EXPECT_EQ(SweepAll(), 1u);
  EXPECT_FALSE(cache().StatusOf(id));
  EXPECT_EQ(cache().Undo(id), UndoResult::kUnknown);
  EXPECT_FALSE(Hits("long.example.com"));
  EXPECT_TRUE(Hits("long.example.org"));
  // Nobody can tell any more what this one missed: it must not come in.
  EXPECT_FALSE(
      PutAs("x.example.com", "x.example.com +qr / answer x.example.com 300 A 192.0.2.1", long_ago));
}

TEST_F(FlushTest, HoldsAtMostSoManyFlushes) {
  settings.flush_limits.max_flushes = 100;
  cache_.reset();
  std::vector<FlushId> ids;
  for (int i = 0; i < 150; ++i) ids.push_back(Soft("n" + std::to_string(i) + ".example"));
  SweepAll();
  EXPECT_FALSE(cache().StatusOf(ids[49]));
  EXPECT_TRUE(cache().StatusOf(ids[50]));
  EXPECT_EQ(cache().Undo(ids[50]), UndoResult::kUndone);
  // Where the sweeper does not come, too much is flushed rather than too much kept.
  PutName("www.example.com");
  for (int i = 0; i < 101; ++i) Soft("m" + std::to_string(i) + ".example");
  EXPECT_FALSE(Hits("www.example.com"));
}

TEST_F(FlushTest, WhereThereAreTooManyHardFlushesTheRestIsSoft) {
  settings.flush_limits.max_flushes = 100;
  cache_.reset();
  PutName("www.example.com");
  for (int i = 0; i < 201; ++i) Hard("m" + std::to_string(i) + ".example");
  EXPECT_FALSE(Hits("www.example.com"));
  SweepAll();
  EXPECT_EQ(cache().EntryCount(), 2u);  // due, not gone
}

TEST_F(FlushTest, ThousandsOfRecordsAreFoundAndDroppedAgain) {
  settings.max_entries = 10'000;
  cache_.reset();
  for (int i = 0; i < 2000; ++i) PutName("w.zone" + std::to_string(i) + ".example");
  for (int i = 0; i < 2000; i += 2) Soft("zone" + std::to_string(i) + ".example", true);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(Hits("w.zone" + std::to_string(i) + ".example"), i % 2 == 1) << i;
  }
  Advance(4000);
  SweepAll();
  EXPECT_EQ(cache().EntryCount(), 0u);
  for (int i = 0; i < 2000; ++i) PutName("w.zone" + std::to_string(i) + ".example");
  Soft("zone7.example", true);
  EXPECT_FALSE(Hits("w.zone7.example"));
  EXPECT_TRUE(Hits("w.zone8.example"));
}

TEST(FlushTable, DeepNamesAreProbedAtTheirDepth) {
  FlushTable table({});
  std::string deep;
  for (int i = 0; i < 126; ++i) deep += "a.";
  const dns::Name name = *dns::Name::Parse(deep);
  const FlushSubject subject{
      .name = name.wire(), .type = dns::Type::kA, .asked_epoch = 1, .checked_epoch = 1, .now = 1};
  EXPECT_FALSE(table.Judge(subject).due);
  table.Flush({.name = name}, {});
  EXPECT_TRUE(table.Judge(subject).due);
  FlushTable other({});
  other.Flush({.name = *dns::Name::Parse("a.a.a"), .suffix = true}, {});
  EXPECT_TRUE(other.Judge(subject).due);
}

TEST(FlushTable, EpochsCompareAcrossTheWrap) {
  EXPECT_TRUE(EpochIsLater(2, 1));
  EXPECT_FALSE(EpochIsLater(1, 1));
  EXPECT_TRUE(EpochIsLater(1, 0xfffffff0));
  EXPECT_FALSE(EpochIsLater(0xfffffff0, 1));
}

TEST(FlushShares, ANamedCallerHoldsAsManyAsAreLeftAtMost) {
  FlushTable table({.undo_window = MonoTime::FromSeconds(60), .max_flushes = 100});
  const auto flush_all = [&](std::string_view caller, MonoTime now) {
    size_t made = 0;
    for (; !table.ShareOf(caller).IsUsedUp(); ++made) {
      table.Flush({.name = *dns::Name::Parse("a.example")}, now, caller);
    }
    return made;
  };
  const MonoTime begin = MonoTime::FromSeconds(1000);
  EXPECT_EQ(flush_all("one", begin), 50u);
  EXPECT_EQ(table.ShareOf("one").held, 50u);
  EXPECT_EQ(flush_all("two", begin), 25u);
  EXPECT_EQ(flush_all("one", begin), 0u);
  // Without a name: whatever is left, and then nothing.
  EXPECT_EQ(table.ShareOf("").most, 25u);
  EXPECT_EQ(flush_all("three", begin), 12u);
  for (int i = 0; i < 13; ++i) table.Flush({.name = dns::Name()}, begin);
  EXPECT_TRUE(table.ShareOf("").IsUsedUp());
  EXPECT_TRUE(table.ShareOf("four").IsUsedUp());
  // When their time is over they count no more.
  table.BeginPass(begin + MonoTime::FromSeconds(60));
  table.EndPass();
  while (!table.TakeGarbage(64).empty()) {
  }
  EXPECT_EQ(table.ShareOf("one").held, 0u);
  EXPECT_EQ(table.ShareOf("one").most, 50u);
}

}  // namespace
}  // namespace breakwater
