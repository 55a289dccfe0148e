// What the console shows: servers, counters, the rings.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "lua/server_table.h"
#include "proxy/base/unique_fd.h"
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

TextResult<void> ShowServers(Call& call, Options options) {
  ServerTableOptions table;
  options.Read("showUUIDs", &table.show_uuids);
  if (auto good = options.Finish(); !good) return good;
  call.Print(ServerTable(call.builder().config(), call.runtime().server_rates(), table));
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

// The same as tables for Lua, as versions before 2.1 gave them: {name, count, percent} by place.
template <typename Make>
TextResult<Pushed> GetTop(Call& call, Make&& make) {
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  lua_State* const state = call.state();
  lua_newtable(state);
  lua_Integer place = 0;
  for (const TopRow& row : make((*target)->rings())) {
    lua_createtable(state, 3, 0);
    Push(state, row.what);
    lua_rawseti(state, -2, 1);
    Push(state, row.count);
    lua_rawseti(state, -2, 2);
    Push(state, row.percent);
    lua_rawseti(state, -2, 3);
    lua_rawseti(state, -2, ++place);
  }
  return Pushed{1};
}

TextResult<Pushed> GetTopQueries(Call& call, size_t rows, std::optional<size_t> labels) {
  return GetTop(call, [&](const Rings& rings) { return TopQueries(rings, Rows(rows, labels)); });
}
TextResult<Pushed> GetTopResponses(Call& call, size_t rows, uint16_t rcode,
                                   std::optional<size_t> labels) {
  return GetTop(call, [&](const Rings& rings) {
    return TopResponses(rings, static_cast<dns::RCode>(rcode), Rows(rows, labels));
  });
}
TextResult<Pushed> GetSlowResponses(Call& call, size_t rows, uint32_t limit_ms,
                                    std::optional<size_t> labels) {
  return GetTop(call,
                [&](const Rings& rings) { return TopSlow(rings, limit_ms, Rows(rows, labels)); });
}
TextResult<Pushed> GetTopBandwidth(Call& call, size_t rows) {
  return GetTop(call, [&](const Rings& rings) { return TopBandwidth(rings, rows); });
}

// Nobody is asked, so it is unknown, as dnsdist says it where polling is off.
void ShowSecurityStatus(Call& call) {
  call.Print("0\n");
}

// A new file: what is there already is never written over.
TextResult<void> WriteNewFile(const std::string& path, std::string_view text) {
  const auto fail = [&] {
    return Fail(fmt::format("cannot write the file '{}': {}", path, std::strerror(errno)));
  };
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return fail();
  while (!text.empty()) {
    const ssize_t written = write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail();
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

using NumberOrOptions = std::variant<size_t, Options>;

// grepq(selectors, num, options), and without the number too.
TextResult<void> Grep(Call& call, const StringOrList& selectors,
                      std::optional<NumberOrOptions> second, Options third) {
  Options* options = &third;
  std::optional<size_t> limit;
  if (second && std::holds_alternative<Options>(*second)) {
    if (!lua_isnoneornil(call.state(), 3)) return Fail(TypeError(call, 2, "integer"));
    options = &std::get<Options>(*second);
  } else if (second) {
    limit = std::get<size_t>(*second);
  }
  std::string path;
  options->Read("outputFile", &path);
  if (auto good = options->Finish(); !good) return good;
  const auto target = Target(call);
  if (!target) return Fail(target.error());
  auto text = GrepText((*target)->rings(), selectors.items, limit, (*target)->clock().Now());
  if (!text) return Fail(std::move(text.error()));
  if (!path.empty()) return WriteNewFile(path, *text);
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
    {"getSlowResponses", Bind<&GetSlowResponses>, "getSlowResponses(num, limit[, labels]) -> table",
     "What topSlow() prints, as {name, count, percent}."},
    {"getStatisticsCounters", Bind<&GetStatistics>, "getStatisticsCounters() -> table",
     "All counters by name."},
    {"getTopBandwidth", Bind<&GetTopBandwidth>, "getTopBandwidth(num) -> table",
     "What topBandwidth() prints, as {client, bytes, percent}."},
    {"getTopQueries", Bind<&GetTopQueries>, "getTopQueries(num[, labels]) -> table",
     "What topQueries() prints, as {name, count, percent}."},
    {"getTopResponses", Bind<&GetTopResponses>, "getTopResponses(num, rcode[, labels]) -> table",
     "What topResponses() prints, as {name, count, percent}."},
    {"grepq", Bind<&Grep>, "grepq(selector | selectors [, num [, options]])",
     "Prints the last messages of a network, below a name, or slower than \"100ms\"; with "
     "outputFile it writes them to a new file."},
    {"showResponseLatency", Bind<&ShowLatency>, "showResponseLatency()",
     "Prints how long answers took."},
    {"showSecurityStatus", Bind<&ShowSecurityStatus>, "showSecurityStatus()",
     "Prints 0, for unknown: no security status is asked for."},
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
