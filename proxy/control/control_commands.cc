#include "proxy/control/control_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/base/log.h"
#include "proxy/config/caches.h"
#include "proxy/config/certificate_reload.h"
#include "proxy/control/drill_commands.h"
#include "proxy/control/explain.h"
#include "proxy/control/zones_json.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

using nlohmann::json;

// Who guesses tokens gets one answer in so long.
constexpr MonoTime kWrongTokenHold = MonoTime::FromSeconds(1);

json Refusal(std::string_view code, std::string_view text) {
  return {{"ok", false}, {"code", code}, {"error", text}};
}

std::string Dump(const json& reply) {
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

// " outcome=ok id=17"; of a list its number, "job"
std::string OutcomeText(const json& reply) {
  if (!reply.value("ok", false)) {
    return fmt::format(" outcome={} error={}", AuditValue(reply.value("code", "failed")),
                       AuditValue(reply.value("error", "")));
  }
  std::string text = " outcome=ok";
  for (const char* number : {"id", "job"}) {
    if (const auto found = reply.find(number); found != reply.end()) {
      text += fmt::format(" {}={}", number, found->dump());
    }
  }
  return text;
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
                 {"suspect", backend.suspect()},
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

}  // namespace

ControlReply ControlCommands::Refuse(const std::string& audit, std::string_view error,
                                     MonoTime hold) {
  audit_.Write(fmt::format("{} outcome=denied error={}", audit, AuditValue(error)),
               AuditLog::Level::kRefused);
  if (counters_ != nullptr) counters_->Add(Metric::kControlDenied);
  return {Dump(Refusal("denied", error)), hold};
}

ControlReply ControlCommands::Handle(std::string_view line, const ControlCaller& caller) {
  const auto request = ParseControlRequest(line);
  if (!request) {
    audit_.Write(fmt::format("{} role={} outcome=bad-request error={}", caller.who,
                             RoleName(caller.role), AuditValue(request.error())),
                 AuditLog::Level::kRefused);
    return Dump(Refusal("bad-request", request.error()));
  }
  const std::string command =
      fmt::format("command={}{}", CommandName(request->command), request->audit_text);
  const auto rights = FindRights(*request, caller);
  if (!rights) {
    return Refuse(fmt::format("{} {}", caller.who, command), rights.error(), kWrongTokenHold);
  }
  std::string audit = fmt::format("{} role={}", caller.who, RoleName(rights->role));
  if (!rights->token.empty()) audit += fmt::format(" token={}", AuditValue(rights->token));
  audit += ' ' + command;
  if (const auto may = MayRun(*request, *rights); !may) return Refuse(audit, may.error());
  const json reply = Run(*request, *rights, caller.who);
  audit_.Write(audit + OutcomeText(reply), AuditLog::Level::kDone);
  return Dump(reply);
}

TextResult<Rights> ControlCommands::FindRights(const ControlRequest& request,
                                               const ControlCaller& caller) const {
  if (!request.token) return Rights{.role = caller.role, .token = {}};
  const ConfigPtr config = target_.CurrentConfig();
  const ControlToken* token = FindToken(config->settings.control_access.tokens, *request.token);
  if (token == nullptr) return Fail(std::string("the token is none that is known here"));
  return RightsOf(*token);
}

TextResult<void> ControlCommands::MayRun(const ControlRequest& request,
                                         const Rights& rights) const {
  std::vector<dns::Name> names;
  for (const FlushRequest& flush : request.flushes) names.push_back(flush.name);
  if (request.command == ControlCommand::kFlush) names.push_back(request.flush.name);
  const bool is_list = request.command == ControlCommand::kFlushListAdd ||
                       request.command == ControlCommand::kFlushListRun ||
                       request.command == ControlCommand::kFlushListStop;
  const std::string made_by = is_list ? flushes_.ListMadeBy(request.id).value_or("")
                                      : flushes_.MadeBy(request.id, request.to);
  const Concerned concerned{.names = names, .made_by = made_by};
  return Permit(rights, request.command, concerned);
}

json ControlCommands::Run(const ControlRequest& request, const Rights& rights,
                          std::string_view who) {
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
      return flushes_.Flush(request, rights.token);
    case ControlCommand::kUndo:
      return request.to == request.id ? flushes_.Undo(request.id)
                                      : flushes_.UndoRange(request.id, request.to);
    case ControlCommand::kFlushStatus:
      return flushes_.State(request.id);
    case ControlCommand::kReloadCertificates:
      return ReloadAllCertificates();
    case ControlCommand::kZones:
      return Zones(request);
    case ControlCommand::kFlushList:
      return flushes_.BeginList(request, rights.token);
    case ControlCommand::kFlushListAdd:
      return flushes_.AddToList(request, rights.token);
    case ControlCommand::kFlushListRun:
      return flushes_.RunList(request.id);
    case ControlCommand::kFlushListStatus:
      return flushes_.ListState(request.id);
    case ControlCommand::kFlushListStop:
      return flushes_.StopList(request, who);
    case ControlCommand::kDrill:
      return Drill(request.drill);
    case ControlCommand::kDrillReport:
      return DrillReportOf(request.id);
    case ControlCommand::kDrillStop:
      return StopDrill();
    case ControlCommand::kExplain:
      return Explain(target_, request.explain, [this](const PacketCache& cache, FlushId id) {
        return flushes_.NumberOf(cache, id);
      });
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
  constexpr size_t kMostZones = 10'000;
  const auto which = request.bad_alone ? ZoneHealth::Which::kBad : ZoneHealth::Which::kAll;
  json reply = ZonesJson(target_, which, kMostZones);
  reply["ok"] = true;
  return reply;
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
  for (const auto& [pools, cache] : CachesOf(*config)) {
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

json ControlCommands::Drill(const DrillOrder& order) {
  const auto begun = BeginDrill(target_, order);
  if (!begun) return Refusal("failed", begun.error());
  return {{"ok", true}, {"id", *begun}};
}

json ControlCommands::DrillReportOf(uint64_t id) const {
  const auto report = target_.drills().Report(id);
  if (!report) {
    return Refusal("not-found", id == 0 ? std::string("there was no drill yet")
                                        : fmt::format("there is no report of a drill {}", id));
  }
  json reply = DrillReportJson(*report, target_.clock().Now());
  reply["ok"] = true;
  return reply;
}

json ControlCommands::StopDrill() {
  if (!target_.drills().Stop(target_.clock().Now())) return Refusal("not-found", "no drill runs");
  return DrillReportOf(0);
}

}  // namespace breakwater
