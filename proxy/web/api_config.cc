#include "proxy/web/api_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "proxy/web/dump_json.h"

namespace breakwater {
namespace {

using nlohmann::json;

// dnsdist's default; here no table of IDs fills up.
constexpr unsigned kMaxOutstanding = 65535;

json Setting(std::string_view name, json value) {
  return {{"name", name}, {"type", "ConfigSetting"}, {"value", std::move(value)}};
}

std::string AddressText(const Address& address) {
  return address.IsSet() ? address.ToStringWithPort() : std::string();
}

TextResult<void> WriteFailure(const std::string& path) {
  return Fail(
      fmt::format("cannot write {}: {}; the access list is as it was", path, std::strerror(errno)));
}

}  // namespace

std::string JsonConfig(const Config& config) {
  const Settings& settings = config.settings;
  return DumpJson(json::array({
      Setting("acl", config.acl.ToString()),
      Setting("allow-empty-response", settings.allow_empty_response),
      Setting("control-socket", AddressText(settings.control_socket)),
      Setting("ecs-override", settings.ecs_override),
      Setting("ecs-source-prefix-v4", settings.ecs_prefix_v4),
      Setting("ecs-source-prefix-v6", settings.ecs_prefix_v6),
      Setting("fixup-case", true),  // always so
      Setting("max-outstanding", kMaxOutstanding),
      Setting("server-policy", config.policy ? config.policy->Name() : ""),
      Setting("stale-cache-entries-ttl", settings.stale_cache_entries_ttl_s),
      Setting("tcp-recv-timeout", settings.tcp_recv_timeout_s),
      Setting("tcp-send-timeout", settings.tcp_send_timeout_s),
      Setting("truncate-tc", false),  // a backend's TC answer goes on as it is
      Setting("verbose", settings.verbose),
      Setting("verbose-health-checks", settings.verbose_health_checks),
  }));
}

std::string JsonAllowFrom(const std::vector<std::string>& networks) {
  return DumpJson(Setting("allow-from", networks));
}

TextResult<NetmaskGroup> ParseAllowFrom(std::string_view body) {
  const json parsed = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const auto value = parsed.is_object() ? parsed.find("value") : parsed.end();
  if (!parsed.is_object() || value == parsed.end() || !value->is_array()) {
    return Fail(std::string("the content must be {\"value\": [\"192.0.2.0/24\", ...]}"));
  }
  NetmaskGroup acl;
  for (const json& item : *value) {
    if (!item.is_string()) return Fail(fmt::format("{} is no network", DumpJson(item)));
    if (const auto added = acl.Add(item.get_ref<const std::string&>()); !added) {
      return Fail(std::string(added.error()));
    }
  }
  return acl;
}

std::string AccessListLine(const NetmaskGroup& acl) {
  std::string list;
  for (const std::string& network : acl.ToStrings()) {
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", network);
  }
  return fmt::format("setACL({{{}}})", list);
}

TextResult<void> SaveAccessList(const std::string& directory, std::string_view line) {
  const std::string path = directory + "/acl.conf";
  // Readers of the directory take *.conf: not this one, which is not whole yet. Each web server has
  // a thread, and so a file.
  const std::string unfinished = fmt::format("{}.new{}", path, gettid());
  std::ofstream file(unfinished, std::ios::trunc);
  file << "-- Written by the web API; a change by hand is lost at the next PUT.\n" << line << "\n";
  file.close();
  if (!file) return WriteFailure(unfinished);
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) return WriteFailure(path);
  return {};
}

}  // namespace breakwater
