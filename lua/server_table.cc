#include "lua/server_table.h"

#include "proxy/zone/zone_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakwater::lua {
namespace {

// One row, each column as text.
struct Row {
  std::string number, uuid, name, address, state, qps, limit, order, weight, queries, drops;
  std::string drop_rate, latency, tcp_latency, outstanding, pools;
};

std::string Text(const Row& row, const ServerTableOptions& options) {
  std::string text = fmt::format("{:<3} ", row.number);
  if (options.show_uuids) text += fmt::format("{:<36} ", row.uuid);
  text +=
      fmt::format("{:<20.20} {:<28.28} {:>5} {:>7} {:>7} {:>3} {:>2} {:>10} ", row.name,
                  row.address, row.state, row.qps, row.limit, row.order, row.weight, row.queries);
  return text + fmt::format("{:>7} {:>5} {:>5} {:>5} {:>11} {}\n", row.drops, row.drop_rate,
                            row.latency, row.tcp_latency, row.outstanding, row.pools);
}

std::string Tenths(double value) {
  return fmt::format("{:.1f}", value);
}

std::string PoolsOf(const Config& config, const BackendPtr& server) {
  std::string pools;
  for (const auto& [name, pool] : config.pools) {
    const auto& members = pool->servers;
    if (std::find(members.begin(), members.end(), server) == members.end()) continue;
    if (!pools.empty()) pools += " ";
    pools += name;
  }
  return pools;
}

Row RowOf(const Config& config, const BackendPtr& server, const ServerRate& rate) {
  const std::string address = server->AddressText();
  const std::string name = server->name();
  return {
      .number = {},
      .uuid = server->id(),
      .name = name.empty() ? address : name,
      .address = address,
      .state = std::string(server->health().StateText()),
      .qps = Tenths(rate.queries),
      .limit = fmt::to_string(server->qps_limit()),
      .order = fmt::to_string(server->order()),
      .weight = fmt::to_string(server->weight()),
      .queries = fmt::to_string(server->counters().queries.Get()),
      .drops = fmt::to_string(server->counters().timeouts.Get()),
      .drop_rate = Tenths(rate.drops),
      .latency = Tenths(server->udp_latency_us() / 1000),
      .tcp_latency = server->tcp_latency_us() > 0 ? Tenths(server->tcp_latency_us() / 1000) : "-",
      .outstanding = fmt::to_string(server->outstanding()),
      .pools = PoolsOf(config, server)};
}

// Why servers over TLS are down, what drills found, and what servers of zone files hold; below the
// table.
std::string Remarks(const Config& config) {
  std::string text;
  for (size_t i = 0; i < config.backends.size(); ++i) {
    if (config.backends[i]->suspect()) {
      text += fmt::format("{:<3} suspect: a drill has found that its answers differ\n", i);
    }
    const std::string reason = config.backends[i]->tls_failure();
    if (!reason.empty()) text += fmt::format("{:<3} TLS failed: {}\n", i, reason);
    const ZoneStorePtr& zones = config.backends[i]->zones();
    if (zones != nullptr) text += fmt::format("{:<3} {}\n", i, zones->Describe());
  }
  return text;
}

}  // namespace

std::string ServerTable(const Config& config, const ServerRates& rates,
                        const ServerTableOptions& options) {
  std::string text = Text({"#", "UUID", "Name", "Address", "State", "Qps", "Qlim", "Ord", "Wt",
                           "Queries", "Drops", "Drate", "Lat", "TCP", "Outstanding", "Pools"},
                          options);
  double qps = 0;
  uint64_t queries = 0;
  uint64_t drops = 0;
  for (size_t i = 0; i < config.backends.size(); ++i) {
    const BackendPtr& server = config.backends[i];
    const ServerRate rate = rates.Of(*server);
    Row row = RowOf(config, server, rate);
    row.number = fmt::to_string(i);
    text += Text(row, options);
    qps += rate.queries;
    queries += server->counters().queries.Get();
    drops += server->counters().timeouts.Get();
  }
  Row total;
  total.number = "All";
  total.qps = Tenths(qps);
  total.queries = fmt::to_string(queries);
  total.drops = fmt::to_string(drops);
  return text + Text(total, options) + Remarks(config);
}

}  // namespace breakwater::lua
