#include "proxy/observe/rings.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "proxy/observe/ring_tables.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

struct Arrival {
  double at = 1;
  std::string client = "192.0.2.1:4242";
};

class RingsTest : public testing::Test {
 protected:
  static constexpr MonoTime At(double s) { return MonoTime::FromSeconds(s); }

  void Query(const std::string& text, const Arrival& arrival = {}) {
    Record(text, arrival, [&](const RingRecord& record) { rings_->AddQuery(cursor_, record); });
  }
  void Answer(const std::string& text, uint32_t latency_us, const Arrival& arrival = {}) {
    Record(text + " +qr", arrival, [&](const RingRecord& record) {
      rings_->AddResponse(cursor_, record, latency_us, backend_);
    });
  }
  void Timeout(const std::string& text, const Arrival& arrival = {}) {
    Record(text, arrival,
           [&](const RingRecord& record) { rings_->AddTimeout(cursor_, record, backend_); });
  }
  template <typename Add>
  void Record(const std::string& text, const Arrival& arrival, Add&& add) {
    const auto message = QueryMaker::Message(text);
    const auto question = dns::ParseQuestion(message);
    const Address client = *Address::Parse(arrival.client);
    add(RingRecord{.now = At(arrival.at),
                   .client = client,
                   .protocol = Protocol::kDoUdp,
                   .message = message,
                   .name = std::span(message).subspan(12, question->name_length),
                   .type = question->type});
  }
  void Use(const RingSettings& settings) { rings_ = std::make_unique<Rings>(settings); }

  std::unique_ptr<Rings> rings_ =
      std::make_unique<Rings>(RingSettings{.entries = 100, .shards = 4});
  RingCursor cursor_;
  Address backend_ = *Address::Parse("192.0.2.53:53");
};

TEST_F(RingsTest, VisitsWhatIsNotOlderInAllShards) {
  Use({.entries = 1000, .shards = 3});
  for (int i = 0; i < 500; ++i) {
    Query("n" + std::to_string(i) + ".example", {.at = 1.0 + i});
    Answer("n" + std::to_string(i) + ".example", 7, {.at = 1.0 + i});
  }
  std::set<std::string> names;
  rings_->VisitQueries(At(101), [&](const RingQuery& entry) {
    names.insert(entry.Name().ToString());
    // Nothing is held meanwhile: what is added here finds a shard free.
    Query("more.example", {.at = 1});
  });
  EXPECT_EQ(names.size(), 400u);
  EXPECT_EQ(names.count("n100.example."), 1u);
  EXPECT_EQ(rings_->given_up(), 0u);
  size_t answers = 0;
  rings_->VisitResponses(At(0), [&](const RingResponse& entry) { answers += entry.latency_us; });
  EXPECT_EQ(answers, 7u * 500u);
}

TEST_F(RingsTest, KeepsTheNewestEntries) {
  Use({.entries = 4, .shards = 2});
  for (int i = 0; i < 10; ++i) Query("n" + std::to_string(i) + ".example", {.at = 1.0 + i});
  const auto queries = rings_->Queries();
  ASSERT_EQ(queries.size(), 4u);
  EXPECT_EQ(queries.front().Name().ToString(), "n6.example.");
  EXPECT_EQ(queries.back().Name().ToString(), "n9.example.");
  rings_->Clear();
  EXPECT_TRUE(rings_->Queries().empty());
}

TEST_F(RingsTest, KeepsOneOfNWhenSampling) {
  Use({.entries = 100, .shards = 1, .sampling_rate = 5});
  for (int i = 0; i < 20; ++i) Query("a.example");
  for (int i = 0; i < 10; ++i) Answer("a.example", 1);
  EXPECT_EQ(rings_->Queries().size(), 4u);
  EXPECT_EQ(rings_->Responses().size(), 2u);
}

TEST_F(RingsTest, RecordsOnlyWhatIsWanted) {
  Use({.entries = 10, .shards = 1, .record_queries = false});
  Query("a.example");
  Answer("a.example", 1);
  EXPECT_TRUE(rings_->Queries().empty());
  EXPECT_EQ(rings_->Responses().size(), 1u);
}

TEST_F(RingsTest, IgnoresWhatHasNoHeaderOrNoName) {
  const std::vector<uint8_t> message(13);
  const std::vector<uint8_t> name(5);
  const Address client;
  const auto add = [&](size_t message_size, size_t name_size) {
    rings_->AddQuery(cursor_, {.now = At(1),
                               .client = client,
                               .protocol = Protocol::kDoUdp,
                               .message = std::span(message).first(message_size),
                               .name = std::span(name).first(name_size),
                               .type = dns::Type::kA});
    return rings_->Queries().size();
  };
  EXPECT_EQ(add(11, 5), 0u);
  EXPECT_EQ(add(13, 0), 0u);
  EXPECT_EQ(add(13, 5), 1u);
}

TEST_F(RingsTest, ManyThreadsWriteWhileOneReads) {
  Use({.entries = 64, .shards = 4});
  const auto message = QueryMaker::Message("www.example.com");
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      RingCursor cursor;
      const Address client;
      for (int i = 0; i < 2000; ++i) {
        rings_->AddQuery(cursor, {.now = At(i),
                                  .client = client,
                                  .protocol = Protocol::kDoTcp,
                                  .message = message,
                                  .name = std::span(message).subspan(12, 17),
                                  .type = dns::Type::kA});
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    for (const RingQuery& entry : rings_->Queries()) {
      ASSERT_EQ(entry.Name().ToString(), "www.example.com.");
    }
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(rings_->Queries().size(), 64u);
}

TEST_F(RingsTest, TopQueriesCountsFoldedNames) {
  Query("www.example.com");
  Query("WWW.example.com");
  Query("b.example.org");
  EXPECT_EQ(TopText(TopQueries(*rings_, {.rows = 1, .labels = {}})),
            "   1  www.example.com.                            2 66.7%\n"
            "   2  Rest                                        1 33.3%\n");
  EXPECT_EQ(TopText(TopQueries(*rings_, {.rows = 5, .labels = 1})),
            "   1  com.                                        2 66.7%\n"
            "   2  org.                                        1 33.3%\n"
            "   3  Rest                                        0  0.0%\n");
}

TEST_F(RingsTest, TopOfNothingIsTheRest) {
  EXPECT_EQ(TopText(TopClients(*rings_)),
            "   1  Rest                                        0 100.0%\n");
}

TEST_F(RingsTest, TopClientsAndBandwidthGoByAddress) {
  Query("a.example", {.at = 1, .client = "192.0.2.1:1"});
  Query("a.example", {.at = 1, .client = "192.0.2.1:2"});
  Query("a.example", {.at = 1, .client = "[2001:db8::1]:2"});
  EXPECT_EQ(TopClients(*rings_)[0].what, "192.0.2.1");
  EXPECT_EQ(TopClients(*rings_)[0].count, 2u);
  EXPECT_EQ(TopBandwidth(*rings_)[0].count, 2 * QueryMaker::Message("a.example").size());
}

TEST_F(RingsTest, SlowAnswersAndTimeoutsAreApart) {
  Answer("slow.example", 31'000);
  Answer("fast.example", 500);
  Timeout("gone.example");
  const auto slow = TopSlow(*rings_, 10);
  ASSERT_EQ(slow.size(), 2u);
  EXPECT_EQ(slow[0].what, "slow.example.");
  EXPECT_EQ(TopTimeouts(*rings_)[0].what, "gone.example.");
  Answer("nx.example +rcode=3", 500);
  EXPECT_EQ(TopResponses(*rings_, dns::RCode::kNxDomain)[0].what, "nx.example.");
}

TEST_F(RingsTest, GrepFindsByNameNetworkAndLatency) {
  Query("www.example.com +id=7", {.at = 10});
  Answer("www.example.com +id=7 / answer www.example.com 1 A 192.0.2.9", 31'600, {.at = 10.5});
  Query("other.example.org", {.at = 11, .client = "198.51.100.1:1"});
  const auto all = GrepText(*rings_, {"example.com"}, std::nullopt, At(12));
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(*all,
            "Time    Client                                          Protocol     Server       "
            "ID    Name                      Type  Lat.   TC RD AA Rcode\n"
            "-2.0    192.0.2.1:4242                                  DoUDP                     "
            "7     www.example.com.          A               RD    Question\n"
            "-1.5    192.0.2.1:4242                                  DoUDP        192.0.2.53:53 "
            "7     www.example.com.          A     31.6      RD    No Error. 1 answers\n");
  EXPECT_EQ(GrepText(*rings_, {"198.51.100.0/24"}, std::nullopt, At(12))->find("www"),
            std::string::npos);
  const auto slow = GrepText(*rings_, {"example.com", "30ms"}, std::nullopt, At(12));
  EXPECT_EQ(slow->find("Question"), std::string::npos);
  // Whole milliseconds count: it took 31.6.
  EXPECT_EQ(GrepText(*rings_, {"31.9ms"}, std::nullopt, At(12)), slow);
  EXPECT_EQ(GrepText(*rings_, {"32.1ms"}, std::nullopt, At(12))->find("31.6"), std::string::npos);
  EXPECT_EQ(GrepText(*rings_, {"example.com"}, 0, At(12)), all);
  EXPECT_NE(slow->find("31.6"), std::string::npos);
}

TEST_F(RingsTest, GrepKeepsTheLastOfEachKindAndNamesABadSelector) {
  for (int i = 0; i < 5; ++i) Query("q.example +id=" + std::to_string(i), {.at = 1.0 + i});
  Timeout("q.example", {.at = 2});
  const auto text = GrepText(*rings_, {}, 1, At(10));
  ASSERT_TRUE(text);
  EXPECT_EQ(std::count(text->begin(), text->end(), '\n'), 3);
  EXPECT_NE(text->find("T.O"), std::string::npos);
  const auto bad = GrepText(*rings_, {"bad..name"}, std::nullopt, At(10));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error(), "Could not parse 'bad..name' as domain name or netmask");
}

TEST_F(RingsTest, LatencyPlotScalesToTheHighestBar) {
  EXPECT_EQ(ResponseLatencyText(*rings_), "No traffic yet.\n");
  Answer("a.example", 150);
  Answer("a.example", 300);
  Answer("a.example", 350);
  Timeout("a.example");
  const std::string text = ResponseLatencyText(*rings_);
  EXPECT_TRUE(text.starts_with(
      "Average response latency: 0.27 msec\n   msec\t\n   0.10\t\n"
      "   0.20\t" +
      std::string(35, '*') + "\n   0.40\t" + std::string(70, '*') + "\n   0.80\t\n"))
      << text;
  EXPECT_TRUE(text.ends_with("1638.40\t\n"));
}

}  // namespace
}  // namespace breakwater::test
