#include "proxy/web/zones_page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "proxy/control/drill_commands.h"
#include "proxy/control/zones_json.h"
#include "proxy/web/server_id.h"

namespace breakwater {
namespace {

using nlohmann::json;

constexpr size_t kMostZones = 1000;

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>Zones</title>
<style>
body { font: 15px/1.5 sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse } th, td { text-align: left; padding: .2em 1.5em .2em 0 }
th { border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd }
.bad { color: #a00 } .good { color: #070 }
</style></head><body>
)";

std::string Cell(std::string_view text) {
  return "<td>" + EscapeHtml(text) + "</td>";
}

std::string TimeText(int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  if (gmtime_r(&time, &utc) == nullptr) return "";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", utc);
}

// "refused 12, timeout 3", the last one first.
std::string KindsText(const json& row) {
  const std::string last = row.value("last-bad", "");
  std::string text;
  const auto bad = row.find("bad");
  if (bad == row.end()) return text;
  for (const auto& [kind, count] : bad->items()) {
    const std::string one = fmt::format("{} {}", kind, count.get<uint64_t>());
    text = kind == last ? one + (text.empty() ? "" : ", ") + text
                        : text + (text.empty() ? "" : ", ") + one;
  }
  return text;
}

std::string ZonesTable(const json& zones) {
  std::string rows;
  size_t shown = 0;
  for (const json& row : zones.at("zones")) {
    if (row.at("state") != "bad") continue;
    ++shown;
    rows += "<tr>" + Cell(row.at("zone").get<std::string>()) +
            Cell(row.at("server").get<std::string>()) +
            Cell(TimeText(row.at("since").get<int64_t>())) + Cell(KindsText(row)) +
            Cell(std::to_string(row.at("good").get<uint64_t>())) + "</tr>\n";
  }
  const auto known = zones.at("known").get<uint64_t>();
  const auto bad = zones.at("bad").get<uint64_t>();
  if (bad == 0) return fmt::format("<p class=\"good\">None of {} known zones is bad.</p>\n", known);
  std::string text = fmt::format("<p class=\"bad\">{} bad, {} zones known.</p>\n", bad, known);
  text +=
      "<table><tr><th>Zone</th><th>Server</th><th>Bad since</th><th>Bad answers</th>"
      "<th>Good answers</th></tr>\n" +
      rows + "</table>\n";
  if (shown < bad) text += fmt::format("<p>{} more are not shown.</p>\n", bad - shown);
  return text;
}

std::string ServersTable(const Config& config) {
  std::string text =
      "<h2>Servers</h2>\n<table><tr><th>Server</th><th>State</th><th>Tier</th><th></th></tr>\n";
  for (const BackendPtr& server : config.backends) {
    text += "<tr>" + Cell(server->NameWithAddress()) + Cell(server->health().StateText()) +
            Cell(std::to_string(server->settings().tier)) +
            (server->suspect() ? "<td class=\"bad\">suspect: its last drill found differences</td>"
                               : "<td></td>") +
            "</tr>\n";
  }
  return text + "</table>\n";
}

std::string DrillText(const ControlTarget& target) {
  const auto report = target.drills().Report();
  if (!report) return "";
  const json drill = DrillReportJson(*report, target.clock().Now());
  return fmt::format(
      "<h2>Last drill</h2>\n<p>{}, {}: {} compared, {} different, {} unanswered.</p>\n",
      EscapeHtml(drill.at("server").get<std::string>()), drill.at("state").get<std::string>(),
      report->compared, report->different, report->unanswered);
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string ZonesPage(const ControlTarget& target) {
  const ConfigPtr config = target.CurrentConfig();
  std::string page(kHead);
  page += fmt::format("<h1>Zones on {}</h1>\n", EscapeHtml(ServerId(config->settings)));
  page += ZonesTable(ZonesJson(target, ZoneHealth::Which::kBad, kMostZones));
  page += ServersTable(*config);
  page += DrillText(target);
  return page + "</body></html>\n";
}

}  // namespace breakwater
