#include "proxy/control/flush_ids.h"

#include <gtest/gtest.h>

#include <array>

#include "proxy/cache/flush_number.h"
#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater::test {
namespace {

class FlushIdsTest : public CacheFixture {
 protected:
  uint64_t Note(FlushId in_cache, const std::string& made_by = "") {
    cache();
    const uint64_t id = ReserveFlushNumbers(1);
    ids_.Note(id, {.caches = {{cache_, in_cache}}, .made_by = made_by});
    return id;
  }
  FlushId Find(uint64_t id) {
    const auto made = ids_.Find(id);
    return made ? made->caches[0].id : 0;
  }
  FlushIdsTest() { RestartFlushNumbers(); }
  FlushIds ids_;
};

TEST_F(FlushIdsTest, EachNumberLeadsToItsFlush) {
  EXPECT_EQ(Note(7), 1u);
  EXPECT_EQ(Note(8), 2u);
  EXPECT_EQ(Note(20), 3u);  // somebody else flushed between
  EXPECT_EQ(Note(21, "shop"), 4u);
  EXPECT_EQ(Find(1), 7u);
  EXPECT_EQ(Find(2), 8u);
  EXPECT_EQ(Find(3), 20u);
  EXPECT_EQ(ids_.Find(3)->made_by, "");
  EXPECT_EQ(ids_.Find(4)->made_by, "shop");
  EXPECT_FALSE(ids_.Find(0));
  EXPECT_FALSE(ids_.Find(5));
}

TEST_F(FlushIdsTest, NumbersOfAListAreNobodyElses) {
  cache();
  const uint64_t first = ReserveFlushNumbers(3);
  const uint64_t other = Note(10);
  for (uint64_t i = 0; i < 3; ++i) ids_.Note(first + i, {.caches = {{cache_, 20 + i}}});
  EXPECT_EQ(Find(first + 2), 22u);
  EXPECT_EQ(Find(other), 10u);
}

TEST_F(FlushIdsTest, AMillionInARowAreRemembered) {
  for (FlushId i = 1; i <= 1'000'000; ++i) Note(i);
  EXPECT_EQ(Find(1), 1u);
  EXPECT_EQ(Find(1'000'000), 1'000'000u);
}

TEST_F(FlushIdsTest, OfThoseThatAreNotInARowTheOldestAreForgotten) {
  for (FlushId i = 0; i <= FlushIds::kMostRows; ++i) Note(2 * i + 1);
  EXPECT_FALSE(ids_.Find(1));
  EXPECT_EQ(Find(2), 3u);
}

TEST_F(FlushIdsTest, OfOneCacheItIsTheCachesOwnNumberElseOneForAllOfThem) {
  cache();
  const auto other = *PacketCache::Make(settings, clock);
  RestartFlushNumbers();
  EXPECT_EQ(ids_.Note({.caches = {{cache_, ReserveFlushNumbers(1)}}}), 1u);
  // 2 and 3 in the caches, 4 for both; and so on, in one row.
  const uint64_t first = ReserveFlushNumbers(2);
  EXPECT_EQ(ids_.Note({.caches = {{cache_, first}, {other, first + 1}}}), 4u);
  for (uint64_t i = 0; i < 3; ++i) {
    ids_.Note(10 + i, {.caches = {{cache_, 20 + 2 * i}, {other, 21 + 2 * i}}});
  }
  EXPECT_EQ(ids_.Find(12)->caches[1].id, 25u);
  EXPECT_EQ(ids_.NumberOf(*other, 23), 11u);
  EXPECT_EQ(ids_.NumberOf(*cache_, 22), 11u);
  EXPECT_EQ(ids_.NumberOf(*cache_, 23), 0u);
  EXPECT_EQ(ids_.NumberOf(*other, 3), 4u);
}

TEST(FlushNumbers, AreShownAsUndoTakesThem) {
  EXPECT_EQ(FlushNumbersText({}), "");
  const std::array<uint64_t, 6> numbers{5, 6, 7, 9, 11, 12};
  EXPECT_EQ(FlushNumbersText(numbers), "5-7, 9, 11-12");
}

}  // namespace
}  // namespace breakwater::test
