#include "lua/server_options.h"

#include <fmt/format.h>
#include <net/if.h>

#include "lua/backend_tls.h"
#include "lua/health_function.h"
#include "proxy/base/text.h"
#include "proxy/base/uuid.h"

namespace breakwater::lua {
namespace {

// An address, an interface, or "address@interface"; what is none of them is left out whole.
void ReadSource(Options& options, BackendSettings* settings) {
  std::string source;
  if (!options.Read("source", &source)) return;
  const size_t at = source.find('@');
  const auto address = Address::Parse(std::string_view(source).substr(0, at));
  if (at == std::string::npos && address) {
    settings->source = *address;
    return;
  }
  const std::string interface = at == std::string::npos ? source : source.substr(at + 1);
  if (if_nametoindex(interface.c_str()) == 0) {
    return options.Problem(fmt::format("option 'source': there is no interface '{}'", interface));
  }
  if (at != std::string::npos && at > 0 && !address) {
    return options.Problem("option 'source': " + address.error());
  }
  if (address) settings->source = *address;
  settings->source_interface = interface;
}

void ReadId(Options& options, BackendSettings* settings) {
  std::string id;
  if (!options.Read("id", &id)) return;
  if (const auto uuid = Uuid::Parse(id)) {
    settings->id = uuid->ToString();
  } else {
    options.Reject(fmt::format("option 'id': '{}' is no UUID", id));
  }
}

// Seconds there, milliseconds here.
void ReadSeconds(Options& options, const char* name, uint32_t* value_ms) {
  double seconds = 0;
  if (!options.Read(name, &seconds)) return;
  if (seconds < 0 || seconds > 4'000'000) {
    options.Problem(fmt::format("option '{}': {} is out of range", name, seconds));
  } else {
    *value_ms = static_cast<uint32_t>(seconds * 1000);
  }
}

void ReadCheckMode(Options& options, HealthCheckSettings* health) {
  std::string mode;
  if (!options.Read("healthCheckMode", &mode)) return;
  const std::string lower = ToLowerAscii(mode);
  if (lower == "auto") {
    health->mode = HealthCheckMode::kActive;
  } else if (lower == "lazy") {
    health->mode = HealthCheckMode::kLazy;
  } else if (lower == "up") {
    health->mode = HealthCheckMode::kUp;
  } else if (lower == "down") {
    health->mode = HealthCheckMode::kDown;
  } else {
    options.Problem(
        fmt::format("option 'healthCheckMode': '{}' is none of auto, lazy, up, down", mode));
  }
}

void ReadLazy(Options& options, HealthCheckSettings* health) {
  options.Read("lazyHealthCheckFailedInterval", &health->lazy_failed_interval_s);
  options.Read("lazyHealthCheckMinSampleCount", &health->lazy_min_samples);
  options.Read("lazyHealthCheckSampleSize", &health->lazy_sample_size);
  options.Read("lazyHealthCheckThreshold", &health->lazy_threshold_percent);
  options.Read("lazyHealthCheckUseExponentialBackOff", &health->lazy_exponential_back_off);
  options.Read("lazyHealthCheckMaxBackOff", &health->lazy_max_back_off_s);
  std::string mode;
  if (!options.Read("lazyHealthCheckMode", &mode)) return;
  if (mode == "TimeoutOrServFail") {
    health->lazy_mode = LazyFailureMode::kTimeoutOrServFail;
  } else if (mode == "TimeoutOnly") {
    health->lazy_mode = LazyFailureMode::kTimeoutOnly;
  } else {
    options.Problem(fmt::format("option 'lazyHealthCheckMode': unknown mode '{}'", mode));
  }
}

void ReadHealth(Options& options, HealthCheckSettings* health) {
  std::string type;
  uint16_t cls = static_cast<uint16_t>(health->cls);
  LuaFunction function;
  options.Read("checkName", &health->name);
  if (options.Read("checkType", &type)) {
    if (const auto parsed = dns::ParseType(type)) {
      health->type = *parsed;
    } else {
      options.Problem(fmt::format("option 'checkType': unknown type '{}'", type));
    }
  }
  if (options.Read("checkClass", &cls)) health->cls = static_cast<dns::Class>(cls);
  if (!dns::Name::Parse(health->name)) {
    options.Reject(fmt::format("option 'checkName': '{}' is not a name", health->name));
  }
  if (options.Read("checkFunction", &function))
    health->check_function = MakeCheckFunction(function);
  options.Read("checkTimeout", &health->timeout_ms);
  options.Read("checkInterval", &health->interval_s);
  options.Read("maxCheckFailures", &health->max_failures);
  options.Read("rise", &health->rise);
  options.Read("setCD", &health->set_cd);
  options.Read("mustResolve", &health->must_resolve);
  options.Read("checkTCP", &health->over_tcp);
  ReadCheckMode(options, health);
  ReadLazy(options, health);
}

void ReadTransport(Options& options, BackendSettings* settings) {
  ReadSeconds(options, "udpTimeout", &settings->udp_timeout_ms);
  ReadSeconds(options, "tcpConnectTimeout", &settings->tcp_connect_timeout_ms);
  ReadSeconds(options, "tcpSendTimeout", &settings->tcp_send_timeout_ms);
  ReadSeconds(options, "tcpRecvTimeout", &settings->tcp_recv_timeout_ms);
  options.Read("retries", &settings->retries);
  size_t sockets = 0;
  if (options.Read("sockets", &sockets) && sockets == 0) {
    options.Problem("option 'sockets': there must be 1 at least");
  } else if (sockets > 0) {
    settings->sockets = sockets;
  }
  options.Read("tcpFastOpen", &settings->tcp_fast_open);
  options.Read("ipBindAddrNoPort", &settings->ip_bind_addr_no_port);
  options.Read("tcpOnly", &settings->tcp_only);
  options.Read("reconnectOnUp", &settings->reconnect_on_up);
  options.Read("useProxyProtocol", &settings->use_proxy_protocol);
  options.Read("proxyProtocolAdvertiseTLS", &settings->proxy_advertise_tls);
  options.Read("maxInFlight", &settings->max_in_flight);
  options.Read("maxConcurrentTCPConnections", &settings->max_concurrent_tcp_connections);
  uint32_t dscp = 0;
  if (options.Read("dscp", &dscp)) settings->dscp = static_cast<uint8_t>(dscp > 63 ? 0 : dscp);
  ReadSource(options, settings);
  ReadBackendTls(options, settings);
  options.Unavailable({"xskSockets", "MACAddr"});
}

}  // namespace

TextResult<BackendSettings> ReadServerOptions(Options& options, std::string* wrong) {
  BackendSettings settings;
  std::string address;
  StringOrList pools;
  if (options.Read("address", &address)) {
    if (const auto parsed = Address::Parse(address, DefaultPort(options))) {
      settings.address = *parsed;
    } else {
      *wrong = parsed.error();
    }
  } else {
    options.Reject("option 'address' is missing");
  }
  options.Read("name", &settings.name);
  ReadId(options, &settings);
  if (options.Read("pool", &pools)) settings.pools = pools.items;
  options.Read("order", &settings.order);
  if (options.Read("tier", &settings.tier) && settings.tier == 0) {
    options.Reject("option 'tier': must be 1 to 255");
  }
  options.Read("weight", &settings.weight);
  options.Read("qps", &settings.qps_limit);
  options.Read("useClientSubnet", &settings.use_client_subnet);
  options.Read("disableZeroScope", &settings.disable_zero_scope);
  ReadTransport(options, &settings);
  ReadHealth(options, &settings.health);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return settings;
}

}  // namespace breakwater::lua
