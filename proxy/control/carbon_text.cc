#include "proxy/control/carbon_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace breakwater {
namespace {

std::string WithoutDots(std::string text) {
  std::replace(text.begin(), text.end(), '.', '_');
  return text;
}

class Lines {
 public:
  Lines(const CarbonServerSettings& settings, int64_t seconds)
      : base_(fmt::format("{}.{}.{}.", settings.name_space, settings.host, settings.instance)),
        seconds_(seconds) {}
  // All names from now on begin with these words.
  void Under(std::string_view kind, const std::string& name) {
    group_ = fmt::format("{}.{}.", kind, WithoutDots(name));
  }
  void Add(std::string_view name, const MetricValue& value) {
    fmt::format_to(std::back_inserter(text_), "{}{}{} {} {}\r\n", base_, group_, name,
                   MetricText(value), seconds_);
  }
  void Add(std::string_view name, const SharedCounter& counter) { Add(name, counter.Get()); }
  void AddAverage(std::string_view name, const SharedCounter& sum, const SharedCounter& count) {
    const uint64_t n = count.Get();
    Add(name, n == 0 ? 0.0 : static_cast<double>(sum.Get()) / static_cast<double>(n));
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string base_, group_, text_;
  int64_t seconds_;
};

void AddBackend(Lines& lines, const Backend& backend) {
  const std::string name = backend.name();
  lines.Under("servers", name.empty() ? backend.AddressText() : name);
  const BackendCounters& c = backend.counters();
  const bool up = backend.IsUp();
  lines.Add("queries", c.queries);
  lines.Add("responses", c.responses);
  lines.Add("drops", c.timeouts);
  lines.Add("latency", up ? static_cast<double>(backend.udp_latency_us()) / 1000.0 : 0.0);
  lines.Add("latencytcp", up ? static_cast<double>(backend.tcp_latency_us()) / 1000.0 : 0.0);
  lines.Add("senderrors", c.send_errors);
  lines.Add("outstanding", uint64_t{backend.outstanding()});
  lines.Add("tcpdiedsendingquery", c.tcp_died_sending_query);
  lines.Add("tcpdiedreaddingresponse", c.tcp_died_reading_response);
  lines.Add("tcpgaveup", c.tcp_gave_up);
  lines.Add("tcpreadimeouts", c.tcp_read_timeouts);
  lines.Add("tcpwritetimeouts", c.tcp_write_timeouts);
  lines.Add("tcpconnecttimeouts", c.tcp_connect_timeouts);
  lines.Add("tcpcurrentconnections", c.tcp_current_connections);
  lines.Add("tcpmaxconcurrentconnections", c.tcp_max_concurrent_connections);
  lines.Add("tcptoomanyconcurrentconnections", c.tcp_too_many_connections);
  lines.Add("tcpnewconnections", c.tcp_new_connections);
  lines.Add("tcpreusedconnections", c.tcp_reused_connections);
  lines.Add("tlsresumptions", c.tls_resumptions);
  lines.AddAverage("tcpavgqueriesperconnection", c.tcp_connection_queries,
                   c.tcp_connections_closed);
  lines.AddAverage("tcpavgconnectionduration", c.tcp_connection_duration_ms,
                   c.tcp_connections_closed);
  const HealthCheckCounters& h = backend.health_counters();
  lines.Add("healthcheckfailures", h.failures);
  lines.Add("healthcheckfailuresparsing", h.parsing);
  lines.Add("healthcheckfailurestimeout", h.timeout);
  lines.Add("healthcheckfailuresnetwork", h.network);
  lines.Add("healthcheckfailuresmismatch", h.mismatch);
  lines.Add("healthcheckfailuresinvalid", h.invalid);
  lines.Add("healthchecklatency", static_cast<double>(h.latency_us.Get()) / 1000.0);
}

void AddFrontend(Lines& lines, const Frontend& frontend) {
  lines.Add("queries", frontend.queries);
  lines.Add("responses", frontend.responses);
  lines.Add("tcpdiedreadingquery", frontend.tcp_died_reading_query);
  lines.Add("tcpdiedsendingresponse", frontend.tcp_died_sending_response);
  lines.Add("tcpgaveup", frontend.tcp_gave_up);
  lines.Add("tcpclientimeouts", frontend.tcp_client_timeouts);
  lines.Add("tcpdownstreamtimeouts", frontend.tcp_downstream_timeouts);
  lines.Add("tcpcurrentconnections", frontend.tcp_current_connections);
  lines.Add("tcpmaxconcurrentconnections", frontend.tcp_max_concurrent_connections);
  lines.AddAverage("tcpavgqueriesperconnection", frontend.tcp_connection_queries,
                   frontend.tcp_connections);
  lines.AddAverage("tcpavgconnectionduration", frontend.tcp_connection_duration_ms,
                   frontend.tcp_connections);
  lines.AddAverage("tcpavgreadios", frontend.tcp_read_ios, frontend.tcp_connections);
}

// Repeated lines of one address are told apart by a number behind the name, as in dnsdist.
void AddFrontends(Lines& lines, const Config& config) {
  std::map<std::string, size_t> repeated;
  for (const auto& frontend : config.frontends) {
    const std::string name = frontend->settings.address.ToStringWithPort() +
                             (IsDatagram(frontend->settings.protocol) ? "_udp" : "_tcp");
    const size_t before = repeated[name]++;
    lines.Under("frontends", before == 0 ? name : fmt::format("{}_{}", name, before));
    AddFrontend(lines, *frontend);
  }
}

void AddPool(Lines& lines, const Pool& pool) {
  lines.Under("pools", pool.name.empty() ? "_default_" : pool.name);
  const auto up = std::count_if(pool.servers.begin(), pool.servers.end(),
                                [](const auto& server) { return server->IsUp(); });
  lines.Add("servers", uint64_t{pool.servers.size()});
  lines.Add("servers-up", static_cast<uint64_t>(up));
  if (pool.cache == nullptr) return;
  const PacketCacheStats cache = pool.cache->Stats();
  lines.Add("cache-size", cache.max_entries);
  lines.Add("cache-entries", cache.entries);
  lines.Add("cache-hits", cache.hits);
  lines.Add("cache-misses", cache.misses);
  lines.Add("cache-deferred-inserts", cache.deferred_inserts);
  lines.Add("cache-deferred-lookups", cache.deferred_lookups);
  lines.Add("cache-lookup-collisions", cache.lookup_collisions);
  lines.Add("cache-insert-collisions", cache.insert_collisions);
  lines.Add("cache-ttl-too-shorts", cache.ttl_too_shorts);
  lines.Add("cache-cleanup-count", cache.cleanup_count);
}

}  // namespace

std::string CarbonText(const ControlTarget& target, const CarbonServerSettings& settings,
                       int64_t seconds) {
  Lines lines(settings, seconds);
  for (const MetricReading& reading : target.counters().Read(target.clock().Now())) {
    lines.Add(reading.name, reading.value);
  }
  const ConfigPtr config = target.CurrentConfig();
  for (const BackendPtr& backend : config->backends) AddBackend(lines, *backend);
  AddFrontends(lines, *config);
  for (const auto& [name, pool] : config->pools) AddPool(lines, *pool);
  return lines.Take();
}

}  // namespace breakwater
