#include "proxy/web/rings_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "proxy/dns/header.h"
#include "proxy/web/dump_json.h"

namespace breakwater {
namespace {

using nlohmann::json;

template <typename Entry>
std::span<const Entry> Newest(const std::vector<Entry>& entries, size_t most) {
  return std::span(entries).last(std::min(most, entries.size()));
}

// A character for each octet, in UTF-8.
std::string Latin1(const MacAddress& octets) {
  std::string text;
  for (const uint8_t octet : octets) {
    if (octet >= 0x80) text += static_cast<char>(0xc0 | octet >> 6);
    text += static_cast<char>(octet < 0x80 ? octet : 0x80 | (octet & 0x3f));
  }
  return text;
}

json Common(const RingEntry& entry, MonoTime now) {
  return {{"age", static_cast<double>((now - entry.when).ns) / 1e9},
          {"id", entry.id},
          {"name", entry.Name().ToString()},
          {"requestor", entry.client.ToStringWithPort()},
          {"size", entry.size},
          {"qtype", static_cast<uint16_t>(entry.type)},
          {"protocol", ProtocolName(entry.protocol)},
          {"rd", (entry.flags & dns::kFlagRd) != 0}};
}

json QueryJson(const RingQuery& query, MonoTime now, NeighbourTable& neighbours) {
  json row = Common(query, now);
  const auto mac = neighbours.Find(query.client);
  row["mac"] = mac ? Latin1(*mac) : std::string();
  return row;
}

json ResponseJson(const RingResponse& response, MonoTime now) {
  json row = Common(response, now);
  row["latency"] = response.latency_us;
  row["rcode"] = response.flags & dns::kRcodeMask;
  row["tc"] = (response.flags & dns::kFlagTc) != 0;
  row["aa"] = (response.flags & dns::kFlagAa) != 0;
  row["answers"] = response.answers;
  row["backend"] = response.backend.IsSet() ? response.backend.ToStringWithPort() : "Cache";
  return row;
}

}  // namespace

std::string JsonRings(const ControlTarget& target, const RingLimits& limits) {
  const MonoTime now = target.clock().Now();
  const ConfigPtr config = target.CurrentConfig();
  json queries = json::array(), responses = json::array();
  const auto all_queries = target.rings().Queries();
  for (const RingQuery& query : Newest(all_queries, limits.queries)) {
    queries.push_back(QueryJson(query, now, *config->settings.neighbours));
  }
  const auto all_responses = target.rings().Responses();
  for (const RingResponse& response : Newest(all_responses, limits.responses)) {
    responses.push_back(ResponseJson(response, now));
  }
  return DumpJson({{"queries", std::move(queries)}, {"responses", std::move(responses)}});
}

}  // namespace breakwater
