#include "proxy/worker/collector_keeper.h"

#include <gtest/gtest.h>

#include <thread>

namespace breakwater {
namespace {

// Nobody listens there: what waits is dropped at the end.
CollectorPtr DeadCollector() {
  CollectorSettings settings;
  settings.server = Address::Parse("127.0.0.1:1").value();
  return std::make_shared<Collector>(settings);
}

TEST(CollectorKeeper, KeepsEachCollectorOnceUntilNobodyTellsItAnything) {
  CollectorKeeper keeper;
  Counters counters;
  Config config;
  CollectorPtr collector = DeadCollector();
  config.settings.collectors.push_back(collector);
  keeper.Start(config);
  keeper.UseConfig(config);
  EXPECT_EQ(keeper.size(), 1u);
  keeper.Count(counters);
  EXPECT_EQ(keeper.size(), 1u);
  collector.reset();
  while (keeper.size() > 0) keeper.Count(counters);
  EXPECT_TRUE(config.settings.collectors[0].expired());
}

TEST(CollectorKeeper, CountsWhatHappenedOnce) {
  CollectorKeeper keeper;
  Counters counters;
  Config config;
  CollectorPtr collector = DeadCollector();
  config.settings.collectors.push_back(collector);
  collector->Tell("m");
  keeper.Start(config);
  collector->AskToStop();
  while (!collector->Ended()) std::this_thread::yield();
  keeper.Count(counters);
  keeper.Count(counters);
  EXPECT_EQ(counters.Get(Metric::kCollectorDropped), 1u);
  EXPECT_EQ(counters.Get(Metric::kCollectorSent), 0u);
}

}  // namespace
}  // namespace breakwater
