#include "proxy/web/prometheus.h"

#include <gmock/gmock.h>

#include "proxy/zone/zone_store.h"
#include "tests/proxy/control/fake_target.h"
#include "tests/proxy/web/prometheus_checker.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

using testing::IsEmpty;

const std::string kHostile = "a\"b\\c\nd{e}=,\x01\xff";

std::shared_ptr<Frontend> MakeFrontend(Protocol protocol) {
  auto frontend = std::make_shared<Frontend>();
  frontend->settings.address = *Address::Parse("127.0.0.1:53");
  frontend->settings.protocol = protocol;
  return frontend;
}

TEST(Prometheus, IsSoundWithEverythingInTheConfiguration) {
  FakeTarget target;
  target.AddBackend("web.one", "192.0.2.1");
  target.AddBackend("", "192.0.2.2")->ForceDown();
  target.AddBackend(kHostile, "2001:db8::1");
  const SystemClock clock;
  target.AddPool("", *PacketCache::Make({.max_entries = 100}, clock));
  target.AddPool(kHostile, nullptr);
  target.config->frontends = {MakeFrontend(Protocol::kDoUdp), MakeFrontend(Protocol::kDoTcp),
                              MakeFrontend(Protocol::kDoUdp)};
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_THAT(checked.complaints, IsEmpty());
  EXPECT_EQ(checked.samples.at("dnsdist_info{version=\"9.8.7\"}"), "1");
  EXPECT_EQ(checked.samples.at("dnsdist_uptime"), "10");
  EXPECT_EQ(
      checked.samples.at("dnsdist_server_status{server=\"web_one\",address=\"192.0.2.1:53\"}"),
      "1");
  EXPECT_EQ(
      checked.samples.at("dnsdist_server_weight{server=\"192_0_2_2:53\",address=\"192.0.2.2:53\"}"),
      "1");
  EXPECT_EQ(checked.samples.count(
                "dnsdist_server_latency{server=\"192_0_2_2:53\",address=\"192.0.2.2:53\"}"),
            0u);
  EXPECT_EQ(checked.samples.at("dnsdist_pool_cache_size{pool=\"_default_\"}"), "100");
  EXPECT_EQ(checked.samples.count(
                "dnsdist_frontend_queries{frontend=\"127.0.0.1:53\",proto=\"UDP\",thread=\"1\"}"),
            1u);
  EXPECT_EQ(checked.samples.count(
                "dnsdist_frontend_tcpgaveup{frontend=\"127.0.0.1:53\",proto=\"TCP\",thread=\"0\"}"),
            1u);
  EXPECT_EQ(checked.samples.count(
                "dnsdist_frontend_tcpgaveup{frontend=\"127.0.0.1:53\",proto=\"UDP\",thread=\"0\"}"),
            0u);
}

TEST(Prometheus, HistogramIsCumulative) {
  FakeTarget target;
  const auto worker = target.registry.AddWorker();
  for (const uint64_t us : {500u, 5000u, 2'000'000u}) {
    worker->RecordLatency(Protocol::kDoUdp, us);
  }
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_EQ(checked.types.at("dnsdist_latency"), "histogram");
  EXPECT_EQ(checked.samples.at("dnsdist_latency_bucket{le=\"1\"}"), "1");
  EXPECT_EQ(checked.samples.at("dnsdist_latency_bucket{le=\"10\"}"), "2");
  EXPECT_EQ(checked.samples.at("dnsdist_latency_bucket{le=\"1000\"}"), "2");
  EXPECT_EQ(checked.samples.at("dnsdist_latency_bucket{le=\"+Inf\"}"), "3");
  EXPECT_EQ(checked.samples.at("dnsdist_latency_count"), "3");
  EXPECT_EQ(checked.samples.at("dnsdist_latency_sum"), "2005");
}

TEST(Prometheus, HealthChecksHaveAHistogramForEachServer) {
  FakeTarget target;
  BackendSettings settings;
  settings.address = *Address::Parse("192.0.2.1:53");
  settings.name = "one";
  const auto backend = std::make_shared<Backend>(settings);
  target.config->backends = {backend};
  for (const uint64_t us : {700U, 20'000U, 5'000'000U}) {
    backend->health_counters().latencies.Add(us);
  }
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_THAT(checked.complaints, IsEmpty());
  const std::string name = "dnsdist_server_healthchecklatency_histo";
  const std::string labels = "server=\"one\",address=\"192.0.2.1:53\"";
  EXPECT_EQ(checked.types.at(name), "histogram");
  EXPECT_EQ(checked.samples.at(name + "_bucket{" + labels + ",le=\"1\"}"), "1");
  EXPECT_EQ(checked.samples.at(name + "_bucket{" + labels + ",le=\"50\"}"), "2");
  EXPECT_EQ(checked.samples.at(name + "_bucket{" + labels + ",le=\"1000\"}"), "2");
  EXPECT_EQ(checked.samples.at(name + "_bucket{" + labels + ",le=\"+Inf\"}"), "3");
  EXPECT_EQ(checked.samples.at(name + "_count{" + labels + "}"), "3");
  EXPECT_EQ(checked.samples.at(name + "_sum{" + labels + "}"), "5020");
}

TEST(Prometheus, ServersOfZoneFilesSayWhatTheyHold) {
  FakeTarget target;
  BackendSettings settings;
  settings.name = "files";
  const auto store = std::make_shared<ZoneStore>(ZoneSourceSettings{.path = "/zones"});
  store->SetStatus({.looked = true, .zones = 7, .bad_files = 2, .problem = "x"});
  store->answers().Add(3);
  target.config->backends = {std::make_shared<Backend>(settings, nullptr, store),
                             std::make_shared<Backend>(BackendSettings{})};
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_THAT(checked.complaints, IsEmpty());
  const std::string labels = "{server=\"files\",address=\"zones:/zones\"}";
  EXPECT_EQ(checked.samples.at("dnsdist_server_zones" + labels), "7");
  EXPECT_EQ(checked.samples.at("dnsdist_server_zone_files_not_taken" + labels), "2");
  EXPECT_EQ(checked.samples.at("dnsdist_server_zone_answers" + labels), "3");
  EXPECT_EQ(std::count_if(checked.samples.begin(), checked.samples.end(),
                          [](const auto& sample) {
                            return sample.first.starts_with("dnsdist_server_zones");
                          }),
            1);
}

TEST(Prometheus, BadZonesAreNamedWhateverTheirNames) {
  FakeTarget target;
  const BackendPtr server = target.AddBackend("one", "192.0.2.1");
  const auto name = QueryMaker::WireName("www.a\"b.example");
  target.zones_.Note(
      {.name = name, .backend = server->number(), .apex_labels = 2, .now = target.clock().Now()});
  const PrometheusChecker good(PrometheusText(target));
  EXPECT_EQ(good.samples.at("dnsdist_zones_known"), "1");
  EXPECT_EQ(good.samples.at("dnsdist_zones_bad"), "0");
  for (int i = 0; i < 3; ++i) {
    target.zones_.Note({.name = name,
                        .backend = server->number(),
                        .bad = BadKind::kLame,
                        .now = target.clock().Now()});
  }
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_THAT(checked.complaints, IsEmpty());
  EXPECT_EQ(checked.samples.at("dnsdist_zones_bad"), "1");
  EXPECT_EQ(checked.samples.at("dnsdist_zone_bad{zone=\"a\\\"b.example.\","
                               "server=\"one (192.0.2.1:53)\"}"),
            "1");
  EXPECT_EQ(checked.samples.at("dnsdist_zone_bad_since{zone=\"a\\\"b.example.\","
                               "server=\"one (192.0.2.1:53)\"}"),
            std::to_string(target.clock().WallSeconds()));
}

TEST(Prometheus, OlderZonesTellHowFarTheyAreBehind) {
  FakeTarget target;
  const BackendPtr server = target.AddBackend("one", "192.0.2.1");
  target.zones_.UseSettings({.serials = {.on = true}});
  const auto name = QueryMaker::WireName("www.example.org");
  const ZoneHealth::Asked asked{
      .name = name, .backend = server->number(), .now = target.clock().Now()};
  target.zones_.TellSerial(asked, 2, 8);
  const std::string key =
      "dnsdist_zone_serials_behind{zone=\"example.org.\",server=\"one (192.0.2.1:53)\"}";
  EXPECT_FALSE(PrometheusChecker(PrometheusText(target)).samples.contains(key));
  target.zones_.TellSerial(asked, 2, 5);
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_THAT(checked.complaints, IsEmpty());
  EXPECT_EQ(checked.samples.at(key), "3");
}

TEST(Prometheus, TheInstanceIsTheLastLabelOfEverySample) {
  FakeTarget target;
  target.config->web.prometheus_add_instance_label = true;
  target.config->settings.server_id = "me \"here\"";
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_THAT(checked.complaints, IsEmpty());
  for (const auto& [key, value] : checked.samples) {
    EXPECT_TRUE(key.ends_with("instance=\"me \\\"here\\\"\"}")) << key;
  }
}

// What the operator makes of his own metrics leaves the page readable.
TEST(Prometheus, MetricsOfTheOperatorsOwnDoNotSpoilThePage) {
  FakeTarget target;
  target.config->web.prometheus_add_instance_label = true;
  target.config->settings.server_id = "me";
  auto custom = std::make_shared<CustomMetrics>();
  target.registry.UseCustom(custom);
  ASSERT_TRUE(custom->Declare({.name = "ratio",
                               .is_gauge = true,
                               .description = "C:\\new \"one\"",
                               .prometheus_name = {},
                               .with_labels = true}));
  ASSERT_TRUE(custom->Set("ratio", {{"instance", "mine"}}, 0.5));
  const std::string text = PrometheusText(target);
  const PrometheusChecker checked(text);
  EXPECT_THAT(checked.complaints, IsEmpty());
  EXPECT_EQ(checked.samples.at("dnsdist_ratio{instance=\"mine\"}"), "0.5");
  EXPECT_NE(text.find("# HELP dnsdist_ratio C:\\\\new \"one\"\n"), std::string::npos);
}

TEST(Prometheus, NoFamilyOfThePageCanBeDeclaredOnceMore) {
  FakeTarget target;
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_GT(checked.types.size(), 100u);
  CustomMetrics custom;
  for (const auto& [family, type] : checked.types) {
    EXPECT_FALSE(custom.Declare({.name = "mine",
                                 .is_gauge = false,
                                 .description = {},
                                 .prometheus_name = family,
                                 .with_labels = false}))
        << family;
  }
}

TEST(Prometheus, HasTheTypesOfDnsdist) {
  FakeTarget target;
  const PrometheusChecker checked(PrometheusText(target));
  EXPECT_EQ(checked.types.at("dnsdist_queries"), "counter");
  EXPECT_EQ(checked.types.at("dnsdist_latency_tcp_avg1000"), "gauge");
  EXPECT_EQ(checked.types.at("dnsdist_cpu_iowait"), "counter");
  EXPECT_EQ(checked.types.at("dnsdist_fd_usage"), "gauge");
  EXPECT_EQ(checked.types.at("dnsdist_security_status"), "gauge");
  EXPECT_EQ(checked.types.at("dnsdist_server_order"), "gauge");
  EXPECT_EQ(checked.types.at("dnsdist_pool_cache_cleanup_count_total"), "counter");
  EXPECT_EQ(checked.types.at("dnsdist_rule_hits"), "counter");
}

TEST(PrometheusChecker, FindsWhatTheFormatForbids) {
  EXPECT_FALSE(PrometheusChecker("a 1\n").complaints.empty());
  const std::string head = "# HELP a x\n# TYPE a gauge\n";
  EXPECT_TRUE(PrometheusChecker(head + "a 1\n").complaints.empty());
  for (const char* bad : {"a x\n", "a 1", "a 1\na 2\n", "b 1\n", "a{l=\"x} 1\n", "a{l=\"\\x\"} 1\n",
                          "a{l=\"1\",l=\"2\"} 1\n", "# TYPE a gauge\n", "\n"}) {
    EXPECT_FALSE(PrometheusChecker(head + bad).complaints.empty()) << bad;
  }
}

}  // namespace
}  // namespace breakwater::test
