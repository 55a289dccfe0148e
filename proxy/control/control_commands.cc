#include "proxy/control/control_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/base/log.h"
#include "proxy/config/certificate_reload.h"
#include "proxy/control/zone_news.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

using nlohmann::json;

// Flushes that can still be taken back or asked about by their id.
constexpr size_t kMaxFlushes = 65536;
constexpr size_t kMaxAuditText = 512;

json Refusal(std::string_view code, std::string_view text) {
  return {{"ok", false}, {"code", code}, {"error", text}};
}

json ServerJson(size_t index, const Backend& backend) {
  const BackendCounters& counters = backend.counters();
  json pools = json::array();
  for (const std::string& pool : backend.settings().pools) pools.push_back(pool);
  json server = {{"index", index},
                 {"name", backend.name()},
                 {"id", backend.id()},
                 {"address", backend.AddressText()},
                 {"state", backend.health().StateText()},
                 {"up", backend.IsUp()},
                 {"order", backend.order()},
                 {"weight", backend.weight()},
                 {"tier", backend.settings().tier},
                 {"pools", std::move(pools)},
                 {"queries", counters.queries.Get()},
                 {"responses", counters.responses.Get()},
                 {"timeouts", counters.timeouts.Get()},
                 {"send-errors", counters.send_errors.Get()},
                 {"outstanding", backend.outstanding()},
                 {"latency-ms", backend.udp_latency_us() / 1000}};
  if (backend.zones() != nullptr) server["zones"] = backend.zones()->Describe();
  return server;
}

template <typename ChainT>
json ChainJson(std::string_view name, const ChainT& chain) {
  json rules = json::array();
  for (size_t i = 0; i < chain.size(); ++i) {
    rules.push_back({{"index", i},
                     {"name", chain[i].name},
                     {"uuid", chain[i].uuid},
                     {"matches", chain[i].state->matches.Get()},
                     {"rule", chain[i].selector->ToString()},
                     {"action", chain[i].action->ToString()}});
  }
  return {{"chain", name}, {"rules", std::move(rules)}};
}

// The caches of the pools, each once, with the names of the pools that use it.
std::vector<std::pair<std::shared_ptr<PacketCache>, std::vector<std::string>>> CachesOf(
    const Config& config) {
  std::vector<std::pair<std::shared_ptr<PacketCache>, std::vector<std::string>>> caches;
  for (const auto& [name, pool] : config.pools) {
    const std::shared_ptr<PacketCache>& cache = pool->cache;
    if (cache == nullptr) continue;
    auto found = std::find_if(caches.begin(), caches.end(),
                              [&](const auto& entry) { return entry.first == cache; });
    if (found == caches.end()) found = caches.insert(caches.end(), {cache, {}});
    found->second.push_back(name);
  }
  return caches;
}

std::string_view UndoText(UndoResult result) {
  switch (result) {
    case UndoResult::kUndone:
      return "undone";
    case UndoResult::kUnknown:
      return "this flush is too old to be undone";
    case UndoResult::kSuperseded:
      return "a later flush covers this one";
    case UndoResult::kHard:
      return "a hard flush cannot be undone";
  }
  return "unknown";
}

}  // namespace

std::string ControlCommands::Handle(std::string_view line, const ControlCaller& caller) {
  const auto dump = [](const json& reply) {
    return reply.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  const auto request = ParseControlRequest(line);
  if (!request) return dump(Refusal("bad-request", request.error()));
  const std::string_view name = CommandName(request->command);
  if (!Allows(caller.role, RequiredRole(request->command))) {
    LogWarning("control", "{} with role {} was refused the command {}", caller.who,
               RoleName(caller.role), name);
    return dump(Refusal(
        "denied", fmt::format("'{}' needs the role {}, yours is {}", name,
                              RoleName(RequiredRole(request->command)), RoleName(caller.role))));
  }
  const json reply = Run(*request);
  const std::string text = dump(reply);
  if (IsChanging(request->command)) {
    LogInfo("control", "audit: {} role {} request {} reply {}", caller.who, RoleName(caller.role),
            line.substr(0, kMaxAuditText), text.substr(0, kMaxAuditText));
  }
  return text;
}

json ControlCommands::Run(const ControlRequest& request) {
  switch (request.command) {
    case ControlCommand::kStatus:
      return Status();
    case ControlCommand::kVersion:
      return {{"ok", true}, {"version", target_.Version()}};
    case ControlCommand::kServers:
      return Servers();
    case ControlCommand::kServer:
      return SetServer(request);
    case ControlCommand::kRules:
      return Rules();
    case ControlCommand::kCacheStats:
      return CacheStats();
    case ControlCommand::kFlush:
      return Flush(request);
    case ControlCommand::kUndo:
      return Undo(request.id);
    case ControlCommand::kFlushStatus:
      return FlushState(request.id);
    case ControlCommand::kReloadCertificates:
      return ReloadAllCertificates();
    case ControlCommand::kZones:
      return Zones(request);
  }
  return Refusal("bad-request", "not a command");
}

json ControlCommands::Status() const {
  const ConfigPtr config = target_.CurrentConfig();
  const CounterRegistry& counters = target_.counters();
  const auto up = std::count_if(config->backends.begin(), config->backends.end(),
                                [](const BackendPtr& backend) { return backend->IsUp(); });
  return {{"ok", true},
          {"version", target_.Version()},
          {"uptime", counters.UptimeSeconds(target_.clock().Now())},
          {"config-version", config->version},
          {"servers", config->backends.size()},
          {"servers-up", up},
          {"pools", config->pools.size()},
          {"rules", config->chains.query.size()},
          {"queries", counters.Total(Metric::kQueries)},
          {"responses", counters.Total(Metric::kResponses)},
          {"self-answered", counters.Total(Metric::kSelfAnswered)},
          {"cache-hits", counters.Total(Metric::kCacheHits)},
          {"cache-misses", counters.Total(Metric::kCacheMisses)},
          {"timeouts", counters.Total(Metric::kDownstreamTimeouts)},
          {"acl-drops", counters.Total(Metric::kAclDrops)},
          {"rule-drop", counters.Total(Metric::kRuleDrop)}};
}

json ControlCommands::Servers() const {
  const ConfigPtr config = target_.CurrentConfig();
  json servers = json::array();
  for (size_t i = 0; i < config->backends.size(); ++i) {
    servers.push_back(ServerJson(i, *config->backends[i]));
  }
  return {{"ok", true}, {"servers", std::move(servers)}};
}

json ControlCommands::Zones(const ControlRequest& request) const {
  constexpr size_t kMostRows = 10'000;
  const ConfigPtr config = target_.CurrentConfig();
  const ZoneHealth& zones = target_.zone_health();
  json rows = json::array();
  const auto which = request.bad_alone ? ZoneHealth::Which::kBad : ZoneHealth::Which::kAll;
  for (const ZoneReport& report : zones.Report(which, kMostRows)) {
    for (const ZoneOnBackend& one : report.backends) {
      json row = {{"zone", report.zone.ToString()},
                  {"server", ServerNameOf(*config, one.backend)},
                  {"state", one.is_bad ? "bad" : "good"},
                  {"good", one.good}};
      for (size_t kind = 0; kind < kBadKinds; ++kind) {
        if (one.bad[kind] != 0) row["bad"][NameOf(static_cast<BadKind>(kind))] = one.bad[kind];
      }
      rows.push_back(std::move(row));
    }
  }
  return {{"ok", true},
          {"known", zones.zone_count()},
          {"bad", zones.bad_count()},
          {"zones", std::move(rows)}};
}

json ControlCommands::SetServer(const ControlRequest& request) {
  const ConfigPtr config = target_.CurrentConfig();
  std::vector<size_t> found;
  for (size_t i = 0; i < config->backends.size(); ++i) {
    const Backend& backend = *config->backends[i];
    if (backend.name() == request.server || backend.id() == request.server ||
        backend.AddressText() == request.server) {
      found.push_back(i);
    }
  }
  if (found.empty()) {
    return Refusal("not-found", fmt::format("there is no server '{}'", request.server));
  }
  if (found.size() > 1) {
    return Refusal("ambiguous", fmt::format("{} servers are called '{}': use the id", found.size(),
                                            request.server));
  }
  Backend& backend = *config->backends[found[0]];
  switch (request.state) {
    case ServerState::kUp:
      backend.health().ForceUp();
      break;
    case ServerState::kDown:
      backend.ForceDown();
      break;
    case ServerState::kAuto:
      backend.health().SetAuto(std::nullopt);
      break;
  }
  return {{"ok", true}, {"server", ServerJson(found[0], backend)}};
}

json ControlCommands::Rules() const {
  constexpr std::array<std::string_view, static_cast<size_t>(ResponseChainKind::kCount)> kNames = {
      "response",     "cache-hit-response", "cache-inserted-response", "self-answered-response",
      "xfr-response", "timeout-response"};
  const ConfigPtr config = target_.CurrentConfig();
  json chains = json::array();
  chains.push_back(ChainJson("query", config->chains.query));
  chains.push_back(ChainJson("cache-miss", config->chains.cache_miss));
  for (size_t i = 0; i < kNames.size(); ++i) {
    chains.push_back(ChainJson(kNames[i], config->chains.response[i]));
  }
  return {{"ok", true}, {"chains", std::move(chains)}};
}

json ControlCommands::CacheStats() const {
  const ConfigPtr config = target_.CurrentConfig();
  json caches = json::array();
  for (const auto& [cache, pools] : CachesOf(*config)) {
    const PacketCacheStats stats = cache->Stats();
    caches.push_back({{"pools", pools},
                      {"entries", stats.entries},
                      {"max-entries", stats.max_entries},
                      {"bytes", stats.bytes},
                      {"hits", stats.hits},
                      {"misses", stats.misses},
                      {"deferred-inserts", stats.deferred_inserts},
                      {"deferred-lookups", stats.deferred_lookups},
                      {"lookup-collisions", stats.lookup_collisions},
                      {"insert-collisions", stats.insert_collisions},
                      {"ttl-too-shorts", stats.ttl_too_shorts},
                      {"cleanup-count", stats.cleanup_count},
                      {"evictions", stats.evictions},
                      {"flushes", stats.flushes}});
  }
  return {{"ok", true}, {"caches", std::move(caches)}};
}

json ControlCommands::Flush(const ControlRequest& request) {
  const ConfigPtr config = target_.CurrentConfig();
  std::vector<Flushed> flushed;
  if (request.pool) {
    const Pool* pool = config->FindPool(*request.pool);
    if (pool == nullptr) {
      return Refusal("not-found", fmt::format("there is no pool '{}'", *request.pool));
    }
    if (pool->cache == nullptr) {
      return Refusal("not-found", fmt::format("the pool '{}' has no cache", *request.pool));
    }
    flushed.push_back({pool->cache, pool->cache->Flush(request.flush)});
  } else {
    for (const auto& [cache, pools] : CachesOf(*config)) {
      flushed.push_back({cache, cache->Flush(request.flush)});
    }
    if (flushed.empty()) return Refusal("not-found", "no pool has a cache");
  }
  // What is meant to be gone is no zone that is bad.
  const FlushRequest& flush = request.flush;
  if (flush.hard && flush.suffix && !flush.type) target_.zone_health().Forget(flush.name);
  const size_t caches = flushed.size();
  flushes_.push_back(std::move(flushed));
  const uint64_t id = first_flush_ + flushes_.size() - 1;
  if (flushes_.size() > kMaxFlushes) {
    flushes_.pop_front();
    ++first_flush_;
  }
  return {{"ok", true}, {"id", id}, {"caches", caches}};
}

json ControlCommands::ReloadAllCertificates() {
  const CertificateReload done = ReloadCertificates(*target_.CurrentConfig());
  if (done.failures.empty()) return {{"ok", true}, {"loaded", done.loaded}};
  std::string text = "the old certificates stay:";
  json failed = json::array();
  for (const auto& [frontend, error] : done.failures) {
    text += fmt::format("{} {}: {}", failed.empty() ? "" : ";", frontend, error);
    failed.push_back({{"frontend", frontend}, {"error", error}});
  }
  json reply = Refusal("bad-certificate", text);
  reply["loaded"] = done.loaded;
  reply["failed"] = std::move(failed);
  return reply;
}

const std::vector<ControlCommands::Flushed>* ControlCommands::FindFlush(uint64_t id) const {
  if (id < first_flush_ || id - first_flush_ >= flushes_.size()) return nullptr;
  return &flushes_[id - first_flush_];
}

json ControlCommands::Undo(uint64_t id) {
  const auto* flushed = FindFlush(id);
  if (flushed == nullptr) return Refusal("not-found", fmt::format("there is no flush {}", id));
  size_t undone = 0;
  UndoResult problem = UndoResult::kUnknown;
  for (const Flushed& one : *flushed) {
    const auto cache = one.cache.lock();
    const UndoResult result = cache != nullptr ? cache->Undo(one.id) : UndoResult::kUnknown;
    if (result == UndoResult::kUndone) {
      ++undone;
    } else {
      problem = result;
    }
  }
  if (undone < flushed->size()) {
    json reply =
        Refusal(problem == UndoResult::kUnknown ? "not-found" : "impossible", UndoText(problem));
    reply["undone-caches"] = undone;
    return reply;
  }
  return {{"ok", true}, {"id", id}, {"caches", undone}};
}

json ControlCommands::FlushState(uint64_t id) const {
  const auto* flushed = FindFlush(id);
  if (flushed == nullptr) return Refusal("not-found", fmt::format("there is no flush {}", id));
  uint64_t matched = 0;
  bool swept = true;
  bool undone = true;
  for (const Flushed& one : *flushed) {
    const auto cache = one.cache.lock();
    const auto status = cache != nullptr ? cache->StatusOf(one.id) : std::nullopt;
    if (!status) return Refusal("not-found", "this flush is too old to be known");
    matched += status->matched;
    swept = swept && status->swept;
    undone = undone && status->undone;
  }
  return {{"ok", true}, {"id", id}, {"matched", matched}, {"swept", swept}, {"undone", undone}};
}

}  // namespace breakwater
