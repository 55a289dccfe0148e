// What the console shows: servers, counters, the rings.
#include <fmt/format.h>

#include <algorithm>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/observe/ring_tables.h"

namespace breakwater::lua {
namespace {

// The interface whose version scripts look for.
constexpr char kInterfaceVersion[] = "2.1.1";

TextResult<const ControlTarget*> Target(Call& call) {
  const ControlTarget* target = call.runtime().target();
  if (target == nullptr) return Fail(std::string("the server has not started yet"));
  return target;
}

std::string PoolsOf(const Config& config, const BackendPtr& server) {
  std::string pools;
  for (const auto& [name, pool] : config.pools) {
    if (std::find(pool->servers.begin(), pool->servers.end(), server) == pool->servers.end()) {
      continue;
    }
    if (!pools.empty()) pools += " ";
    pools += name;
  }
  return pools;
}

std::string TcpLatency(const Backend& server) {
  return server.tcp_latency_us() > 0 ? fmt::format("{:.1f}", server.tcp_latency_us() / 1000) : "-";
}

std::string ServerRow(const Config& config, const BackendPtr& server, size_t index, bool uuids) {
  const std::string name = server->name();
  const std::string address = server->address().ToStringWithPort();
  std::string row = fmt::format("{:<3} ", index);
  if (uuids) row += fmt::format("{:<36} ", server->id());
  return row + fmt::format(
                   "{:<20.20} {:<28} {:>5} {:>7} {:>3} {:>2} {:>10} {:>7} {:>5.1f} {:>5} "
                   "{:>11} {}\n",
                   name.empty() ? address : name, address, server->health().StateText(),
                   server->settings().qps_limit, server->order(), server->weight(),
                   server->counters().queries.Get(), server->counters().timeouts.Get(),
                   server->udp_latency_us() / 1000, TcpLatency(*server), server->outstanding(),
                   PoolsOf(config, server));
}

TextResult<void> ShowServers(Call& call, Options options) {
  bool uuids = false;
  options.Read("showUUIDs", &uuids);
  if (auto good = options.Finish(); !good) return good;
  std::string text = fmt::format("{:<3} ", "#");
  if (uuids) text += fmt::format("{:<36} ", "UUID");
  text += fmt::format("{:<20} {:<28} {:>5} {:>7} {:>3} {:>2} {:>10} {:>7} {:>5} {:>5} {:>11} {}\n",
                      "Name", "Address", "State", "Qlim", "Ord", "Wt", "Queries", "Drops", "Lat",
                      "TCP", "Outstanding", "Pools");
  const Config& config = call.builder().config();
  size_t index = 0;
  uint64_t queries = 0;
  uint64_t drops = 0;
  for (const BackendPtr& server : config.backends) {
    text += ServerRow(config, server, index++, uuids);
    queries += server->counters().queries.Get();
    drops += server->counters().timeouts.Get();
  }
  text += fmt::format("{:<3} {:<{}}{:>10} {:>7}\n", "All", "", uuids ? 107 : 70, queries, drops);
  call.Print(text);
  return {};
}

TextResult<void> DumpStats(Call& call) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  call.Print(DumpStatsText((*target)->counters(), (*target)->clock().Now()));
  return {};
}

TextResult<Pushed> GetStatistics(Call& call) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  lua_newtable(call.state());
  for (const MetricReading& reading : (*target)->counters().Read((*target)->clock().Now())) {
    std::visit([&](auto value) { Push(call.state(), value); }, reading.value);
    lua_setfield(call.state(), -2, std::string(reading.name).c_str());
  }
  return Pushed{1};
}

void ShowVersion(Call& call) {
  const ControlTarget* target = call.runtime().target();
  call.Print(fmt::format("dnsdist {} (Breakwater {})\n", kInterfaceVersion,
                         target == nullptr ? std::string("-") : target->Version()));
}

TopOptions Rows(std::optional<size_t> rows, std::optional<size_t> labels) {
  return {.rows = rows.value_or(10), .labels = labels};
}

template <typename Make>
TextResult<void> PrintTop(Call& call, Make&& make) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  call.Print(TopText(make((*target)->rings())));
  return {};
}

TextResult<void> PrintTopQueries(Call& call, std::optional<size_t> rows,
                                 std::optional<size_t> labels) {
  return PrintTop(call, [&](const Rings& rings) { return TopQueries(rings, Rows(rows, labels)); });
}
TextResult<void> PrintTopResponses(Call& call, std::optional<size_t> rows,
                                   std::optional<uint16_t> rcode, std::optional<size_t> labels) {
  return PrintTop(call, [&](const Rings& rings) {
    return TopResponses(rings, static_cast<dns::RCode>(rcode.value_or(0)), Rows(rows, labels));
  });
}
TextResult<void> PrintTopSlow(Call& call, std::optional<size_t> rows,
                              std::optional<uint32_t> limit_ms, std::optional<size_t> labels) {
  return PrintTop(call, [&](const Rings& rings) {
    return TopSlow(rings, limit_ms.value_or(2000), Rows(rows, labels));
  });
}
TextResult<void> PrintTopTimeouts(Call& call, std::optional<size_t> rows,
                                  std::optional<size_t> labels) {
  return PrintTop(call, [&](const Rings& rings) { return TopTimeouts(rings, Rows(rows, labels)); });
}
TextResult<void> PrintTopClients(Call& call, std::optional<size_t> rows) {
  return PrintTop(call, [&](const Rings& rings) { return TopClients(rings, rows.value_or(10)); });
}
TextResult<void> PrintTopBandwidth(Call& call, std::optional<size_t> rows) {
  return PrintTop(call, [&](const Rings& rings) { return TopBandwidth(rings, rows.value_or(10)); });
}

TextResult<void> Grep(Call& call, const StringOrList& selectors, std::optional<size_t> limit) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  auto text = GrepText((*target)->rings(), selectors.items, limit, (*target)->clock().Now());
  if (!text) return Fail(std::move(text.error()));
  call.Print(*text);
  return {};
}

TextResult<void> ShowLatency(Call& call) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  call.Print(ResponseLatencyText((*target)->rings()));
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"dumpStats", Bind<&DumpStats>, "dumpStats()", "Prints all counters."},
    {"getStatisticsCounters", Bind<&GetStatistics>, "getStatisticsCounters() -> table",
     "All counters by name."},
    {"grepq", Bind<&Grep>, "grepq(selector | selectors [, num])",
     "Prints the last messages of a network, below a name, or slower than \"100ms\"."},
    {"showResponseLatency", Bind<&ShowLatency>, "showResponseLatency()",
     "Prints how long answers took."},
    {"showServers", Bind<&ShowServers>, "showServers([options])", "Prints all servers."},
    {"showVersion", Bind<&ShowVersion>, "showVersion()", "Prints the version."},
    {"topBandwidth", Bind<&PrintTopBandwidth>, "topBandwidth([num])",
     "Prints the clients with most bytes."},
    {"topClients", Bind<&PrintTopClients>, "topClients([num])",
     "Prints the clients with most queries."},
    {"topQueries", Bind<&PrintTopQueries>, "topQueries([num[, labels]])",
     "Prints the names asked for most."},
    {"topResponses", Bind<&PrintTopResponses>, "topResponses([num[, rcode[, labels]]])",
     "Prints the names most answered with an rcode."},
    {"topSlow", Bind<&PrintTopSlow>, "topSlow([num[, limit[, labels]]])",
     "Prints the names most often answered late."},
    {"topTimeouts", Bind<&PrintTopTimeouts>, "topTimeouts([num[, labels]])",
     "Prints the names most often not answered."},
};

}  // namespace

FunctionPage ObserveFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
