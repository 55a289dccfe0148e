#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "proxy/control/ctl_text.h"
#include "proxy/control/explain.h"

namespace breakwater {
namespace {

using nlohmann::json;

std::string Field(const json& object, const char* member) {
  return CtlField(object, member);
}

const json& Part(const json& object, const char* member) {
  static const json nothing = json::object();
  const auto found = object.find(member);
  return found == object.end() ? nothing : *found;
}

std::string RuleLines(const json& rules) {
  std::string text;
  for (const json& rule : rules) {
    text += fmt::format("  #{} {}{}: {} -> {}", Field(rule, "index"), Field(rule, "name"),
                        Field(rule, "name").empty() ? "" : " ", Field(rule, "rule"),
                        Field(rule, "action"));
    const bool matches = Field(rule, "match") == "yes";
    text += fmt::format(" ({})\n", matches ? Field(rule, "effect") : "undecided");
  }
  return text;
}

std::string EntryText(const json& entry) {
  std::string text = Field(entry, "state");
  if (entry.contains("rcode")) text += ", " + Field(entry, "rcode");
  if (entry.contains("ttl-left")) text += ", " + Field(entry, "ttl-left") + " s left";
  if (entry.contains("age")) text += ", " + Field(entry, "age") + " s old";
  if (entry.contains("last-good-for")) {
    text += ", a last good answer for " + Field(entry, "last-good-for") + " s";
  }
  if (entry.contains("next-try-ms")) {
    text += ", next try in " + Field(entry, "next-try-ms") + " ms";
  }
  if (entry.contains("flushed-by")) text += ", flushed by " + Field(entry, "flushed-by");
  if (entry.contains("bad")) text += ", a bad answer kept for seconds";
  if (entry.contains("why")) text += ": " + Field(entry, "why");
  return text;
}

std::string CacheLines(const json& cache) {
  if (cache.empty()) return "";
  std::string text = "cache      " + EntryText(cache) + "\n";
  for (const json& entry : Part(cache, "entries")) {
    const std::string flags = Field(entry, "asked-with");
    text += fmt::format("  asked {}{}: {}\n", flags.empty() ? "plainly" : "with ", flags,
                        EntryText(entry));
  }
  return text;
}

std::string ServerLines(const json& backend) {
  if (backend.empty()) return "";
  const std::string asked = Field(backend, "asked");
  std::string text =
      fmt::format("server     {} ({})\n", asked.empty() ? "-" : asked, Field(backend, "why"));
  for (const json& server : Part(backend, "servers")) {
    text +=
        fmt::format("  {} {} tier {} order {} {}", Field(server, "name"), Field(server, "address"),
                    Field(server, "tier"), Field(server, "order"), Field(server, "state"));
    if (server.contains("bad-for-s")) {
      text += fmt::format(", bad for {} since {} s ({})", Field(backend, "zone"),
                          Field(server, "bad-for-s"), Field(server, "last-bad"));
    }
    if (server.contains("why-not")) text += ": not asked, " + Field(server, "why-not");
    text += '\n';
  }
  return text;
}

}  // namespace

std::string ExplainText(const json& reply) {
  std::string text =
      fmt::format("{} {} from {} over {}\n", Field(reply, "name"), Field(reply, "type"),
                  Field(reply, "client"), Field(reply, "protocol"));
  for (const json& block : Part(reply, "dynamic-blocks")) {
    text += fmt::format("blocked    {}: {}\n", Field(block, "reason"), Field(block, "action"));
  }
  const json& rules = Part(reply, "rules");
  text += fmt::format("rules      {} of {} match or may\n", rules.size(),
                      reply.contains("rules-in-all") ? Field(reply, "rules-in-all") : "0");
  text += RuleLines(rules);
  if (reply.contains("pool")) {
    const std::string pool = Field(reply, "pool");
    text += fmt::format("pool       {}\n", pool.empty() ? "(default)" : pool);
  }
  text += CacheLines(Part(reply, "cache"));
  const json& miss_rules = Part(reply, "cache-miss-rules");
  if (!miss_rules.empty()) text += "cache-miss rules\n" + RuleLines(miss_rules);
  text += ServerLines(Part(reply, "backend"));
  text += "verdict    " + Field(reply, "verdict");
  if (Field(reply, "certain") == "false") text += ", unless an undecided rule says otherwise";
  return text + "\n";
}

}  // namespace breakwater
