#include "proxy/observe/custom_metrics.h"

#include <gmock/gmock.h>

#include <limits>
#include <thread>

#include "proxy/observe/metrics.h"

namespace breakwater {
namespace {

using testing::HasSubstr;

CustomMetricSettings Counter(const std::string& name) {
  return {.name = name, .is_gauge = false, .description = "Some", .prometheus_name = {}};
}
CustomMetricSettings Gauge(const std::string& name) {
  CustomMetricSettings settings = Counter(name);
  settings.is_gauge = true;
  return settings;
}

TEST(CustomMetrics, CountersCountAndWrapAround) {
  CustomMetrics metrics;
  ASSERT_TRUE(metrics.Declare(Counter("one-2")));
  EXPECT_EQ(metrics.Add("one-2", {}, 5).value(), 5u);
  EXPECT_EQ(metrics.Subtract("one-2", {}, 6).value(), UINT64_MAX);
  EXPECT_EQ(metrics.Add("one-2", {}, 3).value(), 2u);
  ASSERT_TRUE(metrics.Declare(Counter("one-2")));  // once more: it stays
  EXPECT_EQ(metrics.Get("one-2", {}).value(), 2.0);
}

TEST(CustomMetrics, TheOtherKindAndUnknownNamesAreErrors) {
  CustomMetrics metrics;
  ASSERT_TRUE(metrics.Declare(Counter("one")));
  ASSERT_TRUE(metrics.Declare(Gauge("level")));
  EXPECT_EQ(metrics.Set("level", {}, 1.5).value(), 1.5);
  EXPECT_THAT(metrics.Set("one", {}, 1).error(), HasSubstr("is a counter"));
  EXPECT_THAT(metrics.Add("level", {}, 1).error(), HasSubstr("is a gauge"));
  EXPECT_THAT(metrics.Add("two", {}, 1).error(), HasSubstr("no custom metric 'two'"));
  EXPECT_FALSE(metrics.Get("two", {}));
  EXPECT_FALSE(metrics.Get("one", {{"a", "b"}}));
}

TEST(CustomMetrics, BadNamesAreNotDeclared) {
  CustomMetrics metrics;
  for (const char* name : {"", "Upper", "under_score", "a b", "a.b", "queries", "uptime", "info",
                           "latency", "latency-bucket", "server-queries", "frontend-queries",
                           "rule-hits", "server-healthchecklatency-histo-sum"}) {
    EXPECT_FALSE(metrics.Declare(Counter(name))) << name;
  }
  CustomMetricSettings named = Counter("good");
  for (const char* name : {"1st", "with-dash", "a b", "dnsdist_queries"}) {
    named.prometheus_name = name;
    EXPECT_FALSE(metrics.Declare(named)) << name;
  }
  named.prometheus_name = "ns:good_total";
  ASSERT_TRUE(metrics.Declare(named));
  named.name = "other";
  EXPECT_THAT(metrics.Declare(named).error(), HasSubstr("metric 'good' is called"));
}

TEST(CustomMetrics, EachLabelSetIsASeriesAndThereAreNotTooMany) {
  CustomMetrics metrics;
  CustomMetricSettings settings = Counter("one");
  settings.with_labels = true;
  settings.description = "Two\nlines";
  ASSERT_TRUE(metrics.Declare(settings));
  EXPECT_TRUE(metrics.Read()[0].series.empty());
  for (size_t i = 0; i < CustomMetrics::kMostSeries; ++i) {
    ASSERT_TRUE(metrics.Add("one", {{"n", std::to_string(i)}}, i));
  }
  EXPECT_THAT(metrics.Add("one", {{"n", "more"}}, 1).error(), HasSubstr("more are not kept"));
  EXPECT_EQ(metrics.Add("one", {{"n", "7"}}, 1).value(), 8u);
  EXPECT_FALSE(metrics.Add("one", {{"no name", "7"}}, 1));
  const auto readings = metrics.Read();
  EXPECT_EQ(readings[0].series.size(), CustomMetrics::kMostSeries);
  EXPECT_EQ(readings[0].description, "Two lines");
  EXPECT_EQ(readings[0].prometheus_name, "dnsdist_one");
}

TEST(CustomMetrics, NumbersThatAreNoneAreWrittenAsPrometheusReadsThem) {
  EXPECT_EQ(MetricText(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(MetricText(-std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(MetricText(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(MetricText(-std::numeric_limits<double>::infinity()), "-Inf");
}

TEST(CustomMetrics, LabelsThatBelongToPrometheusAreRefused) {
  CustomMetrics metrics;
  ASSERT_TRUE(metrics.Declare(Gauge("level")));
  for (const char* label : {"__name__", "__other"}) {
    EXPECT_THAT(metrics.Set("level", {{label, "7"}}, 1).error(), HasSubstr("no name of a label"));
  }
  EXPECT_TRUE(metrics.Set("level", {{"instance", "7"}, {"_one", "8"}}, 1));
}

TEST(CustomMetrics, ManyThreadsLoseNoCount) {
  CustomMetrics metrics;
  ASSERT_TRUE(metrics.Declare(Counter("one")));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) (void)metrics.Add("one", {}, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(metrics.Get("one", {}).value(), 20'000.0);
}

TEST(CustomMetrics, TheRegistryReadsThoseWithoutLabels) {
  auto custom = std::make_shared<CustomMetrics>();
  ASSERT_TRUE(custom->Declare(Gauge("my-level")));
  CustomMetricSettings labelled = Counter("labelled");
  labelled.with_labels = true;
  ASSERT_TRUE(custom->Declare(labelled));
  ASSERT_TRUE(custom->Add("labelled", {{"a", "b"}}, 1));
  ASSERT_TRUE(custom->Set("my-level", {}, 2.5));
  CounterRegistry registry(MonoTime{});
  registry.UseCustom(custom);
  std::vector<std::string> names;
  for (const MetricReading& reading : registry.Read(MonoTime{})) {
    if (reading.is_custom) names.push_back(std::string(reading.name) + MetricText(reading.value));
  }
  EXPECT_THAT(names, testing::ElementsAre("my-level2.5"));
  EXPECT_THAT(DumpStatsText(registry, MonoTime{}), HasSubstr("my-level"));
}

}  // namespace
}  // namespace breakwater
