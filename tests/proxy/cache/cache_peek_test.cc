// PacketCache::Peek tells what Lookup would find, and leaves everything as it is.
#include "proxy/cache/cache_peek.h"

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

using test::KeyOf;
using test::kOneAddress;
using State = CachePeek::State;

const char kName[] = "www.example.com";

class CachePeekTest : public test::CacheFixture {
 protected:
  void UseLastGood() {
    settings.last_good =
        LastGoodSettings{.max_age_s = 3600, .ttl_s = 30, .recheck = 5000, .except = {}};
  }
  CachePeek PeekAt(const std::string& query, const CacheLookup& how) {
    const auto wire = Wire(query);
    const auto question = dns::ParseQuestion(wire);
    const auto name = std::span(wire).subspan(dns::kHeaderSize, question->name_length);
    return cache().Peek(*KeyOf(wire, settings.key), name, how);
  }
  CachePeek Peek(const std::string& query = kName) { return PeekAt(query, {.now = clock.Now()}); }
  void Hold() {
    const auto wire = Wire(kName);
    const auto name = std::span(wire).subspan(dns::kHeaderSize, 17);
    ASSERT_TRUE(
        cache().Hold(*KeyOf(wire), name,
                     {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache().epoch()}));
  }
};

TEST_F(CachePeekTest, NothingIsThere) {
  EXPECT_EQ(Peek().state, State::kNothing);
}

TEST_F(CachePeekTest, TellsHowLongAnAnswerIsFresh) {
  Put(kName, kOneAddress);
  Advance(100);
  const CachePeek peek = Peek();
  EXPECT_EQ(peek.state, State::kFresh);
  EXPECT_EQ(peek.age_s, 100u);
  EXPECT_EQ(peek.ttl_left_s, 200u);
  EXPECT_EQ(peek.flush, 0u);
  EXPECT_EQ(Peek("www.example.com +norec").state, State::kNothing);
}

TEST_F(CachePeekTest, WhatIsOverIsServedToNobodyUnlessStaleAnswersAre) {
  Put(kName, kOneAddress);
  Advance(310);
  EXPECT_EQ(Peek().state, State::kOver);
  EXPECT_EQ(PeekAt(kName, {.now = clock.Now(), .allow_expired_s = 60}).state, State::kStale);
  EXPECT_EQ(PeekAt(kName, {.now = clock.Now(), .allow_expired_s = 10}).state, State::kOver);
}

TEST_F(CachePeekTest, NamesTheNewestFlushThatConcernsIt) {
  Put(kName, kOneAddress);
  Advance(1);
  cache().Flush({.name = NameOf("example.com"), .suffix = true});
  const FlushId second = cache().Flush({.name = NameOf(kName)});
  cache().Flush({.name = NameOf("example.org"), .suffix = true});
  EXPECT_EQ(Peek().state, State::kOver);
  EXPECT_EQ(Peek().flush, second);
  EXPECT_EQ(cache().Undo(second), UndoResult::kUndone);
  EXPECT_EQ(Peek().flush, second - 1);
  EXPECT_EQ(cache().Undo(second - 1), UndoResult::kUndone);
  EXPECT_EQ(Peek().state, State::kFresh);
}

TEST_F(CachePeekTest, WithLastGoodAFlushOrTheEndOfTheTtlMakesAnEntryDue) {
  UseLastGood();
  Put(kName, kOneAddress);
  Advance(1);
  const FlushId flush = cache().Flush({.name = NameOf(kName)});
  EXPECT_EQ(Peek().state, State::kDue);
  EXPECT_EQ(Peek().flush, flush);
  EXPECT_EQ(cache().Undo(flush), UndoResult::kUndone);
  Advance(300);
  EXPECT_EQ(Peek().state, State::kDue);
  EXPECT_EQ(Peek().good_left_s, 3599);
  cache().Flush({.name = NameOf(kName), .hard = true});
  EXPECT_EQ(Peek().state, State::kOver);
}

TEST_F(CachePeekTest, TellsUntilWhenTheLastGoodAnswerIsGivenAtOnce) {
  UseLastGood();
  Put(kName, kOneAddress);
  Advance(301);
  Hold();
  EXPECT_EQ(Peek().state, State::kHeld);
  EXPECT_EQ(Peek().retry_in_ms, 5000u);
  // A flush that no look-up has met yet ends it, as it would at the next.
  cache().Flush({.name = NameOf(kName)});
  EXPECT_EQ(Peek().state, State::kDue);
}

TEST_F(CachePeekTest, LookingIsNotAskingForARefresh) {
  UseLastGood();
  Put(kName, kOneAddress);
  Advance(301);
  Hold();
  Advance(6);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Peek().state, State::kDue);
  EXPECT_EQ(Get(kName).result, CacheResult::kMiss);  // the first to ask, still
  EXPECT_EQ(Get(kName).result, CacheResult::kLastGood);
}

TEST_F(CachePeekTest, AnotherQuestionsAnswerIsALastGoodOneAtMost) {
  UseLastGood();
  Put("www.example.com +norec", std::string("+aa ") + kOneAddress);
  EXPECT_TRUE(Peek().sibling);
  EXPECT_EQ(Peek().state, State::kDue);
  EXPECT_FALSE(Peek("www.example.com +norec").sibling);
}

TEST_F(CachePeekTest, ChangesNothing) {
  UseLastGood();
  Put(kName, kOneAddress);
  Advance(1);
  const FlushId flush = cache().Flush({.name = NameOf(kName)});
  const PacketCacheStats before = cache().Stats();
  (void)Peek();
  (void)Peek("none.example.com");
  const PacketCacheStats after = cache().Stats();
  EXPECT_EQ(before.hits, after.hits);
  EXPECT_EQ(before.misses, after.misses);
  EXPECT_EQ(before.last_good_hits, after.last_good_hits);
  EXPECT_EQ(before.entries, after.entries);
  EXPECT_EQ(cache().StatusOf(flush)->matched, 0u);
  (void)Get(kName);
  EXPECT_EQ(cache().StatusOf(flush)->matched, 1u);
}

}  // namespace
}  // namespace breakwater
