#include "proxy/control/ctl_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "proxy/control/ctl_drill.h"
#include "proxy/control/explain.h"
#include "proxy/control/zone_news.h"

namespace breakwater {
namespace {

using nlohmann::json;

std::string Field(const json& object, const char* member) {
  return CtlField(object, member);
}

const json& List(const json& object, const char* member) {
  static const json empty = json::array();
  const auto found = object.find(member);
  return found != object.end() && found->is_array() ? *found : empty;
}

std::string Joined(const json& list) {
  std::string text;
  for (const json& item : list) {
    if (!item.is_string()) continue;
    if (!text.empty()) text += ' ';
    text += CleanText(item.get<std::string>().empty() ? "(default)" : item.get<std::string>());
  }
  return text;
}

std::string Members(const json& reply) {
  std::string text;
  for (const auto& [key, value] : reply.items()) {
    if (key != "ok") text += fmt::format("{:<20} {}\n", CleanText(key), Field(reply, key.c_str()));
  }
  return text;
}

// A drill has found that its answers differ.
std::string Mark(const json& server) {
  const auto found = server.find("suspect");
  return found != server.end() && *found == true ? "?" : "";
}

std::string ServerLine(const json& server) {
  return fmt::format("{:<3} {:<20} {:<30} {:<5} {:>4} {:>5} {:>10} {:>8} {:>7} {:>11} {}\n",
                     Field(server, "index"), Field(server, "name"), Field(server, "address"),
                     Field(server, "state") + Mark(server), Field(server, "order"),
                     Field(server, "weight"), Field(server, "queries"), Field(server, "timeouts"),
                     Field(server, "latency-ms"), Field(server, "outstanding"),
                     Joined(List(server, "pools")));
}

std::string ServersText(const json& servers) {
  std::string text = fmt::format(
      "{:<3} {:<20} {:<30} {:<5} {:>4} {:>5} {:>10} {:>8} {:>7} {:>11} {}\n", "#", "Name",
      "Address", "State", "Ord", "Wt", "Queries", "Timeouts", "Lat", "Outstanding", "Pools");
  bool suspect = false;
  for (const json& server : servers) {
    text += ServerLine(server);
    suspect |= !Mark(server).empty();
  }
  if (suspect) text += "?: suspect, a drill has found differences (drill report)\n";
  return text;
}

std::string RulesText(const json& reply) {
  std::string text;
  for (const json& chain : List(reply, "chains")) {
    const json& rules = List(chain, "rules");
    if (rules.empty()) continue;
    text += fmt::format("{}\n{:<3} {:<30} {:>10} {:<56} {}\n", Field(chain, "chain"), "#", "Name",
                        "Matches", "Rule", "Action");
    for (const json& rule : rules) {
      text +=
          fmt::format("{:<3} {:<30} {:>10} {:<56} {}\n", Field(rule, "index"), Field(rule, "name"),
                      Field(rule, "matches"), Field(rule, "rule"), Field(rule, "action"));
    }
  }
  return text.empty() ? "no rules\n" : text;
}

std::string CachesText(const json& reply) {
  std::string text;
  for (const json& cache : List(reply, "caches")) {
    text += fmt::format("{:<20} {}\n", "pools", Joined(List(cache, "pools")));
    for (const auto& [key, value] : cache.items()) {
      if (key != "pools")
        text += fmt::format("{:<20} {}\n", CleanText(key), Field(cache, key.c_str()));
    }
    text += '\n';
  }
  return text.empty() ? "no pool has a cache\n" : text;
}

// "2026-11-28T02:03:04Z", of one that is bad.
std::string SinceText(const json& row) {
  const auto since = row.find("since");
  if (since == row.end() || !since->is_number_integer()) return "-";
  return UtcText(since->get<int64_t>());
}

std::string ZonesText(const json& reply) {
  std::string text = fmt::format("{:<40} {:<36} {:<5} {:<20} {:>10} {}\n", "Zone", "Server",
                                 "State", "Since", "Good", "Bad answers");
  for (const json& row : List(reply, "zones")) {
    std::string bad;
    if (const auto kinds = row.find("bad"); kinds != row.end() && kinds->is_object()) {
      for (const auto& [kind, count] : kinds->items()) {
        bad += fmt::format("{}{}={}", bad.empty() ? "" : " ", CleanText(kind), count.dump());
      }
    }
    // Where it is news: servers that are level have nothing to tell.
    if (row.contains("newest-serial")) {
      bad += fmt::format("{}(serial {}, behind {})", bad.empty() ? "" : " ", Field(row, "serial"),
                         Field(row, "newest-serial"));
    }
    text += fmt::format("{:<40} {:<36} {:<5} {:<20} {:>10} {}\n", Field(row, "zone"),
                        Field(row, "server"), Field(row, "state"), SinceText(row),
                        Field(row, "good"), bad.empty() ? "-" : bad);
  }
  return text + fmt::format("{} zones known, bad {} times, once for each server\n",
                            Field(reply, "known"), Field(reply, "bad"));
}

std::string ListsText(const json& reply) {
  std::string text = fmt::format("{:<6} {:<9} {:>8} {:>8} {:>8} {}\n", "List", "State", "Total",
                                 "Flushed", "Undone", "Why");
  for (const json& job : List(reply, "jobs")) {
    text += fmt::format("{:<6} {:<9} {:>8} {:>8} {:>8} {}\n", Field(job, "job"),
                        Field(job, "state"), Field(job, "total"), Field(job, "flushed"),
                        Field(job, "undone"), Field(job, "why"));
  }
  return text;
}

}  // namespace

std::string CtlListText(const json& status, const std::string& failed) {
  std::string text = fmt::format("{} flushed, {} failed in {} s", Field(status, "flushed"), failed,
                                 Field(status, "seconds"));
  if (Field(status, "state") == "stopped" || Field(status, "state") == "undoing") {
    const std::string undone = Field(status, "undone");
    const std::string stuck = Field(status, "not-undone");
    text =
        fmt::format("stopped: {}\n{} of {} names were flushed, {} of them taken back\n",
                    Field(status, "why"), Field(status, "flushed"), Field(status, "total"), undone);
    if (stuck != "0" && !stuck.empty()) {
      text += stuck + " could not be taken back: hard, or flushed again since\n";
    }
    if (undone != "0" || Field(status, "first-id").empty()) return text;
  } else {
    text += "; ";
  }
  const std::string first = Field(status, "first-id");
  if (first.empty()) return text.substr(0, text.size() - 2) + "\n";
  return text +
         fmt::format("to take them back: flush undo {}-{}\n", first, Field(status, "last-id"));
}

std::string CtlField(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return "";
  if (found->is_string()) return CleanText(found->get<std::string>());
  if (found->is_number_float()) return fmt::format("{:.1f}", found->get<double>());
  return CleanText(found->dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string CleanText(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string CtlReplyText(CtlCommand command, const json& reply) {
  switch (command) {
    case CtlCommand::kServers:
      return ServersText(List(reply, "servers"));
    case CtlCommand::kServer: {
      const auto found = reply.find("server");
      return ServersText(found != reply.end() ? json::array({*found}) : json::array());
    }
    case CtlCommand::kRules:
      return RulesText(reply);
    case CtlCommand::kCacheStats:
      return CachesText(reply);
    case CtlCommand::kFlush:
      return fmt::format("flush {}\n", Field(reply, "id"));
    case CtlCommand::kFlushUndo:
      if (const std::string to = Field(reply, "to"); !to.empty()) {
        return fmt::format("flushes {} to {} undone\n", Field(reply, "id"), to);
      }
      return fmt::format("flush {} undone\n", Field(reply, "id"));
    case CtlCommand::kFlushLists:
      return ListsText(reply);
    case CtlCommand::kFlushStop:
      return CtlListText(reply, Field(reply, "failed"));
    case CtlCommand::kReloadCertificates:
      return fmt::format("certificates of {} frontends loaded\n", Field(reply, "loaded"));
    case CtlCommand::kExplain:
      return ExplainText(reply);
    case CtlCommand::kZones:
      return ZonesText(reply);
    case CtlCommand::kDrill:
      return DrillText(reply);
    case CtlCommand::kVersion:
      return Field(reply, "version") + "\n";
    default:
      return Members(reply);
  }
}

std::string CtlProgressText(const CtlProgress& progress) {
  constexpr size_t kWidth = 40;
  const size_t filled = progress.total > 0 ? progress.done * kWidth / progress.total : kWidth;
  const double rate =
      progress.seconds > 0 ? static_cast<double>(progress.done) / progress.seconds : 0;
  const double left = rate > 0 ? static_cast<double>(progress.total - progress.done) / rate : 0;
  return fmt::format("[{:<{}}] {}/{}  {:.0f}/s  {:.0f} s left", std::string(filled, '#'), kWidth,
                     progress.done, progress.total, rate, left);
}

}  // namespace breakwater
