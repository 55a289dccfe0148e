// newServer and the Server class.
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>

#include "lua/backend_tls.h"
#include "lua/bindings.h"
#include "lua/health_function.h"
#include "lua/object_args.h"
#include "lua/warn_unless_strict.h"
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

// An address that cannot be read is told in `wrong`.
TextResult<BackendSettings> ReadServer(Options& options, std::string* wrong) {
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

TextResult<std::shared_ptr<Backend>> Register(Call& call, BackendSettings settings) {
  TlsClientPtr tls;
  if (!call.runtime().options().client) {
    auto made = MakeBackendTls(settings);
    if (!made) return Fail(std::move(made.error()));
    tls = std::move(*made);
  }
  auto backend = std::make_shared<Backend>(std::move(settings), std::move(tls));
  call.builder().AddBackendAndPools(backend);
  return backend;
}

// newServer("192.0.2.1", qps) or newServer{address=...}; nil for an address or a weight that cannot
// be.
TextResult<std::shared_ptr<Backend>> NewServer(Call& call,
                                               const std::variant<std::string, Options>& what,
                                               std::optional<uint32_t> qps) {
  BackendSettings settings;
  std::string wrong;
  if (const auto* text = std::get_if<std::string>(&what)) {
    if (const auto address = Address::Parse(*text, 53)) {
      settings.address = *address;
    } else {
      wrong = address.error();
    }
    settings.qps_limit = qps.value_or(0);
  } else {
    Options options = std::get<Options>(what);
    auto read = ReadServer(options, &wrong);
    if (!read) return Fail(std::move(read.error()));
    settings = std::move(*read);
  }
  if (!wrong.empty()) {
    auto told = WarnUnlessStrict(call, wrong + ": the server was not added");
    if (!told) return Fail(std::move(told.error()));
    return std::shared_ptr<Backend>();
  }
  if (settings.tls && !settings.tls->subject_address.empty() &&
      !Address::Parse(settings.tls->subject_address, 0)) {
    call.Warn(fmt::format("subjectAddr '{}' is no address: the server was not added",
                          settings.tls->subject_address));
    return std::shared_ptr<Backend>();
  }
  if (settings.weight < 1) {
    call.Warn("weight must be at least 1: the server was not added");
    return std::shared_ptr<Backend>();
  }
  return Register(call, std::move(settings));
}

using ServerKey = std::variant<std::shared_ptr<Backend>, size_t, std::string>;

std::shared_ptr<Backend> FindServer(Call& call, const ServerKey& key) {
  const auto& backends = call.builder().config().backends;
  if (const auto* server = std::get_if<std::shared_ptr<Backend>>(&key)) return *server;
  if (const auto* index = std::get_if<size_t>(&key)) {
    return *index < backends.size() ? backends[*index] : nullptr;
  }
  const std::string& id = std::get<std::string>(key);
  const auto found = std::find_if(backends.begin(), backends.end(),
                                  [&](const BackendPtr& server) { return server->id() == id; });
  return found == backends.end() ? nullptr : *found;
}

std::shared_ptr<Backend> GetServer(Call& call, const ServerKey& key) {
  auto server = FindServer(call, key);
  if (!server) call.Print("no server of that number or id\n");
  return server;
}

size_t CountTlsSessions(Call& call) {
  size_t sum = 0;
  for (const BackendPtr& server : call.builder().config().backends) {
    if (server->tls() != nullptr) sum += server->tls()->sessions();
  }
  return sum;
}

std::vector<BackendPtr> GetServers(Call& call) {
  return call.builder().config().backends;
}

TextResult<void> RemoveServer(Call& call, const ServerKey& key) {
  const auto server = FindServer(call, key);
  if (!server || !call.builder().RemoveBackend(server)) {
    return Fail(std::string("no server of that number or id"));
  }
  return {};
}

// --- methods

void AddPool(Call& call, const std::shared_ptr<Backend>& server, const std::string& pool) {
  call.builder().AddBackendToPool(server, pool);
}
void RemovePool(Call& call, const std::shared_ptr<Backend>& server, const std::string& pool) {
  call.builder().RemoveBackendFromPool(server, pool);
}
double GetLatency(const Backend& server) {
  return server.udp_latency_us();
}
std::string GetName(const Backend& server) {
  const std::string name = server.name();
  return name.empty() ? server.AddressText() : name;
}
std::string GetNameWithAddress(const Backend& server) {
  return server.NameWithAddress();
}
std::string GetId(const Backend& server) {
  return server.id();
}
uint64_t GetDrops(const Backend& server) {
  return server.counters().timeouts.Get();
}
uint64_t GetQueries(const Backend& server) {
  return server.counters().queries.Get();
}
uint64_t GetOutstanding(const Backend& server) {
  return server.outstanding();
}
std::string GetCheckMode(const Backend& server) {
  return server.health().lazy() ? "lazy" : "active";
}
bool IsUp(const Backend& server) {
  return server.IsUp();
}
void SetUp(Backend& server) {
  server.health().ForceUp();
}
void SetDown(Backend& server) {
  server.health().ForceDown();
}
void SetAuto(Backend& server, std::optional<bool> status) {
  server.health().SetAuto(status);
}
void SetActiveAuto(Backend& server, std::optional<bool> status) {
  server.health().SetActiveAuto(status);
}
void SetLazyAuto(Backend& server, std::optional<bool> status) {
  server.health().SetLazyAuto(status);
}
void SetQps(Backend& server, uint32_t limit) {
  server.set_qps_limit(limit);
}

TextResult<void> SetCheckParams(Backend& server, Options options) {
  uint32_t timeout_ms = 0, interval_s = 0, failures = 0, rise = 0;
  options.Read("checkTimeout", &timeout_ms);
  options.Read("checkInterval", &interval_s);
  options.Read("maxCheckFailures", &failures);
  options.Read("rise", &rise);
  if (auto good = options.Finish(); !good) return good;
  server.health().SetParams(timeout_ms, interval_s, failures, rise);
  return {};
}

void SetValidator(Backend& server, const LuaFunction& validator) {
  server.set_health_validator(MakeResponseValidator(validator));
}

void SetName(Backend& server, const std::string& name) {
  server.set_name(name);
}
// Forced states stay forced.
void SetStatus(Backend& server, bool up) {
  if (!server.health().forced()) {
    server.health().SetAuto(up);
  } else if (up) {
    server.health().ForceUp();
  } else {
    server.health().ForceDown();
  }
}
int GetTier(const Backend& server) {
  return server.settings().tier;
}
int GetOrder(const Backend& server) {
  return server.order();
}
int GetWeight(const Backend& server) {
  return server.weight();
}
TextResult<void> SetOrder(Call& call, Backend& server, int order) {
  if (call.runtime().place() == Place::kPacket) {
    return Fail(std::string("cannot be set while a packet is handled"));
  }
  server.set_order(order);
  call.builder().SortPools();
  return {};
}
TextResult<void> SetWeight(Backend& server, int weight) {
  if (weight < 1) return Fail(std::string("must be at least 1"));
  server.set_weight(weight);
  return {};
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kMethods[] = {
    {"addPool", Bind<&AddPool>, "Server:addPool(pool)", "Puts it into a pool."},
    {"getDrops", Bind<&GetDrops>, "Server:getDrops() -> int", "Queries it did not answer in time.",
     kAny},
    {"getHealthCheckMode", Bind<&GetCheckMode>, "Server:getHealthCheckMode() -> str",
     "active or lazy.", kAny},
    {"getID", Bind<&GetId>, "Server:getID() -> string", "Its UUID.", kAny},
    {"getLatency", Bind<&GetLatency>, "Server:getLatency() -> double",
     "Smoothed, in microseconds, over UDP.", kAny},
    {"getName", Bind<&GetName>, "Server:getName() -> string", "Its name, or its address.", kAny},
    {"getNameWithAddr", Bind<&GetNameWithAddress>, "Server:getNameWithAddr() -> string",
     "Its name and address.", kAny},
    {"getOutstanding", Bind<&GetOutstanding>, "Server:getOutstanding() -> int",
     "Queries in flight to it.", kAny},
    {"getQueries", Bind<&GetQueries>, "Server:getQueries() -> int", "Queries sent to it.", kAny},
    {"isUp", Bind<&IsUp>, "Server:isUp() -> bool", "Whether it is used.", kAny},
    {"rmPool", Bind<&RemovePool>, "Server:rmPool(pool)", "Takes it out of a pool."},
    {"setActiveAuto", Bind<&SetActiveAuto>, "Server:setActiveAuto([status])",
     "Lets regular health checks decide.", kAny},
    {"setAuto", Bind<&SetAuto>, "Server:setAuto([status])", "Lets health checks decide.", kAny},
    {"setDown", Bind<&SetDown>, "Server:setDown()", "Takes it out of use whatever checks say.",
     kAny},
    {"setHealthCheckParams", Bind<&SetCheckParams>,
     "Server:setHealthCheckParams([parameter_table])", "Changes how it is checked.", kAny},
    {"setHealthCheckResponseValidator", Bind<&SetValidator>,
     "Server:setHealthCheckResponseValidator(validator)",
     "Lets function(dr) judge the answers to its health checks."},
    {"setLazyAuto", Bind<&SetLazyAuto>, "Server:setLazyAuto([status])",
     "Lets answers to queries decide, and checks after failures.", kAny},
    {"setQPS", Bind<&SetQps>, "Server:setQPS(limit)", "Limits its queries a second; 0: no limit.",
     kAny},
    {"setUp", Bind<&SetUp>, "Server:setUp()", "Keeps it in use whatever checks say.", kAny},
};

constexpr AttributeRow kAttributes[] = {
    {"name", Bind<&GetName>, Bind<&SetName>, "Its name, or its address."},
    {"order", Bind<&GetOrder>, Bind<&SetOrder>, "Lower ones are used first by some policies."},
    {"tier", Bind<&GetTier>, nullptr, "A standby is asked where no lower tier has an answer."},
    {"upStatus", Bind<&IsUp>, Bind<&SetStatus>, "Whether it is used."},
    {"weight", Bind<&GetWeight>, Bind<&SetWeight>, "Its share of the queries under some policies."},
};

const ClassRow kClass = {
    "Server",
    kMethods,
    kAttributes,
    [](const void* object) { return GetName(*static_cast<const Backend*>(object)); },
    [](const void* a, const void* b) { return a == b; },
    nullptr,
    nullptr,
    "A nameserver that queries are sent to."};

constexpr FunctionRow kFunctions[] = {
    {"getOutgoingTLSSessionCacheSize", Bind<&CountTlsSessions>,
     "getOutgoingTLSSessionCacheSize() -> int",
     "TLS sessions with servers that may be come back to."},
    {"getServer", Bind<&GetServer>, "getServer(index | uuid) -> Server",
     "A server by number or UUID, or nil."},
    {"getServers", Bind<&GetServers>, "getServers() -> [Server]", "All servers."},
    {"newServer", Bind<&NewServer>, "newServer(address [, qps] | options) -> Server",
     "Adds a server. One with tier=2 is a standby: it is asked where none of a lower tier has an "
     "answer. What it says gets TTLs of lastGood's ttl at most (30 seconds without)."},
    {"rmServer", Bind<&RemoveServer>, "rmServer(index | uuid | server)", "Removes a server."},
};

}  // namespace

const ClassRow& ServerClass() {
  return kClass;
}
FunctionPage BackendFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
