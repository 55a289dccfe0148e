#include "proxy/web/api_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/control/drill_commands.h"
#include "proxy/control/zones_json.h"
#include "proxy/guard/dyn_block_report.h"
#include "proxy/guard/timed_kernel_filter.h"
#include "proxy/query/doh_frontend.h"
#include "proxy/web/dump_json.h"

namespace breakwater {
namespace {

using nlohmann::json;

json ValueOf(const MetricValue& value) {
  if (const double* average = std::get_if<double>(&value)) return *average;
  return std::get<uint64_t>(value);
}

json StatsJson(const ControlTarget& target) {
  json stats = json::object();
  for (const MetricReading& reading : target.counters().Read(target.clock().Now())) {
    stats[std::string(reading.name)] = ValueOf(reading.value);
  }
  return stats;
}

double Average(const SharedCounter& sum, const SharedCounter& count) {
  const uint64_t n = count.Get();
  return n == 0 ? 0 : static_cast<double>(sum.Get()) / static_cast<double>(n);
}

json PoolNames(const Config& config, const BackendPtr& backend) {
  json names = json::array();
  for (const auto& [name, pool] : config.pools) {
    if (name.empty()) continue;  // dnsdist leaves the default pool out
    const auto& servers = pool->servers;
    if (std::find(servers.begin(), servers.end(), backend) != servers.end()) names.push_back(name);
  }
  return names;
}

void AddTcpCounters(json& server, const BackendCounters& counters) {
  server["tcpDiedSendingQuery"] = counters.tcp_died_sending_query.Get();
  server["tcpDiedReadingResponse"] = counters.tcp_died_reading_response.Get();
  server["tcpGaveUp"] = counters.tcp_gave_up.Get();
  server["tcpConnectTimeouts"] = counters.tcp_connect_timeouts.Get();
  server["tcpReadTimeouts"] = counters.tcp_read_timeouts.Get();
  server["tcpWriteTimeouts"] = counters.tcp_write_timeouts.Get();
  server["tcpCurrentConnections"] = counters.tcp_current_connections.Get();
  server["tcpMaxConcurrentConnections"] = counters.tcp_max_concurrent_connections.Get();
  server["tcpTooManyConcurrentConnections"] = counters.tcp_too_many_connections.Get();
  server["tcpNewConnections"] = counters.tcp_new_connections.Get();
  server["tcpReusedConnections"] = counters.tcp_reused_connections.Get();
  server["tcpAvgQueriesPerConnection"] =
      Average(counters.tcp_connection_queries, counters.tcp_connections_closed);
  server["tcpAvgConnectionDuration"] =
      Average(counters.tcp_connection_duration_ms, counters.tcp_connections_closed);
  server["tlsResumptions"] = counters.tls_resumptions.Get();
}

void AddHealthCounters(json& server, const HealthCheckCounters& counters) {
  server["healthCheckFailures"] = counters.failures.Get();
  server["healthCheckFailuresParsing"] = counters.parsing.Get();
  server["healthCheckFailuresTimeout"] = counters.timeout.Get();
  server["healthCheckFailuresNetwork"] = counters.network.Get();
  server["healthCheckFailuresMismatch"] = counters.mismatch.Get();
  server["healthCheckFailuresInvalid"] = counters.invalid.Get();
  server["healthCheckLatency"] = static_cast<double>(counters.latency_us.Get()) / 1000;
}

std::string_view ProtocolOf(const Backend& backend) {
  if (backend.zones() != nullptr) return "zone files";
  const BackendSettings& settings = backend.settings();
  if (settings.tls) return settings.doh_path.empty() ? "DNS over TLS" : "DNS over HTTPS";
  return settings.tcp_only ? "Do53 TCP" : "Do53 UDP";
}

json ServerJson(const Config& config, const ServerRates& rates, size_t index) {
  const BackendPtr& backend = config.backends[index];
  const std::string address = backend->AddressText();
  const bool forced_down = backend->health().forced() && !backend->IsUp();
  const ServerRate rate = rates.Of(*backend);
  json server = {{"id", index},
                 {"name", backend->name().empty() ? address : backend->name()},
                 {"address", address},
                 {"state", backend->health().StateText()},
                 {"protocol", ProtocolOf(*backend)},
                 {"order", backend->order()},
                 {"weight", backend->weight()},
                 {"tier", backend->settings().tier},
                 {"suspect", backend->suspect()},
                 {"pools", PoolNames(config, backend)},
                 {"outstanding", backend->outstanding()},
                 {"qps", rate.queries},
                 {"dropRate", rate.drops},
                 {"reuseds", backend->counters().timeouts.Get()},  // what it calls drops elsewhere
                 {"queries", backend->counters().queries.Get()},
                 {"responses", backend->counters().responses.Get()},
                 {"nonCompliantResponses", backend->counters().noncompliant_responses.Get()},
                 {"sendErrors", backend->counters().send_errors.Get()},
                 {"qpsLimit", backend->qps_limit()}};
  server["latency"] = forced_down ? json() : json(backend->udp_latency_us() / 1000);
  server["tcpLatency"] = forced_down ? json() : json(backend->tcp_latency_us() / 1000);
  AddTcpCounters(server, backend->counters());
  AddHealthCounters(server, backend->health_counters());
  return server;
}

// 0 where there is no TLS: dnsdist's frontends have these members all the same.
void AddTlsCounters(json& row, const Frontend& frontend) {
  constexpr const char* kVersions[kTlsVersions] = {"tls10Queries", "tls11Queries", "tls12Queries",
                                                   "tls13Queries", "tlsUnknownQueries"};
  // In the order of TlsFailure; other reasons are told nowhere.
  constexpr const char* kFailures[kTlsFailures - 1] = {
      "DHKeyTooSmall",          "InappropriateFallBack", "NoSharedCipher", "UnknownCipher",
      "UnknownKeyExchangeType", "UnknownProtocol",       "UnsupportedEC",  "UnsupportedProtocol"};
  static const TlsCounters kNone{};
  const TlsCounters& counters = frontend.tls ? frontend.tls->counters() : kNone;
  row["tlsNewSessions"] = counters.new_sessions.Get();
  row["tlsResumptions"] = counters.resumed_sessions.Get();
  row["tlsUnknownTicketKey"] = counters.unknown_ticket_keys.Get();
  row["tlsInactiveTicketKey"] = counters.inactive_ticket_keys.Get();
  for (size_t i = 0; i < kTlsVersions; ++i) row[kVersions[i]] = counters.queries[i].Get();
  for (size_t i = 0; i < std::size(kFailures); ++i) {
    row[fmt::format("tlsHandshakeFailures{}", kFailures[i])] = counters.failures[i].Get();
  }
}

json FrontendJson(const Frontend& frontend, size_t index) {
  const bool stream = !IsDatagram(frontend.settings.protocol);
  json row = {{"id", index},
              {"address", frontend.settings.address.ToStringWithPort()},
              {"udp", !stream},
              {"tcp", stream},
              {"type", frontend.TypeText()},
              {"queries", frontend.queries.Get()},
              {"responses", frontend.responses.Get()},
              {"nonCompliantQueries", frontend.noncompliant_queries.Get()},
              {"tcpDiedReadingQuery", frontend.tcp_died_reading_query.Get()},
              {"tcpDiedSendingResponse", frontend.tcp_died_sending_response.Get()},
              {"tcpGaveUp", frontend.tcp_gave_up.Get()},
              {"tcpClientTimeouts", frontend.tcp_client_timeouts.Get()},
              {"tcpDownstreamTimeouts", frontend.tcp_downstream_timeouts.Get()},
              {"tcpCurrentConnections", frontend.tcp_current_connections.Get()},
              {"tcpMaxConcurrentConnections", frontend.tcp_max_concurrent_connections.Get()},
              {"tcpAvgQueriesPerConnection",
               Average(frontend.tcp_connection_queries, frontend.tcp_connections)},
              {"tcpAvgConnectionDuration",
               Average(frontend.tcp_connection_duration_ms, frontend.tcp_connections)}};
  AddTlsCounters(row, frontend);
  return row;
}

json DohFrontendJson(const Frontend& frontend, size_t index) {
  const DohCounters& counters = frontend.doh->counters;
  json row = {
      {"id", index},
      {"address", frontend.settings.address.ToStringWithPort()},
      {"http-connects", frontend.tcp_connections.Get() + frontend.tcp_current_connections.Get()},
      {"http1-queries", counters.http1_queries.Get()},
      {"http2-queries", counters.http2_queries.Get()},
      {"get-queries", counters.get_queries.Get()},
      {"post-queries", counters.post_queries.Get()},
      {"bad-requests", counters.bad_requests.Get()},
      {"error-responses", counters.error_responses.Get()},
      {"redirect-responses", counters.redirect_responses.Get()},
      {"valid-responses", counters.valid_responses.Get()}};
  constexpr const char* kStatuses[] = {"200", "400", "403", "500", "502", "other"};
  for (size_t version = 0; version < counters.by_status.size(); ++version) {
    for (size_t i = 0; i < std::size(kStatuses); ++i) {
      row[fmt::format("http{}-{}-responses", version + 1, kStatuses[i])] =
          counters.by_status[version][i].Get();
    }
  }
  return row;
}

json DohFrontendsJson(const Config& config) {
  json rows = json::array();
  for (const auto& frontend : config.frontends) {
    if (frontend->doh != nullptr) rows.push_back(DohFrontendJson(*frontend, rows.size()));
  }
  return rows;
}

json PoolStats(const Pool& pool) {
  const PacketCacheStats stats = pool.cache ? pool.cache->Stats() : PacketCacheStats{};
  return {{"name", pool.name},
          {"serversCount", pool.servers.size()},
          {"cacheSize", stats.max_entries},
          {"cacheEntries", stats.entries},
          {"cacheHits", stats.hits},
          {"cacheMisses", stats.misses},
          {"cacheDeferredInserts", stats.deferred_inserts},
          {"cacheDeferredLookups", stats.deferred_lookups},
          {"cacheLookupCollisions", stats.lookup_collisions},
          {"cacheInsertCollisions", stats.insert_collisions},
          {"cacheTTLTooShorts", stats.ttl_too_shorts},
          {"cacheCleanupCount", stats.cleanup_count}};
}

template <typename ChainT>
json ChainJson(const ChainT& chain) {
  json rules = json::array();
  for (size_t i = 0; i < chain.size(); ++i) {
    json rule = {{"id", i},
                 {"name", chain[i].name},
                 {"uuid", chain[i].uuid},
                 {"creationOrder", chain[i].creation_order},
                 {"matches", chain[i].state->matches.Get()},
                 {"rule", chain[i].selector->ToString()},
                 {"action", chain[i].action->ToString()}};
    if constexpr (requires { chain[i].action->Stats(); }) {
      rule["action-stats"] = chain[i].action->Stats();
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

void AddChains(json& page, const Chains& chains) {
  page["rules"] = ChainJson(chains.query);
  page["cache-miss-rules"] = ChainJson(chains.cache_miss);
  page["response-rules"] = ChainJson(chains.Of(ResponseChainKind::kResponse));
  page["cache-hit-response-rules"] = ChainJson(chains.Of(ResponseChainKind::kCacheHit));
  page["cache-inserted-response-rules"] = ChainJson(chains.Of(ResponseChainKind::kCacheInserted));
  page["self-answered-response-rules"] = ChainJson(chains.Of(ResponseChainKind::kSelfAnswered));
  page["xfr-response-rules"] = ChainJson(chains.Of(ResponseChainKind::kXfr));
  page["timeout-response-rules"] = ChainJson(chains.Of(ResponseChainKind::kTimeout));
}

// Each address once, though UDP and TCP are two frontends.
std::string LocalAddresses(const Config& config) {
  std::vector<std::string> addresses;
  for (const auto& frontend : config.frontends) {
    const std::string address = frontend->settings.address.ToStringWithPort();
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  std::string text;
  for (const std::string& address : addresses) text += (text.empty() ? "" : ", ") + address;
  return text;
}

json LastDrill(const ControlTarget& target) {
  const auto report = target.drills().Report();
  return report ? DrillReportJson(*report, target.clock().Now()) : json();
}

}  // namespace

std::string DumpJson(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string JsonStats(const ControlTarget& target) {
  json stats = StatsJson(target);
  const ConfigPtr config = target.CurrentConfig();
  stats["server-policy"] = config->policy ? config->policy->Name() : "";
  // Names that dnsdist keeps for old readers, always 0 there as well.
  for (const char* name :
       {"over-capacity-drops", "too-old-drops", "packetcache-hits", "packetcache-misses"}) {
    stats[name] = 0;
  }
  return DumpJson(stats);
}

std::string JsonDynBlocks(const ControlTarget& target) {
  const ConfigPtr config = target.CurrentConfig();
  json blocks = json::object();
  for (const DynBlockRow& row :
       ListDynBlocks(*config->dyn_blocks, config->settings.dyn_blocks, target.clock().Now())) {
    const DynBlockCause& cause = *row.block.cause;
    json& one = blocks[row.what];
    one = {{"reason", cause.reason},
           {"seconds", row.seconds},
           {"blocks", row.blocks},
           {"action", DynBlockActionText(row.action)},
           {"ebpf", row.block.in_kernel}};
    if (row.clients) one["warning"] = cause.warning;
  }
  return DumpJson(blocks);
}

std::string JsonKernelBlocks(const ControlTarget& target) {
  const ConfigPtr config = target.CurrentConfig();
  json blocks = json::object();
  for (const auto& filter : config->dyn_blocks->kernel().timed()) {
    for (const TimedKernelFilter::Row& row : filter->List(target.clock().Now())) {
      blocks[row.client.ToString()] = {{"seconds", row.seconds}, {"blocks", row.blocks}};
    }
  }
  return DumpJson(blocks);
}

std::string JsonServersPage(const ControlTarget& target, const ServerRates& rates) {
  const ConfigPtr config = target.CurrentConfig();
  json servers = json::array();
  for (size_t i = 0; i < config->backends.size(); ++i)
    servers.push_back(ServerJson(*config, rates, i));
  json frontends = json::array();
  for (size_t i = 0; i < config->frontends.size(); ++i) {
    frontends.push_back(FrontendJson(*config->frontends[i], i));
  }
  json pools = json::array();
  for (const auto& [name, pool] : config->pools) {
    pools.push_back(PoolStats(*pool));
    pools.back()["id"] = pools.size() - 1;
  }
  json page = {{"daemon_type", "dnsdist"},        {"version", target.Version()},
               {"acl", config->acl.ToString()},   {"local", LocalAddresses(*config)},
               {"servers", std::move(servers)},   {"frontends", std::move(frontends)},
               {"pools", std::move(pools)},       {"dohFrontends", DohFrontendsJson(*config)},
               {"statistics", StatsJson(target)}, {"drill", LastDrill(target)}};
  AddChains(page, config->chains);
  return DumpJson(page);
}

std::string JsonZones(const ControlTarget& target, ZoneHealth::Which which) {
  constexpr size_t kMostZones = 10'000;
  return DumpJson(ZonesJson(target, which, kMostZones));
}

std::string JsonStatistics(const ControlTarget& target) {
  json items = json::array();
  for (const MetricReading& reading : target.counters().Read(target.clock().Now())) {
    items.push_back(
        {{"name", reading.name}, {"type", "StatisticItem"}, {"value", ValueOf(reading.value)}});
  }
  return DumpJson(items);
}

std::string JsonPool(const Config& config, const Pool& pool, const ServerRates& rates) {
  json servers = json::array();
  for (size_t i = 0; i < config.backends.size(); ++i) {
    const auto& members = pool.servers;
    if (std::find(members.begin(), members.end(), config.backends[i]) != members.end()) {
      servers.push_back(ServerJson(config, rates, i));
    }
  }
  return DumpJson({{"stats", PoolStats(pool)}, {"servers", std::move(servers)}});
}

}  // namespace breakwater
