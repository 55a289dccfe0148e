#include "proxy/observe/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "proxy/observe/process_stats.h"

namespace breakwater {
namespace {

const MetricReading* Find(const std::vector<MetricReading>& readings, std::string_view name) {
  const auto found = std::find_if(readings.begin(), readings.end(),
                                  [&](const auto& reading) { return reading.name == name; });
  return found == readings.end() ? nullptr : &*found;
}

TEST(CounterRegistry, SumsTheWorkers) {
  CounterRegistry registry(MonoTime{});
  registry.AddWorker()->counters.Add(Metric::kQueries, 3);
  registry.AddWorker()->counters.Add(Metric::kQueries, 4);
  EXPECT_EQ(registry.Total(Metric::kQueries), 7u);
  EXPECT_EQ(registry.Total(Metric::kResponses), 0u);
}

TEST(CounterRegistry, KeepsTheCountsOfAWorkerThatEnded) {
  CounterRegistry registry(MonoTime{});
  {
    const auto worker = registry.AddWorker();
    worker->counters.Add(Metric::kCacheHits, 5);
  }
  EXPECT_EQ(registry.Total(Metric::kCacheHits), 5u);
}

TEST(CounterRegistry, ReadsEveryNameOnce) {
  CounterRegistry registry(MonoTime::FromSeconds(10));
  const auto readings = registry.Read(MonoTime::FromSeconds(15));
  std::set<std::string_view> names;
  for (const auto& reading : readings) {
    EXPECT_TRUE(names.insert(reading.name).second) << reading.name;
    EXPECT_FALSE(reading.help.empty()) << reading.name;
  }
  ASSERT_NE(Find(readings, "uptime"), nullptr);
  EXPECT_EQ(std::get<uint64_t>(Find(readings, "uptime")->value), 5u);
  EXPECT_GT(std::get<uint64_t>(Find(readings, "real-memory-usage")->value), 100'000u);
  EXPECT_GE(std::get<uint64_t>(Find(readings, "fd-usage")->value), 3u);
}

TEST(CounterRegistry, MergesLatenciesByTheNumberOfAnswers) {
  CounterRegistry registry(MonoTime{});
  const auto busy = registry.AddWorker();
  const auto idle = registry.AddWorker();
  for (int i = 0; i < 3000; ++i) busy->RecordLatency(Protocol::kDoUdp, 500);
  for (int i = 0; i < 1000; ++i) idle->RecordLatency(Protocol::kDoUdp, 1500);
  EXPECT_NEAR(registry.Latency(LatencyFamily::kUdp, LatencyWindow::k100), 750, 1);
  EXPECT_EQ(registry.Latency(LatencyFamily::kTcp, LatencyWindow::k100), 0);
}

TEST(Latency, CountsInTheBucketsOfDnsdist) {
  WorkerStats stats;
  for (const uint64_t us :
       {0ul, 999ul, 1000ul, 9999ul, 10000ul, 50000ul, 100000ul, 999999ul, 1000000ul}) {
    stats.RecordLatency(Protocol::kDoTcp, us);
  }
  const Counters& counters = stats.counters;
  EXPECT_EQ(counters.Get(Metric::kLatency0_1), 2u);
  EXPECT_EQ(counters.Get(Metric::kLatency1_10), 2u);
  EXPECT_EQ(counters.Get(Metric::kLatency10_50), 1u);
  EXPECT_EQ(counters.Get(Metric::kLatency50_100), 1u);
  EXPECT_EQ(counters.Get(Metric::kLatency100_1000), 2u);
  EXPECT_EQ(counters.Get(Metric::kLatencySlow), 1u);
  EXPECT_EQ(counters.Get(Metric::kLatencyCount), 9u);
  EXPECT_EQ(counters.Get(Metric::kLatencySum), 0u + 0 + 1 + 9 + 10 + 50 + 100 + 999 + 1000);
}

TEST(Latency, AverageDecaysByOneInTheWindow) {
  LatencyAverages averages;
  averages.Add(LatencyFamily::kDot, 100);
  EXPECT_DOUBLE_EQ(averages.Get(LatencyFamily::kDot, LatencyWindow::k100), 1);
  EXPECT_DOUBLE_EQ(averages.Get(LatencyFamily::kDot, LatencyWindow::k1000), 0.1);
  averages.Add(LatencyFamily::kDot, 100);
  EXPECT_DOUBLE_EQ(averages.Get(LatencyFamily::kDot, LatencyWindow::k100), 1.99);
}

TEST(DumpStats, HasTwoColumnsOfFixedWidth) {
  CounterRegistry registry(MonoTime{});
  registry.AddWorker()->counters.Add(Metric::kAclDrops, 42);
  const std::string text = DumpStatsText(registry, MonoTime::FromSeconds(1));
  EXPECT_TRUE(text.starts_with("acl-drops                          \t         42    ")) << text;
  EXPECT_NE(text.find("latency-avg100                     \t          0.0"), std::string::npos);
}

TEST(ProcessStats, FindsAColumnByItsName) {
  constexpr std::string_view kTable =
      "Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors\nUdp: 10 20 30\nUdpLite: NoPorts\n";
  EXPECT_EQ(FindInTable(kTable, "Udp:", "InErrors"), 30u);
  EXPECT_EQ(FindInTable(kTable, "Udp:", "Missing"), 0u);
  EXPECT_EQ(FindInTable("", "Udp:", "InErrors"), 0u);
}

TEST(ProcessStats, FindsANameInAList) {
  EXPECT_EQ(FindInList("Udp6InDatagrams \t5\nUdp6InErrors \t7\n", "Udp6InErrors"), 7u);
  EXPECT_EQ(FindInList("broken\n", "broken"), 0u);
}

}  // namespace
}  // namespace breakwater
