// newServer's options for UDP and TCP, as read from the configuration. Times carry their unit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/dns/name.h"
#include "proxy/dns/types.h"
#include "proxy/net/tls_settings.h"

namespace breakwater {

enum class HealthCheckMode : uint8_t { kActive, kLazy, kUp, kDown };
enum class LazyFailureMode : uint8_t { kTimeoutOrServFail, kTimeoutOnly };

struct HealthCheckQuestion {
  dns::Name name;
  dns::Type type;
  dns::Class cls;
  uint16_t flags = 0;  // of the header about to be sent; a checkFunction may change it
};

struct HealthCheckSettings {
  HealthCheckMode mode = HealthCheckMode::kActive;
  std::string name = "a.root-servers.net.";
  dns::Type type = dns::Type::kA;
  dns::Class cls = dns::Class::kIn;
  bool set_cd = false;
  bool must_resolve = false;
  bool over_tcp = false;
  uint32_t timeout_ms = 1000;
  uint32_t interval_s = 1;
  uint32_t max_failures = 1;
  uint32_t rise = 1;
  uint32_t lazy_failed_interval_s = 30;
  uint32_t lazy_min_samples = 1;
  uint32_t lazy_sample_size = 100;
  uint32_t lazy_threshold_percent = 20;
  LazyFailureMode lazy_mode = LazyFailureMode::kTimeoutOrServFail;
  bool lazy_exponential_back_off = false;
  uint32_t lazy_max_back_off_s = 3600;
  // Lua's checkFunction: changes the question about to be asked. Called on the script thread;
  // nothing when unset.
  std::function<void(HealthCheckQuestion&)> check_function;
};

// Lua's setHealthCheckResponseValidator: judges a reply that passed every other check. Called on
// the script thread.
enum class HealthJudgement : uint8_t { kGood, kRefused, kFailed };
using HealthValidator = std::function<HealthJudgement(std::span<const uint8_t> reply)>;

// newServer's autoUpgrade: looks whether the server announces an encrypted transport (RFC 9462).
struct DiscoverySettings {
  TlsClientSettings tls;  // of the upgraded one; whom its certificate must be for is found out
  uint32_t interval_s = 3600;
  bool keep = false;       // the server stays beside the upgraded one
  std::string pool;        // of the upgraded one; empty: the server's own
  uint16_t doh_key = 7;    // of the SVCB parameter with the path
  bool lazy_auto = false;  // how one is checked whose server was forced up and is kept
};

struct BackendSettings {
  Address address;
  std::string name;
  std::string id;                  // UUID text; made when empty
  std::vector<std::string> pools;  // empty: the default pool
  int order = 1;
  uint8_t tier = 1;  // a standby is asked where no lower tier has an answer
  int weight = 1;
  uint32_t qps_limit = 0;  // 0: no limit
  size_t sockets = 1;
  Address source;                // unset: any
  std::string source_interface;  // "address@interface" or an interface alone
  uint32_t retries = 5;          // over TCP
  uint32_t udp_timeout_ms = 0;   // 0: setUDPTimeout
  uint32_t tcp_connect_timeout_ms = 5000;
  uint32_t tcp_send_timeout_ms = 30000;
  uint32_t tcp_recv_timeout_ms = 30000;
  bool tcp_fast_open = false;
  bool ip_bind_addr_no_port = true;
  bool tcp_only = false;
  bool use_client_subnet = false;
  bool disable_zero_scope = false;
  bool reconnect_on_up = false;
  uint32_t max_in_flight = 0;  // pipelined queries on one connection; 0: one at a time
  uint32_t max_concurrent_tcp_connections = 0;
  uint8_t dscp = 0;
  std::optional<TlsClientSettings> tls;  // DNS over TLS, or with a path over HTTPS
  std::string doh_path;                  // empty: DNS over TLS
  bool add_x_forwarded_headers = false;
  bool use_proxy_protocol = false;
  bool proxy_advertise_tls = false;  // a TLV says that the client came over TLS
  HealthCheckSettings health;
  std::optional<DiscoverySettings> discovery;  // autoUpgrade
};

}  // namespace breakwater
