#include "proxy/suspended_queries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "proxy/base/mailbox.h"
#include "proxy/query/restart.h"
#include "tests/support/fake_client.h"
#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

class SuspendedQueriesTest : public ::testing::Test {
 protected:
  SuspendedQueriesTest() { MakeWorker(); }

  void MakeWorker() {
    queries_ = std::make_unique<SuspendedQueries>(
        SuspendedQueries::Setup{
            .now = [this] { return now_; },
            .timers = timers_,
            .counters = counters_,
            .packets = maker_.pool().packets(),
            .post = [this](std::function<void()> message) { mailbox_.Post(std::move(message)); },
            .on_resume = [](QueryPtr query,
                            const SuspendedQueries::GoOn& then) { then(std::move(query)); },
            .on_drop =
                [](QueryPtr query, DropReason reason) {
                  ReplyTarget* const target = query->target;
                  target->Drop(std::move(query), reason);
                }},
        table_);
  }
  // Suspends and parks one; it is sent as it is once it goes on.
  bool Suspend(const SuspendKey& key, uint32_t timeout_ms = 1000) {
    QueryPtr query = maker_.Make("www.example.org A +edns");
    query->target = &client_;
    query->path.a = key.number();
    if (!queries_->Suspend(*query, key, timeout_ms)) return false;
    queries_->Park(std::move(query), [](QueryPtr resumed) {
      ReplyTarget* const target = resumed->target;
      target->Send(std::move(resumed));
    });
    return true;
  }
  void Advance(uint32_t ms) {
    now_ = now_ + MonoTime::FromMs(ms);
    timers_.RunDue(now_);
  }

  MonoTime now_ = MonoTime::FromSeconds(100);
  TimerQueue timers_;
  Counters counters_;
  test::QueryMaker maker_;
  test::FakeClient client_;
  Mailbox mailbox_{[] {}};
  std::shared_ptr<SuspendedTable> table_ = std::make_shared<SuspendedTable>();
  std::unique_ptr<SuspendedQueries> queries_;
};

TEST_F(SuspendedQueriesTest, WhatWasChangedIsPutIntoTheQuery) {
  ASSERT_TRUE(Suspend({1, 2}));
  auto taken = table_->Take({1, 2});
  ASSERT_TRUE(taken);
  SetHeldRCode(taken->message(), 3, HeldRecords::kCleared);
  EXPECT_TRUE(taken->Resume());
  EXPECT_FALSE(taken->Resume());
  EXPECT_FALSE(taken->Drop());
  EXPECT_TRUE(client_.outcomes.empty());  // the worker's thread does it
  mailbox_.Drain();
  ASSERT_EQ(client_.outcomes.size(), 1u);
  EXPECT_EQ(test::Describe(client_.outcomes[0].message),
            "qr rd ra NXDOMAIN; www.example.org A; ar: OPT 1232");
  EXPECT_EQ(table_->size(), 0u);
}

// What a query has besides its message, and what a rule may not change: where its answer goes.
TEST_F(SuspendedQueriesTest, TagsPoolAndHttpComeBackAndTheWayBackStays) {
  QueryPtr query = maker_.Make("wWw.example.org A +tcp");
  query->target = &client_;
  query->path.a = 7;
  query->pool_name = "first";
  query->SetTag("a", "1");
  query->http = std::make_unique<HttpExchange>();
  query->http->path = "/dns-query";
  ASSERT_TRUE(queries_->Suspend(*query, {1, 1}, 1000));
  QueryPtr resumed;
  queries_->Park(std::move(query), [&](QueryPtr back) { resumed = std::move(back); });
  {
    auto taken = table_->Take({1, 1});
    Query& held = taken->message().query();
    EXPECT_EQ(held.target, nullptr);
    EXPECT_EQ(held.pool_name, "first");
    EXPECT_EQ(*held.FindTag("a"), "1");
    ASSERT_NE(held.http, nullptr);
    EXPECT_EQ(held.http->path, "/dns-query");
    held.pool_name = "second";
    held.SetTag("a", "2");
    held.http->status = 403;
    held.path.a = 8;
    ASSERT_TRUE(AskForAnother(taken->message(), *dns::Name::Parse("other.example"), "former"));
    taken->Resume();
  }
  mailbox_.Drain();
  ASSERT_NE(resumed, nullptr);
  EXPECT_EQ(resumed->target, &client_);
  EXPECT_EQ(resumed->path.a, 7u);
  EXPECT_EQ(resumed->suspended, 0u);
  EXPECT_EQ(resumed->pool_name, "second");
  EXPECT_EQ(*resumed->FindTag("a"), "2");
  EXPECT_EQ(*resumed->FindTag("former"), std::string("\003wWw\007example\003org\000", 17));
  EXPECT_EQ(resumed->http->status, 403);
  EXPECT_TRUE(resumed->skip_cache);
  EXPECT_EQ(resumed->NameCopy(), *dns::Name::Parse("other.example"));
}

TEST_F(SuspendedQueriesTest, TimeIsUpForWhatNobodyTookAlone) {
  ASSERT_TRUE(Suspend({1, 1}, 500));
  ASSERT_TRUE(Suspend({1, 2}, 500));
  auto taken = table_->Take({1, 2});
  Advance(499);
  EXPECT_TRUE(client_.outcomes.empty());
  Advance(1);
  ASSERT_EQ(client_.outcomes.size(), 1u);
  EXPECT_EQ(client_.outcomes[0].tag, (SuspendKey{1, 1}.number()));
  EXPECT_EQ(counters_.Get(Metric::kSuspendedTimeouts), 1u);
  EXPECT_FALSE(table_->Take({1, 1}));
  // A script has it: it still counts.
  EXPECT_EQ(table_->size(), 1u);
  taken.reset();  // forgotten
  mailbox_.Drain();
  ASSERT_EQ(client_.outcomes.size(), 2u);
  EXPECT_TRUE(client_.outcomes[1].dropped);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(SuspendedQueriesTest, ThereIsABoundForAllTogether) {
  const auto home = std::make_shared<SuspendHome>(nullptr, nullptr);
  for (uint32_t i = 0; i < SuspendedTable::kMost - 1; ++i) {
    const SuspendKey key{static_cast<uint16_t>(i >> 8), static_cast<uint16_t>(i & 255)};
    ASSERT_TRUE(table_->Add(key, home, i, nullptr));
  }
  EXPECT_TRUE(Suspend({9, 60000}));
  EXPECT_FALSE(Suspend({9, 60001}));
  EXPECT_EQ(counters_.Get(Metric::kSuspendedRefused), 1u);
  ASSERT_TRUE(table_->Take({9, 60000})->Drop());
  mailbox_.Drain();
  EXPECT_TRUE(Suspend({9, 60001}));
}

TEST_F(SuspendedQueriesTest, AndOneForTheirBytes) {
  constexpr size_t kMost = 1 << 20;
  queries_.reset();
  table_ = std::make_shared<SuspendedTable>(kMost);
  MakeWorker();
  const auto home = std::make_shared<SuspendHome>(nullptr, nullptr);
  QueryPtr large = maker_.Make("www.example.org A +tcp");
  large->ReplaceMessage(maker_.pool().packets(), std::vector<uint8_t>(65535));
  uint16_t count = 0;
  std::vector<size_t> bytes;
  for (;; ++count) {
    auto message = std::make_unique<HeldMessage>(*large, SelfAnswerStyle());
    bytes.push_back(message->bytes());
    if (!table_->Add({1, count}, home, count, std::move(message))) break;
  }
  EXPECT_GT(bytes.back(), 2 * 65535u);  // itself and the query that waits
  EXPECT_EQ(count, kMost / bytes.back());
  EXPECT_EQ(table_->bytes(), count * bytes.back());
  EXPECT_EQ(table_->size(), count);
  // What is small fits yet, until it does not.
  uint16_t small = 0;
  while (Suspend({2, small})) ++small;
  EXPECT_LE(table_->bytes(), kMost);
  EXPECT_EQ(counters_.Get(Metric::kSuspendedRefused), 1u);
  table_->Ended(bytes.back());
  EXPECT_TRUE(Suspend({2, small}));
  queries_->DropAll();
  EXPECT_EQ(table_->bytes(), (count - 1u) * bytes.back());
}

// None of a query that asks for little is refused for its bytes.
TEST_F(SuspendedQueriesTest, TheBoundsAgree) {
  const QueryPtr query = maker_.Make("www.example.org A +edns");
  EXPECT_LT(HeldMessage(*query, SelfAnswerStyle()).bytes() * SuspendedTable::kMost,
            SuspendedTable::kMostBytes);
}

TEST_F(SuspendedQueriesTest, ANameThatDoesNotFitChangesNothing) {
  const std::string label(63, 'x');
  const auto longest = *dns::Name::Parse(label + "." + label + "." + label + ".example");
  QueryPtr query = maker_.Make("a.example A +edns");
  // As large as one over UDP may be.
  std::vector<uint8_t> asked(query->message().begin(), query->message().end());
  asked.resize(4090);
  query->ReplaceMessage(maker_.pool().packets(), asked);
  HeldMessage asking(*query, SelfAnswerStyle());
  EXPECT_FALSE(AskForAnother(asking, longest, "former"));
  EXPECT_EQ(asking.query().NameCopy(), *dns::Name::Parse("a.example"));
  EXPECT_EQ(asking.query().FindTag("former"), nullptr);

  KeepForRestart(*query);
  QueryPtr answer = maker_.Make("b.example A +qr");
  query->ReplaceMessage(maker_.pool().packets(), answer->message());
  query->question = answer->question;
  query->is_response = true;
  query->from_cache = true;
  HeldMessage answered(*query, SelfAnswerStyle());
  const std::vector<uint8_t> before(answered.query().message().begin(),
                                    answered.query().message().end());
  EXPECT_FALSE(AskForAnother(answered, longest, "former"));
  const Query& after = answered.query();
  EXPECT_TRUE(std::ranges::equal(after.message(), before));
  EXPECT_TRUE(after.is_response);
  EXPECT_TRUE(after.from_cache);
  EXPECT_FALSE(after.skip_cache);
  EXPECT_EQ(after.restarts, 0);
  EXPECT_EQ(after.FindTag("former"), nullptr);
  EXPECT_EQ(after.NameCopy(), *dns::Name::Parse("b.example"));
  // A shorter one has room.
  EXPECT_TRUE(AskForAnother(answered, *dns::Name::Parse("c.example"), "former"));
  EXPECT_EQ(answered.query().NameCopy(), *dns::Name::Parse("c.example"));
  EXPECT_FALSE(answered.query().is_response);
}

TEST_F(SuspendedQueriesTest, AStopDropsAllAndLateMessagesFindNothing) {
  ASSERT_TRUE(Suspend({1, 1}));
  ASSERT_TRUE(Suspend({1, 2}));
  ASSERT_TRUE(Suspend({1, 3}));
  auto late = table_->Take({1, 1});
  auto later = table_->Take({1, 2});
  late->Resume();  // on its way when the stop comes
  queries_->DropAll();
  EXPECT_EQ(client_.outcomes.size(), 3u);
  EXPECT_EQ(table_->size(), 0u);
  mailbox_.Drain();
  queries_.reset();
  later->Resume();  // there is nobody any more
  mailbox_.Drain();
  EXPECT_EQ(client_.outcomes.size(), 3u);
  EXPECT_FALSE(table_->Take({1, 3}));
}

TEST_F(SuspendedQueriesTest, AQueryOfOurOwnIsNotSuspended) {
  QueryPtr query = maker_.Make("www.example.org A");
  EXPECT_FALSE(queries_->Suspend(*query, {1, 1}, 1000));
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(SuspendedQueriesTest, AnotherWorkersPairIsNotTakenBack) {
  ASSERT_TRUE(Suspend({1, 1}, 500));
  auto first = table_->Take({1, 1});
  const auto home = std::make_shared<SuspendHome>(nullptr, nullptr);
  const QueryPtr other = maker_.Make("other.example A");
  auto message = std::make_unique<HeldMessage>(*other, SelfAnswerStyle());
  ASSERT_TRUE(table_->Add({1, 1}, home, 1, std::move(message)));  // used again elsewhere
  Advance(500);
  EXPECT_TRUE(client_.outcomes.empty());
  EXPECT_TRUE(table_->Take({1, 1}));
  EXPECT_TRUE(first->Resume());
  mailbox_.Drain();
  EXPECT_EQ(client_.outcomes.size(), 1u);
}

// Scripts on many threads, while the worker suspends more and time is up for some.
TEST_F(SuspendedQueriesTest, ManyThreadsResumeAtOnce) {
  constexpr uint16_t kQueries = 400;
  constexpr uint16_t kScripts = 4;
  std::atomic<bool> ended{false};
  std::vector<std::thread> scripts;
  for (uint16_t script = 0; script < kScripts; ++script) {
    scripts.emplace_back([this, script, &ended] {
      for (uint16_t i = 0; !ended; i = static_cast<uint16_t>((i + 1) % kQueries)) {
        auto taken = table_->TakeIf({script, i}, [](HeldMessage& message) {
          message.query().SetTag("seen", "here");
          return true;
        });
        if (!taken) continue;
        SetHeldRCode(taken->message(), 5, HeldRecords::kCleared);
        if (i % 3 == 0) {
          taken->Drop();
        } else if (i % 3 == 1) {
          taken->Resume();
        }
      }
    });
  }
  size_t suspended = 0;
  for (uint16_t i = 0; i < kQueries; ++i) {
    for (uint16_t script = 0; script < kScripts; ++script) suspended += Suspend({script, i}, 5);
    Advance(1);
    mailbox_.Drain();
  }
  ended = true;
  for (std::thread& script : scripts) script.join();
  Advance(10);
  mailbox_.Drain();
  EXPECT_EQ(suspended, kQueries * kScripts);
  EXPECT_EQ(client_.outcomes.size(), suspended);
  EXPECT_EQ(table_->size(), 0u);
  EXPECT_EQ(maker_.pool().outstanding(), 0u);
}

}  // namespace
}  // namespace breakwater
