// Setters of single values, and what is accepted because it is how things work anyway.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "lua/ffi_call.h"
#include "lua/script_bindings.h"
#include "proxy/base/journal.h"
#include "proxy/base/log.h"
#include "proxy/base/log_stamp.h"
#include "proxy/net/proxy_protocol.h"

namespace breakwater::lua {
namespace {

template <auto Member>
using ValueOf = std::remove_reference_t<decltype(std::declval<Settings>().*Member)>;

template <auto Member>
void Set(Call& call, ValueOf<Member> value) {
  call.builder().Edit().settings.*Member = std::move(value);
}

template <auto Member>
ValueOf<Member> Get(Call& call) {
  return call.builder().config().settings.*Member;
}

// Given in seconds, kept in milliseconds.
template <auto Member>
TextResult<void> SetSeconds(Call& call, uint32_t seconds) {
  if (seconds > UINT32_MAX / 1000) return Fail(std::string("too many seconds"));
  call.builder().Edit().settings.*Member = seconds * 1000;
  return {};
}

template <auto Member>
void SetLimit(
    Call& call,
    std::remove_reference_t<decltype(std::declval<ClientLimitSettings>().*Member)> value) {
  call.builder().Edit().settings.client_limits.*Member = value;
}

template <auto Member>
void SetPolicyValue(
    Call& call, std::remove_reference_t<decltype(std::declval<PolicySettings>().*Member)> value) {
  call.builder().Edit().settings.policies.*Member = value;
  call.builder().RemakePolicies();
  RenewPolicyGlobals(call.state());
}

// For the sake of existing files; the help says why there is nothing to set.
template <typename Value>
void Accepted(Call& call, const Value&) {
  if (call.runtime().options().client) return;
  LogInfo("config", "{}{} has no effect. {}", call.Where(), call.row().name, call.row().help);
}

TextResult<void> SetBalancing(Call& call, double factor, double PolicySettings::*member) {
  if (factor < 1 && factor != 0) return Fail(std::string("must be at least 1, or 0 for none"));
  call.builder().Edit().settings.policies.*member = factor;
  call.builder().RemakePolicies();
  RenewPolicyGlobals(call.state());
  return {};
}
TextResult<void> SetWeightedBalancing(Call& call, double factor) {
  return SetBalancing(call, factor, &PolicySettings::weighted_balancing_factor);
}
TextResult<void> SetHashingBalancing(Call& call, double factor) {
  return SetBalancing(call, factor, &PolicySettings::consistent_hashing_balancing_factor);
}

template <auto Member, unsigned Most>
TextResult<void> SetPrefix(Call& call, uint8_t bits) {
  if (bits > Most) return Fail(fmt::format("a prefix has at most {} bits", Most));
  call.builder().Edit().settings.*Member = bits;
  return {};
}

TextResult<void> SetCleaningPercentage(Call& call, uint32_t percent) {
  if (percent > 100) return Fail(std::string("more than 100 percent"));
  call.builder().Edit().settings.cache_cleaning_percentage = percent;
  return {};
}

TextResult<void> SetOverloadThreshold(Call& call, uint8_t percent) {
  if (percent > 100) return Fail(std::string("more than 100 percent"));
  call.builder().Edit().settings.client_limits.overload_threshold_percent = percent;
  return {};
}

template <auto Member, unsigned Most>
TextResult<void> SetMask(Call& call, uint8_t bits) {
  if (bits > Most) return Fail(fmt::format("there are {} bits at most", Most));
  SetLimit<Member>(call, bits);
  return {};
}

// Fewer than the fixed part would let none in.
void SetProxyMaximum(Call& call, uint32_t size) {
  call.builder().Edit().settings.proxy_max_payload = std::max<uint32_t>(size, kProxyHeaderStart);
}

void AllowEmptyResponse(Call& call) {
  call.builder().Edit().settings.allow_empty_response = true;
}

void SetBuffers(Call& call, uint32_t receive, uint32_t send) {
  Settings& settings = call.builder().Edit().settings;
  settings.udp_receive_buffer = receive;
  settings.udp_send_buffer = send;
}

// Four groups of eight hexadecimal digits.
TextResult<void> SetFastOpenKey(Call& call, const std::string& text) {
  bool good = text.size() == 35;
  for (size_t i = 0; good && i < text.size(); ++i) {
    good = i % 9 == 8 ? text[i] == '-' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  }
  if (!good) {
    return Fail(std::string("the key must be of the form 00000000-00000000-00000000-00000000"));
  }
  std::array<uint32_t, 4> key{};
  for (size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<uint32_t>(std::stoul(text.substr(9 * i, 8), nullptr, 16));
  }
  call.builder().Edit().settings.tcp_fast_open_key = key;
  return {};
}

TextResult<void> SetRingSize(Call& call, uint32_t entries, std::optional<uint32_t> shards) {
  if (entries == 0 || shards.value_or(1) == 0) return Fail(std::string("must not be 0"));
  // All of it is taken when the server starts, and that must not fail.
  constexpr uint64_t kEntryBytes = sizeof(RingQuery) + sizeof(RingResponse);
  constexpr uint32_t kMostShards = 65'536;
  const auto most = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                    static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / kEntryBytes;
  if (entries > most) {
    return Fail(
        fmt::format("{} entries of {} bytes are more than this machine's memory, which is "
                    "enough for {}",
                    entries, kEntryBytes, most));
  }
  if (shards.value_or(1) > kMostShards) {
    return Fail(fmt::format("there are at most {} shards, not {}", kMostShards, *shards));
  }
  RingSettings& rings = call.builder().Edit().settings.rings;
  rings.entries = entries;
  rings.shards = shards.value_or(10);
  return {};
}

TextResult<void> SetRingOptions(Call& call, Options options) {
  RingSettings& rings = call.builder().Edit().settings.rings;
  options.Read("lockRetries", &rings.lock_retries);
  options.Read("samplingRate", &rings.sampling_rate);
  options.Read("recordQueries", &rings.record_queries);
  options.Read("recordResponses", &rings.record_responses);
  return options.Finish();
}

void SetRingRetries(Call& call, uint32_t retries) {
  call.builder().Edit().settings.rings.lock_retries = retries;
}

uint32_t GetSamplingRate(Call& call) {
  return call.builder().config().settings.rings.sampling_rate;
}

TextResult<void> SetRetryBudget(Call& call, Options options) {
  double share = call.builder().config().settings.retry_budget_share;
  options.Read("share", &share);
  if (share < 0 || share > 1) options.Reject("share must be 0 to 1");
  if (auto good = options.Finish(); !good) return good;
  call.builder().Edit().settings.retry_budget_share = share;
  return {};
}

std::optional<LuaOnExceed> FindOnExceed(std::string_view text) {
  if (text == "servfail") return LuaOnExceed::kServFail;
  if (text == "continue") return LuaOnExceed::kContinue;
  if (text == "drop") return LuaOnExceed::kDrop;
  return std::nullopt;
}

TextResult<void> SetLuaBudget(Call& call, Options options) {
  Settings settings = call.builder().config().settings;
  options.Read("time", &settings.lua_budget_ms);
  options.Read("memory", &settings.lua_budget_bytes);
  options.Read("instructions", &settings.lua_budget_instructions);
  if (settings.lua_budget_instructions > INT32_MAX) options.Reject("too many instructions");
  std::string text;
  std::optional<LuaOnExceed> on_exceed;
  if (options.Read("onExceed", &text)) {
    on_exceed = FindOnExceed(text);
    if (!on_exceed) options.Reject("onExceed must be \"servfail\", \"continue\" or \"drop\"");
  }
  if (auto good = options.Finish(); !good) return good;
  if (on_exceed) *FfiContextOf(call.state()).on_exceed = *on_exceed;
  call.builder().Edit().settings = settings;
  return {};
}

void SetVerbose(Call& call, bool verbose) {
  call.builder().Edit().settings.verbose = verbose;
  LogSettings log = GetLogSettings();
  log.verbose = verbose;
  SetLogSettings(log);
}

std::string GetServerId(Call& call) {
  const std::string& id = call.builder().config().settings.server_id;
  if (!id.empty()) return id;
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return host;
}
void SetServerId(Call& call, const std::string& id) {
  call.builder().Edit().settings.server_id = id;
  LogStamp stamp = GetLogStamp();
  stamp.instance = GetServerId(call);
  SetLogStamp(stamp);
}

TextResult<void> SetStructured(Call& call, bool enable, Options options) {
  std::string backend = "default";
  std::string time_format = "numeric";
  options.Read("backend", &backend);
  options.Read("timeFormat", &time_format);
  options.Accept({"levelPrefix"});
  LogStamp stamp;
  options.Read("setInstanceFromServerID", &stamp.has_instance);
  if (backend != "default" && backend != "json" && backend != "systemd-journal") {
    options.Problem(fmt::format("backend '{}'", backend));
  }
  if (time_format != "numeric" && time_format != "ISO8601") {
    options.Problem(fmt::format("timeFormat '{}'", time_format));
  }
  if (auto good = options.Finish(); !good) return good;
  if (time_format == "ISO8601") stamp.time_format = LogTimeFormat::kIso8601;
  stamp.instance = GetServerId(call);
  SetLogStamp(stamp);
  LogSettings log = GetLogSettings();
  log.structured = enable;
  const bool speaks_to_a_person = call.runtime().options().check || call.runtime().options().client;
  log.format = backend == "json" ? StructuredFormat::kJson
               : backend == "systemd-journal" && enable && !speaks_to_a_person
                   ? JournalOrPairs()
                   : StructuredFormat::kPairs;
  SetLogSettings(log);
  return {};
}

TextResult<void> SetWorkers(Call& call, uint32_t workers) {
  if (workers == 0 || workers > 1024) return Fail(std::string("must be 1 to 1024"));
  call.builder().Edit().settings.workers = workers;
  return {};
}

constexpr Scope kOnce = Scope::kConfigOnly;
using S = Settings;
using C = ClientLimitSettings;

constexpr FunctionRow kFunctions[] = {
#define BW_ROW(name, function, parameters, ...) \
  { name, Bind<&function>, name "(" parameters ")", __VA_ARGS__ }
    BW_ROW("fixupCase", Accepted<bool>, "enabled",
           "Accepted: answers always have the spelling of the query's name."),
    BW_ROW("getRingBuffersSamplingRate", GetSamplingRate, "",
           "One of so many messages is kept in the rings."),
    BW_ROW("getServerID", GetServerId, "", "The name of this server; the host's unless set."),
    BW_ROW("getVerbose", Get<&S::verbose>, "", "Whether verbose log lines are written."),
    BW_ROW("setAddEDNSToSelfGeneratedResponses", Set<&S::add_edns_to_self_generated>, "add",
           "Whether answers made here carry EDNS where the query did."),
    BW_ROW("setAllowEmptyResponse", AllowEmptyResponse, "",
           "Passes answers on that have no question.", kOnce),
    BW_ROW("setBanDurationForExceedingMaxReadIOsPerQuery", SetLimit<&C::ban_for_read_ios_s>,
           "seconds", "How long a client that trickles its queries may not connect.", kOnce),
    BW_ROW("setBanDurationForExceedingTCPTLSRate", SetLimit<&C::ban_for_rate_s>, "seconds",
           "How long a client above a connection rate may not connect.", kOnce),
    BW_ROW("setCacheCleaningDelay", Set<&S::cache_cleaning_delay_s>, "seconds",
           "How often expired cache entries are looked for."),
    BW_ROW("setCacheCleaningPercentage", SetCleaningPercentage, "percentage",
           "Up to how full of expired entries a cache may stay."),
    BW_ROW("setConsistentHashingBalancingFactor", SetHashingBalancing, "factor",
           "Bounds the load of a server under chashed; 0: no bound.", kOnce),
    BW_ROW("setDropEmptyQueries", Set<&S::drop_empty_queries>, "drop",
           "Drops queries without a question instead of answering NOTIMP."),
    BW_ROW("setECSOverride", Set<&S::ecs_override>, "override",
           "Replaces a client subnet that the client sent."),
    {"setECSSourcePrefixV4", Bind<&SetPrefix<&S::ecs_prefix_v4, 32>>,
     "setECSSourcePrefixV4(prefix)", "How many bits of an IPv4 client the servers are told."},
    {"setECSSourcePrefixV6", Bind<&SetPrefix<&S::ecs_prefix_v6, 128>>,
     "setECSSourcePrefixV6(prefix)", "How many bits of an IPv6 client the servers are told."},
    BW_ROW("setDoHDownstreamCleanupInterval", Accepted<uint32_t>, "interval",
           "Accepted: idle connections close by themselves.", kOnce),
    BW_ROW("setDoHDownstreamMaxIdleTime", SetSeconds<&S::doh_downstream_max_idle_ms>, "seconds",
           "How long an idle HTTPS connection to a server is kept.", kOnce),
    BW_ROW("setMaxIdleDoHConnectionsPerDownstream", Set<&S::doh_idle_connections>, "max",
           "Idle HTTPS connections kept for each server and worker.", kOnce),
    BW_ROW("setLuaLockTimeout", Set<&S::lua_lock_timeout_ms>, "ms",
           "How long a worker waits for Lua before it takes the fallback."),
    BW_ROW("setLuaBudget", SetLuaBudget,
           "{time=500, memory=67108864, instructions=0, onExceed=\"servfail\"}",
           "Milliseconds, bytes and instructions of one Lua call for a packet or a health check, "
           "0: no limit; what becomes of the query of an action that takes more: \"servfail\", "
           "\"continue\" (the next rule) or \"drop\". A rule then does not match. One match of a "
           "pattern "
           "is not interrupted: it ends first."),
    BW_ROW("setMaxCachedTCPConnectionsPerDownstream", Set<&S::max_cached_tcp_connections>, "max",
           "Idle connections kept for each server and worker.", kOnce),
    BW_ROW("setMaxTCPClientThreads", Accepted<uint32_t>, "num",
           "Accepted: connections are handled by the workers.", kOnce),
    BW_ROW("setMaxTCPConnectionDuration", Set<&S::max_tcp_connection_duration_s>, "seconds",
           "How long a client's connection may last; 0: no limit."),
    BW_ROW("setMaxTCPConnectionRatePerClient", SetLimit<&C::max_connection_rate>, "rate",
           "Connections a second that a client may open; 0: no limit.", kOnce),
    BW_ROW("setMaxTCPConnectionsPerClient", SetLimit<&C::max_connections_per_client>, "max",
           "Connections that a client may have open; 0: no limit.", kOnce),
    BW_ROW("setMaxTCPQueriesPerConnection", Set<&S::max_tcp_queries_per_connection>, "max",
           "Queries on one connection; 0: no limit."),
    BW_ROW("setMaxTCPQueuedConnections", Set<&S::max_tcp_queued_connections>, "max",
           "Connections waiting for a worker; 0: no limit.", kOnce),
    BW_ROW("setMaxTCPReadIOsPerQuery", SetLimit<&C::max_read_ios_per_query>, "max",
           "Reads that one query may need; 0: no limit.", kOnce),
    BW_ROW("setMaxTLSNewSessionRatePerClient", SetLimit<&C::max_tls_new_session_rate>, "rate",
           "New TLS sessions a second for each client; 0: no limit.", kOnce),
    BW_ROW("setMaxTLSResumedSessionRatePerClient", SetLimit<&C::max_tls_resumed_session_rate>,
           "rate", "Resumed TLS sessions a second for each client; 0: no limit.", kOnce),
    BW_ROW("setMaxUDPOutstanding", Accepted<uint16_t>, "max",
           "Accepted: IDs are random, so that no table of IDs fills up.", kOnce),
    BW_ROW("setMaxUDPResponseSize", Set<&S::max_udp_response_size>, "size",
           "Larger answers over UDP are cut off; 0: only the client's limit."),
    BW_ROW("setOutgoingDoHWorkerThreads", Accepted<uint32_t>, "num",
           "Accepted: the workers do this.", kOnce),
    BW_ROW("setPayloadSizeOnSelfGeneratedAnswers", Set<&S::payload_size_on_self_generated>, "size",
           "The UDP size in the EDNS of answers made here."),
    BW_ROW("setProxyProtocolApplyACLToProxiedClients", Set<&S::proxy_acl_to_proxied>, "apply",
           "Whether a client that a PROXY header names must be in the access list, too."),
    BW_ROW("setProxyProtocolMaximumPayloadSize", SetProxyMaximum, "size",
           "Bytes that a PROXY header may have, all in all; 16 at least."),
    BW_ROW("setRandomizedIdsOverUDP", Accepted<bool>, "enabled", "Accepted: IDs are always random.",
           kOnce),
    BW_ROW("setRandomizedOutgoingSockets", Accepted<bool>, "enabled",
           "Accepted: the socket is always drawn at random.", kOnce),
    BW_ROW("setRetryBudget", SetRetryBudget, "{share=0.1}",
           "Which share of the queries may be sent again."),
    BW_ROW("setRingBuffersLockRetries", SetRingRetries, "num",
           "Busy shards skipped before an entry is given up.", kOnce),
    BW_ROW("setRingBuffersOptions", SetRingOptions, "options",
           "What the rings of recent messages keep.", kOnce),
    BW_ROW("setRingBuffersSize", SetRingSize, "num [, numberOfShards]",
           "How many recent messages are kept.", kOnce),
    BW_ROW("setRoundRobinFailOnNoServer",
           SetPolicyValue<&PolicySettings::round_robin_fail_on_no_server>, "fail",
           "Whether roundrobin uses servers that are down where none is up."),
    BW_ROW("setSecurityPollInterval", Accepted<uint32_t>, "interval",
           "Accepted: no security status is asked for."),
    BW_ROW("setSecurityPollSuffix", Accepted<std::string>, "suffix",
           "Accepted: no security status is asked for."),
    BW_ROW("setServFailWhenNoServer", Set<&S::servfail_when_no_server>, "servfail",
           "Answers SERVFAIL instead of nothing where no server is up."),
    BW_ROW("setServerID", SetServerId, "id", "Names this server."),
    BW_ROW("setStaleCacheEntriesTTL", Set<&S::stale_cache_entries_ttl_s>, "seconds",
           "How long expired answers serve while no server is up."),
    BW_ROW("setStrictConfig", Set<&S::strict>, "strict", "Makes unknown options errors."),
    BW_ROW("setStructuredLogging", SetStructured, "enable [, options]",
           "Log lines of key=\"value\" pairs.", kOnce),
    BW_ROW("setTCPConnectionRateInterval", SetLimit<&C::rate_interval_min>, "minutes",
           "Over how long connection rates are taken.", kOnce),
    {"setTCPConnectionsMaskV4", Bind<&SetMask<&C::mask_v4, 32>>, "setTCPConnectionsMaskV4(bits)",
     "Bits of an IPv4 address that make a client.", kOnce},
    {"setTCPConnectionsMaskV4Port", Bind<&SetMask<&C::mask_v4_port, 16>>,
     "setTCPConnectionsMaskV4Port(bits)",
     "Bits of the port that count, for clients behind one address.", kOnce},
    {"setTCPConnectionsMaskV6", Bind<&SetMask<&C::mask_v6, 128>>, "setTCPConnectionsMaskV6(bits)",
     "Bits of an IPv6 address that make a client.", kOnce},
    BW_ROW("setTCPConnectionsOverloadThreshold", SetOverloadThreshold, "percent",
           "How full the limits are when new connections are restricted.", kOnce),
    BW_ROW("setTCPDownstreamCleanupInterval", Accepted<uint32_t>, "interval",
           "Accepted: idle connections close by themselves.", kOnce),
    BW_ROW("setOutgoingTLSSessionsCacheCleanupDelay", Set<&S::tls_sessions_cleanup_s>, "seconds",
           "How often TLS sessions with servers that have grown too old are forgotten.", kOnce),
    BW_ROW("setOutgoingTLSSessionsCacheMaxTicketValidity", Set<&S::tls_sessions_validity_s>,
           "seconds", "For how long a TLS session with a server may be come back to.", kOnce),
    BW_ROW("setOutgoingTLSSessionsCacheMaxTicketsPerBackend", Set<&S::tls_sessions_per_backend>,
           "num", "How many TLS sessions are kept for each server.", Scope::kConfigOnly),
    BW_ROW("setTCPDownstreamMaxIdleTime", SetSeconds<&S::tcp_downstream_max_idle_ms>, "seconds",
           "How long an idle connection to a server is kept.", kOnce),
    BW_ROW("setTCPFastOpenKey", SetFastOpenKey, "key", "The key of TCP Fast Open.", kOnce),
    BW_ROW("setTCPInternalPipeBufferSize", Accepted<uint32_t>, "size",
           "Accepted: there is no such pipe.", kOnce),
    BW_ROW("setTCPRecvTimeout", Set<&S::tcp_recv_timeout_s>, "seconds",
           "How long a client may take to send a query."),
    BW_ROW("setTCPSendTimeout", Set<&S::tcp_send_timeout_s>, "seconds",
           "How long a client may take to take an answer."),
    BW_ROW("setTCPUseSinglePipe", Accepted<bool>, "enabled", "Accepted: there is no such pipe.",
           kOnce),
    BW_ROW("setUDPMultipleMessagesVectorSize", Accepted<uint32_t>, "num",
           "Accepted: datagrams are always handled in batches.", kOnce),
    BW_ROW("setUDPSocketBufferSizes", SetBuffers, "recv, send",
           "Sizes of the kernel's buffers of UDP sockets.", kOnce),
    BW_ROW("setUDPTimeout", SetSeconds<&S::udp_timeout_ms>, "seconds",
           "How long a server may take to answer over UDP."),
    BW_ROW("setVerbose", SetVerbose, "verbose", "Whether verbose log lines are written."),
    BW_ROW("setVerboseHealthChecks", Set<&S::verbose_health_checks>, "verbose",
           "Whether health checks are logged."),
    BW_ROW("setWHashedPertubation", SetPolicyValue<&PolicySettings::whashed_perturbation>, "value",
           "An older spelling of setWHashedPerturbation.", kOnce),
    BW_ROW("setWHashedPerturbation", SetPolicyValue<&PolicySettings::whashed_perturbation>, "value",
           "The seed of whashed and chashed.", kOnce),
    BW_ROW("setWeightedBalancingFactor", SetWeightedBalancing, "factor",
           "Bounds the load of a server under wrandom and whashed; 0: no bound.", kOnce),
    BW_ROW("setWorkers", SetWorkers, "num",
           "How many workers there are; one for each CPU unless set.", kOnce),
#undef BW_ROW
};

}  // namespace

FunctionPage SettingFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
