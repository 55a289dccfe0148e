// newServer and the Server class.
#include <fmt/format.h>

#include <algorithm>

#include "lua/backend_tls.h"
#include "lua/bindings.h"
#include "lua/health_function.h"
#include "lua/object_args.h"
#include "lua/server_options.h"
#include "lua/warn_unless_strict.h"

namespace breakwater::lua {
namespace {

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
    auto read = ReadServerOptions(options, &wrong);
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
