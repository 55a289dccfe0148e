#include "proxy/cache/refresh_ticket.h"

#include <atomic>
#include <barrier>
#include <thread>

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater::test {
namespace {

using State = PacketCache::RefreshState;
constexpr char kName[] = "www.example.com";

class RefreshTicketTest : public CacheFixture {
 protected:
  RefreshTicketTest() { settings.last_good.emplace(); }
  void PutAndExpire() {
    ASSERT_TRUE(Put(kName, kOneAddress));
    clock.Advance(MonoTime::FromSeconds(300));
  }
  CacheKey Key(const std::string& query = kName) { return *KeyOf(Wire(query), settings.key); }
  PacketCache::Refresh Begin(const std::string& query = kName) {
    return cache().BeginRefresh(Key(query), NameOf(kName).wire(), clock.Now());
  }
  bool IsRefreshed() { return cache().IsRefreshed(Key(), NameOf(kName).wire()); }
  void End(uint8_t ticket) { cache().EndRefresh(Key(), NameOf(kName).wire(), ticket); }
  bool HoldNow() {
    return cache().Hold(Key(), NameOf(kName).wire(),
                        {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache().epoch()});
  }
};

TEST_F(RefreshTicketTest, IsOneForAnEntryThatIsDue) {
  ASSERT_TRUE(Put(kName, kOneAddress));
  EXPECT_EQ(Begin().state, State::kFree);  // there is nothing to refresh
  clock.Advance(MonoTime::FromSeconds(300));
  const auto begun = Begin();
  EXPECT_EQ(begun.state, State::kBegun);
  EXPECT_NE(begun.ticket, 0);
  EXPECT_EQ(Begin().state, State::kElsewhere);
  EXPECT_TRUE(IsRefreshed());
  End(begun.ticket);
  EXPECT_FALSE(IsRefreshed());
  EXPECT_EQ(Begin().state, State::kBegun);
}

TEST_F(RefreshTicketTest, ConcernsThatQuestionAlone) {
  PutAndExpire();
  EXPECT_EQ(Begin().state, State::kBegun);
  EXPECT_EQ(Begin(std::string(kName) + " +cd").state, State::kFree);
}

TEST_F(RefreshTicketTest, EndsWithTheNewAnswer) {
  PutAndExpire();
  const auto begun = Begin();
  ASSERT_TRUE(Put(kName, kOneAddress));
  EXPECT_FALSE(IsRefreshed());
  clock.Advance(MonoTime::FromSeconds(300));
  const auto next = Begin();
  EXPECT_EQ(next.state, State::kBegun);
  End(begun.ticket);  // it comes late, and takes nothing away from the next
  EXPECT_TRUE(IsRefreshed());
}

TEST_F(RefreshTicketTest, AFlushMakesItVoid) {
  PutAndExpire();
  const auto begun = Begin();
  cache().Flush({.name = NameOf("example.com"), .suffix = true});
  EXPECT_FALSE(IsRefreshed());
  const auto next = Begin();
  EXPECT_EQ(next.state, State::kBegun);
  End(begun.ticket);
  EXPECT_TRUE(IsRefreshed());
  // A flush of something else does not.
  cache().Flush({.name = NameOf("example.org"), .suffix = true});
  EXPECT_TRUE(IsRefreshed());
}

TEST_F(RefreshTicketTest, OneThatIsLateIsWaitedForNoMore) {
  PutAndExpire();
  const auto late = Begin();
  ASSERT_TRUE(HoldNow());
  EXPECT_FALSE(IsRefreshed());
  EXPECT_EQ(Begin().state, State::kBegun);
  End(late.ticket);
  EXPECT_EQ(Get(kName).result, CacheResult::kLastGood);
}

TEST_F(RefreshTicketTest, IsGivenBackWhenItsOwnerGoes) {
  PutAndExpire();
  const auto begun = Begin();
  {
    const RefreshTicket ticket(cache_, Key(), NameOf(kName), begun.ticket);
    EXPECT_TRUE(IsRefreshed());
  }
  EXPECT_FALSE(IsRefreshed());
}

// Each round all threads want to refresh at once: one of them may, and all others see that until
// it has ended, by an answer, by giving up or by nothing at all.
TEST_F(RefreshTicketTest, IsOnePersonsWhoeverComesFirst) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  PutAndExpire();
  const CacheKey key = Key();
  const dns::Name name = NameOf(kName);
  const MonoTime now = clock.Now();
  const auto answer = Wire(std::string(kName) + " +qr / answer www.example.com 300 A 192.0.2.1");
  std::atomic<int> begun{0};
  std::atomic<int> all{0};
  std::atomic<int> wrong{0};
  std::barrier together(kThreads, [&]() noexcept {
    if (begun.exchange(0) > 1) wrong.fetch_add(1);
  });
  const auto take_part = [&](int self) {
    for (int round = 0; round < kRounds; ++round) {
      together.arrive_and_wait();
      const auto mine = cache().BeginRefresh(key, name.wire(), now);
      if (mine.state == State::kBegun) {
        begun.fetch_add(1);
        all.fetch_add(1);
      }
      together.arrive_and_wait();
      if (mine.state != State::kBegun) {
        (void)cache().IsRefreshed(key, name.wire());
        continue;
      }
      if (round % 3 == 0) {
        (void)cache().Insert(key, answer,
                             {.now = now, .asked = now, .asked_epoch = cache().epoch()});
      }
      if (round % 3 != 2) (void)cache().Flush({.name = name});
      cache().EndRefresh(key, name.wire(), mine.ticket);
      if (self == 0) (void)cache().Sweep(64);
    }
  };
  std::vector<std::thread> threads;
  for (int self = 0; self < kThreads; ++self) threads.emplace_back(take_part, self);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all.load(), kRounds);
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_FALSE(IsRefreshed());
}

}  // namespace
}  // namespace breakwater::test
