#include "proxy/web/web_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/web/api_config.h"
#include "proxy/web/api_json.h"
#include "proxy/web/dump_json.h"
#include "proxy/web/prometheus.h"
#include "proxy/web/rings_json.h"
#include "proxy/web/web_auth.h"
#include "proxy/web/zones_page.h"

namespace breakwater {
namespace {

constexpr std::string_view kServersPage = "/api/v1/servers/localhost";
constexpr std::string_view kStatistics = "/api/v1/servers/localhost/statistics";
constexpr std::string_view kPool = "/api/v1/servers/localhost/pool";
constexpr std::string_view kCache = "/api/v1/cache";
constexpr std::string_view kZones = "/api/v1/servers/localhost/zones";
constexpr std::string_view kConfig = "/api/v1/servers/localhost/config";
constexpr std::string_view kAllowFrom = "/api/v1/servers/localhost/config/allow-from";
constexpr std::string_view kRings = "/api/v1/servers/localhost/rings";

bool MayCarryCredentials(std::string_view path) {
  return path == "/jsonstat" || path == "/metrics" || path == kServersPage;
}

WebResponse Json(std::string body) {
  return {
      .status = 200, .body = std::move(body), .content_type = "application/json", .headers = {}};
}

WebResponse Problem(unsigned status, std::string text) {
  return {.status = status, .body = std::move(text), .content_type = "text/plain", .headers = {}};
}

// The shape of DELETE /api/v1/cache's failures.
WebResponse PurgeProblem(unsigned status, std::string_view error) {
  WebResponse response = Json(DumpJson({{"status", "error"}, {"error", error}}));
  response.status = status;
  return response;
}

bool MethodAllowed(const WebRequest& request, const WebServerSettings& settings) {
  if (request.path == kCache) return request.method == "DELETE";
  if (request.method == "PUT") return request.path == kAllowFrom && settings.api_read_write;
  return request.method == "GET";
}

WebResponse Options(const WebRequest& request, const WebServerSettings& settings) {
  WebResponse response;
  if (request.Header("origin").empty()) return response;
  response.headers.emplace_back("Access-Control-Allow-Methods",
                                settings.api_read_write ? "GET, PUT" : "GET");
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, X-API-Key");
  return response;
}

void AddCrossOrigin(const WebRequest& request, WebResponse& response) {
  const std::string_view origin = request.Header("origin");
  if (origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Vary", "Origin");
  if (MayCarryCredentials(request.path)) {
    response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  }
}

// What is no number is ignored.
RingLimits ReadRingLimits(const WebRequest& request) {
  RingLimits limits;
  const std::pair<const char*, size_t*> arguments[] = {{"maxQueries", &limits.queries},
                                                       {"maxResponses", &limits.responses}};
  for (const auto& [name, limit] : arguments) {
    const std::string* const text = request.Argument(name);
    size_t number = 0;
    if (text == nullptr) continue;
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec == std::errc() && read.ptr == end) *limit = number;
  }
  return limits;
}

bool HasHeader(const WebResponse& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const auto& header) { return EqualsIgnoreCase(header.first, name); });
}

// The page is shown by itself and may not be framed, sniffed or scripted from elsewhere;
// customHeaders, and a page in Lua, may say otherwise.
void AddSafetyHeaders(const WebServerSettings& settings, WebResponse& response) {
  const std::array<std::pair<const char*, const char*>, 5> safety = {{
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "deny"},
      {"X-Permitted-Cross-Domain-Policies", "none"},
      {"X-XSS-Protection", "1; mode=block"},
      {"Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'"},
  }};
  for (const auto& [name, value] : safety) {
    const bool custom = std::any_of(
        settings.custom_headers.begin(), settings.custom_headers.end(),
        [&, n = name](const auto& header) { return EqualsIgnoreCase(header.first, n); });
    if (!custom && !HasHeader(response, name)) response.headers.emplace_back(name, value);
  }
  for (const auto& [name, value] : settings.custom_headers) {
    if (!value.empty() && !HasHeader(response, name)) response.headers.emplace_back(name, value);
  }
}

}  // namespace

WebResponse WebHandler::Handle(const WebRequest& request) const {
  const ConfigPtr config = target_.CurrentConfig();
  const WebServerSettings& settings = config->web;
  const WebCredentials credentials{.authorization = request.Header("authorization"),
                                   .api_key = request.Header("x-api-key")};
  WebResponse response;
  if (request.method == "OPTIONS") {
    response = Options(request, settings);
  } else if (!IsAuthorized(request.path, credentials, settings)) {
    response.status = 401;
    response.body = "<h1>Unauthorized</h1>";
    response.content_type = "text/html; charset=utf-8";
    response.headers.emplace_back("WWW-Authenticate", "basic realm=\"PowerDNS\"");
  } else if (auto page = request.method == "GET" ? runner_.AnswerPage(request) : std::nullopt) {
    response = std::move(*page);
  } else if (!MethodAllowed(request, settings)) {
    response.status = 405;
  } else {
    response = Answer(request, *config);
  }
  if (settings.allow_cross_origin_requests) AddCrossOrigin(request, response);
  AddSafetyHeaders(settings, response);
  return response;
}

WebResponse WebHandler::Answer(const WebRequest& request, const Config& config) const {
  if (request.path == "/metrics") {
    return {.status = 200,
            .body = PrometheusText(target_),
            .content_type = "text/plain; version=0.0.4",
            .headers = {}};
  }
  if (request.path == "/jsonstat") return JsonStat(request);
  if (request.path == kServersPage) return Json(JsonServersPage(target_, rates_));
  if (request.path == kStatistics) return Json(JsonStatistics(target_));
  if (request.path == kPool) return PoolPage(request, config);
  if (request.path == kCache) return PurgeCache(request, config);
  if (request.path == kZones) {
    const bool bad = request.Argument("bad") != nullptr;
    return Json(JsonZones(target_, bad ? ZoneHealth::Which::kBad : ZoneHealth::Which::kAll));
  }
  if (request.path == "/zones") {
    return {.status = 200,
            .body = ZonesPage(target_),
            .content_type = "text/html; charset=utf-8",
            .headers = {}};
  }
  if (request.path == kConfig) return Json(JsonConfig(config));
  if (request.path == kAllowFrom) return AllowFrom(request, config);
  if (request.path == kRings) return Json(JsonRings(target_, ReadRingLimits(request)));
  return Problem(404, "there is nothing here\n");
}

WebResponse WebHandler::JsonStat(const WebRequest& request) const {
  const std::string* command = request.Argument("command");
  if (command != nullptr && *command == "stats") return Json(JsonStats(target_));
  if (command != nullptr && *command == "dynblocklist") return Json(JsonDynBlocks(target_));
  if (command != nullptr && *command == "ebpfblocklist") return Json(JsonKernelBlocks(target_));
  return Problem(404, "command must be stats, dynblocklist or ebpfblocklist\n");
}

WebResponse WebHandler::PoolPage(const WebRequest& request, const Config& config) const {
  const std::string* name = request.Argument("name");
  if (name == nullptr) return Problem(400, "name is missing\n");
  const Pool* pool = config.FindPool(*name);
  if (pool == nullptr) return Problem(404, "there is no such pool\n");
  return Json(JsonPool(config, *pool, rates_));
}

WebResponse WebHandler::PurgeCache(const WebRequest& request, const Config& config) const {
  const std::string* pool_name = request.Argument("pool");
  const std::string* name_text = request.Argument("name");
  if (pool_name == nullptr || name_text == nullptr) {
    return PurgeProblem(400, "pool and name are needed");
  }
  const Pool* pool = config.FindPool(*pool_name);
  if (pool == nullptr || pool->cache == nullptr) {
    return PurgeProblem(404, pool == nullptr ? "there is no such pool" : "the pool has no cache");
  }
  const auto name = dns::Name::Parse(*name_text);
  if (!name) return PurgeProblem(400, "name is not a domain name");
  std::optional<dns::Type> type;
  if (const std::string* type_text = request.Argument("type")) {
    type = dns::ParseType(*type_text);
    if (!type) return PurgeProblem(400, "type is not a record type");
  }
  const bool suffix = request.Argument("suffix") != nullptr;
  const size_t count = pool->cache->ExpungeByName({.name = *name, .type = type, .suffix = suffix});
  return Json(DumpJson({{"status", "purged"}, {"count", std::to_string(count)}}));
}

WebResponse WebHandler::AllowFrom(const WebRequest& request, const Config& config) const {
  if (request.method != "PUT") return Json(JsonAllowFrom(config.acl.ToStrings()));
  const auto acl = ParseAllowFrom(request.body);
  if (!acl) return Problem(400, acl.error() + "\n");
  const std::string line = AccessListLine(*acl);
  const std::string& directory = config.web.api_config_directory;
  if (!directory.empty()) {
    if (const auto saved = SaveAccessList(directory, line); !saved) {
      LogError("webserver", "{}", saved.error());
      return Problem(500, saved.error() + "\n");
    }
  }
  LogInfo("webserver", "the API changes the access list to {}", acl->ToString());
  if (const std::string said = runner_.RunCommand(line); !said.empty()) return Problem(500, said);
  return Json(JsonAllowFrom(acl->ToStrings()));
}

}  // namespace breakwater
