// A nameserver behind the proxy: its settings, its health and its counters. Shared by all
// workers, the control thread and Lua; made when the configuration names it, kept alive by
// whoever still has a query in flight to it. Settings that the console may change at run time
// (order, weight, name, qps) are atomics or guarded; the rest never changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "proxy/backend/backend_settings.h"
#include "proxy/backend/hash_points.h"
#include "proxy/backend/health_state.h"
#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/base/token_bucket.h"
#include "proxy/net/tls_client.h"

namespace breakwater {

class ZoneStore;  // proxy/zone/zone_store.h
using BackendNumber = uint32_t;

struct BackendCounters {
  SharedCounter queries, responses, send_errors, timeouts, retries, noncompliant_responses;
  SharedCounter tcp_died_sending_query, tcp_died_reading_response, tcp_gave_up;
  SharedCounter tcp_connect_timeouts, tcp_read_timeouts, tcp_write_timeouts;
  SharedCounter tcp_current_connections, tcp_max_concurrent_connections;
  SharedCounter tcp_too_many_connections, tcp_new_connections, tcp_reused_connections;
  SharedCounter tcp_connections_closed, tcp_connection_queries, tcp_connection_duration_ms;
  SharedCounter tls_resumptions;
};

// How long valid health checks took: a counter for each bound and one for what took longer.
struct HealthLatencies {
  static constexpr std::array<uint32_t, 5> kBounds_ms = {1, 10, 50, 100, 1000};
  std::array<SharedCounter, kBounds_ms.size() + 1> counts;
  SharedCounter sum_ms;  // of whole milliseconds
  void Add(uint64_t us);
};

// Of its health checks. Failures are counted once in `failures`, and in one of the others where
// the reason is known.
struct HealthCheckCounters {
  SharedCounter failures, parsing, timeout, network, mismatch, invalid;
  SharedCounter latency_us;  // of the last valid check
  HealthLatencies latencies;
};

class Backend {
 public:
  // Draws an id where none is set. `tls` where the settings want it, `zones` where the server is
  // no nameserver but a directory of zone files.
  explicit Backend(BackendSettings settings, TlsClientPtr tls = nullptr,
                   std::shared_ptr<ZoneStore> zones = nullptr);

  const BackendSettings& settings() const { return settings_; }
  const Address& address() const { return settings_.address; }
  const std::string& id() const { return settings_.id; }
  // From 1 on, of this process; never used again.
  BackendNumber number() const { return number_; }
  std::string name() const { return name_.Copy(); }
  void set_name(std::string name);
  // "192.0.2.1:53", or "zones:/path" for a directory of zone files.
  std::string AddressText() const;
  // "name (192.0.2.1:53)", or the address alone where there is no name.
  std::string NameWithAddress() const;

  const std::shared_ptr<ZoneStore>& zones() const { return zones_; }  // null: a nameserver
  const TlsClientPtr& tls() const { return tls_; }                    // null: in the clear
  // Why TLS failed last; empty: it did not. Setting it says whether that is news.
  std::string tls_failure() const { return tls_failure_.Copy(); }
  bool SetTlsFailure(std::string reason);

  HealthState& health() { return health_; }
  const HealthState& health() const { return health_; }
  bool IsUp() const { return health_.IsUp(); }
  // The operator's setDown: as HealthState's, and the latencies begin anew.
  void ForceDown();

  int order() const { return order_.load(std::memory_order_relaxed); }
  void set_order(int order) { order_.store(order, std::memory_order_relaxed); }
  int weight() const { return weight_.load(std::memory_order_relaxed); }
  void set_weight(int weight) { weight_.store(weight, std::memory_order_relaxed); }
  TokenBucket& qps() { return qps_; }
  // 0: no limit.
  uint32_t qps_limit() const { return qps_limit_.load(std::memory_order_relaxed); }
  void set_qps_limit(uint32_t qps);

  HealthCheckCounters& health_counters() { return health_counters_; }
  const HealthCheckCounters& health_counters() const { return health_counters_; }
  // Empty: none.
  HealthValidator health_validator() const { return health_validator_.Copy(); }
  void set_health_validator(HealthValidator validator);
  // Where the server's points lie on the ring of `chashed`.
  HashPoints& hash_points() { return hash_points_; }

  BackendCounters& counters() { return counters_; }
  const BackendCounters& counters() const { return counters_; }
  uint64_t outstanding() const { return outstanding_.value.load(std::memory_order_relaxed); }
  void AddOutstanding() { outstanding_.value.fetch_add(1, std::memory_order_relaxed); }
  void SubOutstanding() { outstanding_.value.fetch_sub(1, std::memory_order_relaxed); }

  // A drill found that its answers differ from the first tier's (drills.h). It is used all the same
  // where nothing else answers.
  bool suspect() const { return suspect_.load(std::memory_order_relaxed); }
  void set_suspect(bool suspect) { suspect_.store(suspect, std::memory_order_relaxed); }

  // Smoothed (1/128), microseconds; 0 after going down.
  double udp_latency_us() const { return udp_latency_us_.load(std::memory_order_relaxed); }
  double tcp_latency_us() const { return tcp_latency_us_.load(std::memory_order_relaxed); }
  void AddUdpLatency(double us);
  void AddTcpLatency(double us);
  void ResetLatency();
  // The one that policies compare: TCP's for tcpOnly backends.
  double PolicyLatency() const;

 private:
  static BackendNumber NextNumber();

  struct alignas(64) Outstanding {
    std::atomic<uint64_t> value{0};
  };
  const BackendNumber number_ = NextNumber();
  BackendSettings settings_;
  TlsClientPtr tls_;
  std::shared_ptr<ZoneStore> zones_;
  Guarded<std::string> tls_failure_;
  Guarded<std::string> name_;
  HealthState health_;
  std::atomic<int> order_;
  std::atomic<int> weight_;
  std::atomic<bool> suspect_{false};
  std::atomic<uint32_t> qps_limit_;
  TokenBucket qps_;
  BackendCounters counters_;
  HealthCheckCounters health_counters_;
  Guarded<HealthValidator> health_validator_;
  HashPoints hash_points_;
  Outstanding outstanding_;
  std::atomic<double> udp_latency_us_{0};
  std::atomic<double> tcp_latency_us_{0};
};

using BackendPtr = std::shared_ptr<Backend>;

}  // namespace breakwater
