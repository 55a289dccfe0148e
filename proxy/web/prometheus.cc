#include "proxy/web/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "proxy/control/zone_news.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/web/secure_metrics.h"
#include "proxy/web/server_id.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

constexpr std::string_view kCounter = "counter";
constexpr std::string_view kGauge = "gauge";

std::string Text(uint64_t value) {
  return std::to_string(value);
}
std::string Text(double value) {
  return fmt::format("{:.6g}", value);
}

void WriteProcess(PrometheusWriter& out, const ControlTarget& target) {
  for (const MetricReading& reading : target.counters().Read(target.clock().Now())) {
    // The histogram's own samples have these names.
    if (reading.name == "latency-sum" || reading.name == "latency-count") continue;
    if (reading.is_custom) continue;  // these have names and labels of their own
    std::string name(reading.name);
    std::replace(name.begin(), name.end(), '-', '_');
    out.Begin({name, reading.help, reading.is_gauge ? kGauge : kCounter});
    out.Sample({}, MetricText(reading.value));
  }
}

void WriteCustom(PrometheusWriter& out, const CounterRegistry& counters) {
  if (counters.custom() == nullptr) return;
  for (const CustomMetrics::Reading& metric : counters.custom()->Read()) {
    out.Begin({metric.prometheus_name, metric.description, metric.is_gauge ? kGauge : kCounter,
               /*prefix=*/""});
    for (const CustomMetrics::Series& series : metric.series) {
      out.Sample({series.labels.begin(), series.labels.end()}, MetricText(series.value));
    }
  }
}

void WriteLatency(PrometheusWriter& out, const CounterRegistry& counters) {
  struct Bucket {
    std::string_view le;
    Metric metric;
  };
  constexpr Bucket kBuckets[] = {
      {"1", Metric::kLatency0_1},         {"10", Metric::kLatency1_10},
      {"50", Metric::kLatency10_50},      {"100", Metric::kLatency50_100},
      {"1000", Metric::kLatency100_1000}, {"+Inf", Metric::kLatencySlow}};
  out.Begin({"latency", "Histogram of answers by latency, in milliseconds", "histogram"});
  uint64_t below = 0;
  for (const Bucket& bucket : kBuckets) {
    below += counters.Total(bucket.metric);
    out.Sample({{"le", std::string(bucket.le)}}, Text(below), "_bucket");
  }
  out.Sample({}, Text(counters.Total(Metric::kLatencySum)), "_sum");
  // The buckets' own sum: all samples are of one moment.
  out.Sample({}, Text(below), "_count");
}

// One column of a table: a name, and how to read it from a row; no text where the row has none.
template <typename Row>
struct Column {
  PrometheusWriter::Family family;
  std::string (*read)(const Row&);
};

template <typename Row>
struct LabelledRow {
  const Row* row;
  PrometheusLabels labels;
};

template <typename Row, size_t kCount>
void WriteTable(PrometheusWriter& out, const Column<Row> (&columns)[kCount],
                const std::vector<LabelledRow<Row>>& rows) {
  for (const Column<Row>& column : columns) {
    out.Begin(column.family);
    for (const auto& [row, labels] : rows) {
      const std::string value = column.read(*row);
      if (!value.empty()) out.Sample(labels, value);
    }
  }
}

std::string Average(const SharedCounter& sum, const SharedCounter& count) {
  const uint64_t n = count.Get();
  return n == 0 ? "0" : Text(static_cast<double>(sum.Get()) / static_cast<double>(n));
}

#define BW_BACKEND(name, help, type, expression)                                   \
  {                                                                                \
    {name, help, type}, [](const Backend& b) -> std::string { return expression; } \
  }
const Column<Backend> kBackendColumns[] = {
    BW_BACKEND("server_status", "Whether this backend is up (1) or down (0)", kGauge,
               b.IsUp() ? "1" : "0"),
    BW_BACKEND("server_suspect", "Whether a drill found that its answers differ (1)", kGauge,
               b.suspect() ? "1" : "0"),
    BW_BACKEND("server_queries", "Queries sent to this backend", kCounter,
               Text(b.counters().queries.Get())),
    BW_BACKEND("server_responses", "Answers received from this backend", kCounter,
               Text(b.counters().responses.Get())),
    BW_BACKEND("server_noncompliantresponses", "Answers of this backend dropped as non-compliant",
               kCounter, Text(b.counters().noncompliant_responses.Get())),
    BW_BACKEND("server_drops", "Queries this backend did not answer in time", kCounter,
               Text(b.counters().timeouts.Get())),
    BW_BACKEND("server_latency", "Latency of this backend in milliseconds", kGauge,
               b.IsUp() ? Text(b.udp_latency_us() / 1000) : ""),
    BW_BACKEND("server_senderrors", "Errors when sending to this backend", kCounter,
               Text(b.counters().send_errors.Get())),
    BW_BACKEND("server_outstanding", "Queries that wait for this backend", kGauge,
               Text(b.outstanding())),
    BW_BACKEND("server_order", "Order of this backend", kGauge, std::to_string(b.order())),
    BW_BACKEND("server_weight", "Weight of this backend", kGauge, std::to_string(b.weight())),
    BW_BACKEND("server_tcpdiedsendingquery", "Connections that broke while a query was sent",
               kCounter, Text(b.counters().tcp_died_sending_query.Get())),
    BW_BACKEND("server_tcpdiedreadingresponse", "Connections that broke while an answer was read",
               kCounter, Text(b.counters().tcp_died_reading_response.Get())),
    BW_BACKEND("server_tcpgaveup", "Queries given up after too many TCP attempts", kCounter,
               Text(b.counters().tcp_gave_up.Get())),
    BW_BACKEND("server_tcpconnecttimeouts", "TCP connections not made in time", kCounter,
               Text(b.counters().tcp_connect_timeouts.Get())),
    BW_BACKEND("server_tcpreadtimeouts", "Time-outs while reading over TCP", kCounter,
               Text(b.counters().tcp_read_timeouts.Get())),
    BW_BACKEND("server_tcpwritetimeouts", "Time-outs while writing over TCP", kCounter,
               Text(b.counters().tcp_write_timeouts.Get())),
    BW_BACKEND("server_tcpcurrentconnections", "Open TCP connections", kGauge,
               Text(b.counters().tcp_current_connections.Get())),
    BW_BACKEND("server_tcpmaxconcurrentconnections", "Most TCP connections open at once", kCounter,
               Text(b.counters().tcp_max_concurrent_connections.Get())),
    BW_BACKEND("server_tcptoomanyconcurrentconnections",
               "Times the limit of TCP connections was reached", kCounter,
               Text(b.counters().tcp_too_many_connections.Get())),
    BW_BACKEND("server_tcpnewconnections", "TCP connections made", kCounter,
               Text(b.counters().tcp_new_connections.Get())),
    BW_BACKEND("server_tcpreusedconnections", "Times a TCP connection was used again", kCounter,
               Text(b.counters().tcp_reused_connections.Get())),
    BW_BACKEND("server_tcpavgqueriesperconn", "Average number of queries of a TCP connection",
               kGauge,
               Average(b.counters().tcp_connection_queries, b.counters().tcp_connections_closed)),
    BW_BACKEND(
        "server_tcpavgconnduration", "Average duration of a TCP connection (ms)", kGauge,
        Average(b.counters().tcp_connection_duration_ms, b.counters().tcp_connections_closed)),
    BW_BACKEND("server_tcplatency", "Latency of this backend over TCP in milliseconds", kGauge,
               b.IsUp() ? Text(b.tcp_latency_us() / 1000) : ""),
    BW_BACKEND("server_zones", "Zones held by this server of zone files", kGauge,
               b.zones() ? Text(b.zones()->status().zones) : ""),
    BW_BACKEND("server_zone_files_not_taken", "Zone files that could not be read", kGauge,
               b.zones() ? Text(b.zones()->status().bad_files) : ""),
    BW_BACKEND("server_zone_answers", "Queries answered from zone files", kCounter,
               b.zones() ? Text(b.zones()->answers().Get()) : ""),
    BW_BACKEND("server_tlsresumptions", "TLS sessions that were resumed", kCounter,
               Text(b.counters().tls_resumptions.Get())),
    BW_BACKEND("server_healthcheckfailures", "Health checks that failed", kCounter,
               Text(b.health_counters().failures.Get())),
    BW_BACKEND("server_healthcheckfailuresparsing", "Health checks: answers that do not parse",
               kCounter, Text(b.health_counters().parsing.Get())),
    BW_BACKEND("server_healthcheckfailurestimeout", "Health checks not answered in time", kCounter,
               Text(b.health_counters().timeout.Get())),
    BW_BACKEND("server_healthcheckfailuresnetwork", "Health checks: network errors", kCounter,
               Text(b.health_counters().network.Get())),
    BW_BACKEND("server_healthcheckfailuresmismatch", "Health checks: answers to something else",
               kCounter, Text(b.health_counters().mismatch.Get())),
    BW_BACKEND("server_healthcheckfailuresinvalid", "Health checks: answers that are not good",
               kCounter, Text(b.health_counters().invalid.Get())),
    BW_BACKEND("server_healthchecklatency", "Latency of the last health check in milliseconds",
               kGauge, Text(static_cast<double>(b.health_counters().latency_us.Get()) / 1000)),
};
#undef BW_BACKEND

void WriteHealthLatencies(PrometheusWriter& out, const std::vector<LabelledRow<Backend>>& rows) {
  out.Begin({"server_healthchecklatency_histo",
             "Histogram of valid health checks by latency, in milliseconds", "histogram"});
  for (const auto& [backend, labels] : rows) {
    const HealthLatencies& latencies = backend->health_counters().latencies;
    uint64_t below = 0;
    for (size_t i = 0; i < latencies.counts.size(); ++i) {
      below += latencies.counts[i].Get();
      PrometheusLabels with_bound = labels;
      const bool last = i == HealthLatencies::kBounds_ms.size();
      with_bound.emplace_back("le", last ? "+Inf" : std::to_string(HealthLatencies::kBounds_ms[i]));
      out.Sample(with_bound, Text(below), "_bucket");
    }
    out.Sample(labels, Text(latencies.sum_ms.Get()), "_sum");
    out.Sample(labels, Text(below), "_count");
  }
}

void WriteBackends(PrometheusWriter& out, const Config& config) {
  std::vector<LabelledRow<Backend>> rows;
  for (const BackendPtr& backend : config.backends) {
    const std::string address = backend->AddressText();
    std::string server = backend->name().empty() ? address : backend->name();
    std::replace(server.begin(), server.end(), '.', '_');
    rows.push_back({backend.get(), {{"server", server}, {"address", address}}});
  }
  WriteTable(out, kBackendColumns, rows);
  WriteHealthLatencies(out, rows);
}

bool IsStream(const Frontend& f) {
  return !IsDatagram(f.settings.protocol);
}

#define BW_FRONTEND(name, help, type, expression)                                   \
  {                                                                                 \
    {name, help, type}, [](const Frontend& f) -> std::string { return expression; } \
  }
#define BW_STREAM(name, help, type, expression) \
  BW_FRONTEND(name, help, type, IsStream(f) ? (expression) : "")
const Column<Frontend> kFrontendColumns[] = {
    BW_FRONTEND("frontend_queries", "Queries received", kCounter, Text(f.queries.Get())),
    BW_FRONTEND("frontend_noncompliantqueries", "Queries dropped as non-compliant", kCounter,
                Text(f.noncompliant_queries.Get())),
    BW_FRONTEND("frontend_responses", "Answers sent", kCounter, Text(f.responses.Get())),
    BW_STREAM("frontend_tcpdiedreadingquery", "Connections that ended while a query was read",
              kCounter, Text(f.tcp_died_reading_query.Get())),
    BW_STREAM("frontend_tcpdiedsendingresponse", "Connections that ended while an answer was sent",
              kCounter, Text(f.tcp_died_sending_response.Get())),
    BW_STREAM("frontend_tcpgaveup", "Connections ended after too many attempts at the backend",
              kCounter, Text(f.tcp_gave_up.Get())),
    BW_STREAM("frontend_tcpclienttimeouts", "Connections ended by a time-out of the client",
              kCounter, Text(f.tcp_client_timeouts.Get())),
    BW_STREAM("frontend_tcpdownstreamtimeouts", "Connections ended by a time-out of the backend",
              kCounter, Text(f.tcp_downstream_timeouts.Get())),
    BW_STREAM("frontend_tcpcurrentconnections", "Open connections", kGauge,
              Text(f.tcp_current_connections.Get())),
    BW_STREAM("frontend_tcpmaxconcurrentconnections", "Most connections open at once", kCounter,
              Text(f.tcp_max_concurrent_connections.Get())),
    BW_STREAM("frontend_tcpavgqueriesperconnection", "Average number of queries of a connection",
              kGauge, Average(f.tcp_connection_queries, f.tcp_connections)),
    BW_STREAM("frontend_tcpavgconnectionduration", "Average duration of a connection (ms)", kGauge,
              Average(f.tcp_connection_duration_ms, f.tcp_connections)),
    BW_STREAM("frontend_tcpavgreadios", "Average number of read events of a connection", kGauge,
              Average(f.tcp_read_ios, f.tcp_connections)),
};
#undef BW_STREAM
#undef BW_FRONTEND

void WriteFrontends(PrometheusWriter& out, const Config& config) {
  std::map<std::pair<std::string, std::string>, size_t> repeated;
  std::vector<LabelledRow<Frontend>> rows;
  for (const auto& frontend : config.frontends) {
    const std::string address = frontend->settings.address.ToStringWithPort();
    const std::string type = frontend->TypeText();
    const size_t thread = repeated[{address, type}]++;
    rows.push_back({frontend.get(),
                    {{"frontend", address}, {"proto", type}, {"thread", std::to_string(thread)}}});
  }
  WriteTable(out, kFrontendColumns, rows);
  std::vector<LabelledFrontend> secure;
  for (const auto& row : rows) secure.push_back({row.row, row.labels});
  WriteTlsMetrics(out, secure);
  WriteDohMetrics(out, secure);
}

struct PoolRow {
  const Pool* pool;
  std::optional<PacketCacheStats> cache;
};

#define BW_POOL(name, help, type, member)                                                      \
  {                                                                                            \
    {name, help, type},                                                                        \
        [](const PoolRow& row) { return row.cache ? Text(row.cache->member) : std::string(); } \
  }
const Column<PoolRow> kPoolColumns[] = {
    {{"pool_servers", "Servers of the pool", kGauge},
     [](const PoolRow& row) { return Text(uint64_t{row.pool->servers.size()}); }},
    {{"pool_active_servers", "Servers of the pool that are up", kGauge},
     [](const PoolRow& row) {
       return std::to_string(std::count_if(row.pool->servers.begin(), row.pool->servers.end(),
                                           [](const auto& server) { return server->IsUp(); }));
     }},
    BW_POOL("pool_cache_size", "Entries the cache can hold", kGauge, max_entries),
    BW_POOL("pool_cache_entries", "Entries in the cache", kGauge, entries),
    BW_POOL("pool_cache_hits", "Hits of the cache", kCounter, hits),
    BW_POOL("pool_cache_misses", "Misses of the cache", kCounter, misses),
    BW_POOL("pool_cache_deferred_inserts", "Insertions skipped because of a lock", kCounter,
            deferred_inserts),
    BW_POOL("pool_cache_deferred_lookups", "Look-ups skipped because of a lock", kCounter,
            deferred_lookups),
    BW_POOL("pool_cache_lookup_collisions", "Look-ups that met another question of the same hash",
            kCounter, lookup_collisions),
    BW_POOL("pool_cache_insert_collisions", "Insertions that met another question", kCounter,
            insert_collisions),
    BW_POOL("pool_cache_ttl_too_shorts", "Answers not stored because of a short TTL", kCounter,
            ttl_too_shorts),
    BW_POOL("pool_cache_cleanup_count_total", "Times the cache was swept", kCounter, cleanup_count),
};
#undef BW_POOL

void WritePools(PrometheusWriter& out, const Config& config) {
  std::vector<PoolRow> pools;
  for (const auto& [name, pool] : config.pools) {
    pools.push_back({pool.get(), pool->cache ? std::optional(pool->cache->Stats()) : std::nullopt});
  }
  std::vector<LabelledRow<PoolRow>> rows;
  for (const PoolRow& row : pools) {
    const std::string& name = row.pool->name;
    rows.push_back({&row, {{"pool", name.empty() ? "_default_" : name}}});
  }
  WriteTable(out, kPoolColumns, rows);
}

template <typename ChainT>
void AddHits(std::map<std::string, uint64_t>& hits, const ChainT& chain) {
  for (const auto& rule : chain) {
    hits[rule.name.empty() ? rule.uuid : rule.name] += rule.state->matches.Get();
  }
}

// Rules that share a name are one series: the format forbids two samples with equal labels.
void WriteRules(PrometheusWriter& out, const Chains& chains) {
  std::map<std::string, uint64_t> hits;
  AddHits(hits, chains.query);
  AddHits(hits, chains.cache_miss);
  for (const ResponseRuleChain& chain : chains.response) AddHits(hits, chain);
  out.Begin({"rule_hits", "Number of hits of that rule", kCounter});
  for (const auto& [id, count] : hits) out.Sample({{"id", id}}, Text(count));
}

// Of every zone that is bad somewhere, up to a number that a scraper can bear.
void WriteZones(PrometheusWriter& out, const ControlTarget& target, const Config& config) {
  constexpr size_t kMostZones = 1000;
  const ZoneHealth& zones = target.zone_health();
  out.Begin({"zones_known", "Zones learned from answers", kGauge});
  out.Sample({}, Text(uint64_t{zones.zone_count()}));
  out.Begin({"zones_bad", "Zones that are bad on a backend, once for each", kGauge});
  out.Sample({}, Text(uint64_t{zones.bad_count()}));
  const auto bad = zones.Report(ZoneHealth::Which::kBad, kMostZones);
  const auto write = [&](auto&& value_of) {
    for (const ZoneReport& report : bad) {
      for (const ZoneOnBackend& one : report.backends) {
        const std::string value = one.is_bad ? value_of(one) : "";
        if (value.empty()) continue;
        out.Sample(
            {{"zone", report.zone.ToString()}, {"server", ServerNameOf(config, one.backend)}},
            value);
      }
    }
  };
  out.Begin({"zone_bad", "Zones that a backend has no good answers for", kGauge});
  write([](const ZoneOnBackend&) -> std::string { return "1"; });
  out.Begin({"zone_bad_since", "Since when, in seconds since 1970", kGauge});
  write([&](const ZoneOnBackend& one) {
    return Text(static_cast<uint64_t>(std::max<int64_t>(WallSince(one, target.clock()), 0)));
  });
  out.Begin({"zone_serials_behind",
             "How far a backend is behind the newest serial of a zone that is "
             "older there than it was",
             kGauge});
  write([](const ZoneOnBackend& one) -> std::string {
    if (one.last_bad != BadKind::kOlder || !one.serial || !one.serial->IsBehind()) return "";
    return Text(uint64_t{one.serial->newest - one.serial->serial});
  });
}

// A backslash before each of `special`, and ends of lines as "\\n".
std::string Escaped(std::string_view value, std::string_view special) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (special.find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

// Quotes stand for themselves there.
std::string EscapeHelp(std::string_view help) {
  return Escaped(help, "\\");
}

// Of the last seconds.
void WriteDynBlocks(PrometheusWriter& out, const DynBlockTable& table) {
  const DynBlockOffenders offenders = table.offenders();
  out.Begin({"dynblocks_nmg_top_offenders_hits_per_second",
             "Blocked clients that ask most, in queries a second", kGauge});
  for (const DynBlockOffender& one : offenders.clients) {
    out.Sample({{"reason", one.reason}, {"netmask", one.what}}, Text(one.hits_per_second));
  }
  out.Begin({"dynblocks_smt_top_offenders_hits_per_second",
             "Blocked names that are asked for most, in queries a second", kGauge});
  for (const DynBlockOffender& one : offenders.names) {
    out.Sample({{"reason", one.reason}, {"suffix", one.what}}, Text(one.hits_per_second));
  }
}

}  // namespace

std::string EscapeLabelValue(std::string_view value) {
  return Escaped(value, "\\\"");
}

void PrometheusWriter::Begin(const Family& family) {
  name_ = fmt::format("{}{}", family.prefix, family.name);
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name_, EscapeHelp(family.help), name_,
                       family.type);
}

void PrometheusWriter::Sample(const PrometheusLabels& labels, std::string_view value,
                              std::string_view suffix) {
  std::string inside;
  const auto add = [&](std::string_view name, std::string_view text) {
    if (!inside.empty()) inside += ',';
    inside += fmt::format("{}=\"{}\"", name, EscapeLabelValue(text));
  };
  for (const auto& [name, text] : labels) add(name, text);
  // A metric of the operator's own may have that label; two would make the page unreadable.
  constexpr std::string_view kInstance = "instance";
  const bool has_one = std::any_of(labels.begin(), labels.end(),
                                   [&](const auto& label) { return label.first == kInstance; });
  if (!instance_.empty() && !has_one) add(kInstance, instance_);
  text_ += fmt::format("{}{}", name_, suffix);
  if (!inside.empty()) text_ += fmt::format("{{{}}}", inside);
  text_ += fmt::format(" {}\n", value);
}

std::string PrometheusText(const ControlTarget& target) {
  const ConfigPtr config = target.CurrentConfig();
  PrometheusWriter out(config->web.prometheus_add_instance_label ? ServerId(config->settings)
                                                                 : std::string());
  WriteProcess(out, target);
  WriteLatency(out, target.counters());
  WriteBackends(out, *config);
  WriteZones(out, target, *config);
  WriteFrontends(out, *config);
  WritePools(out, *config);
  WriteRules(out, config->chains);
  WriteDynBlocks(out, *config->dyn_blocks);
  WriteCustom(out, target.counters());
  out.Begin({"info", "Version of the server; the value is always 1", kGauge});
  out.Sample({{"version", target.Version()}}, "1");
  return out.text();
}

}  // namespace breakwater
