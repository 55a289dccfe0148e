// newZoneServer: a server that is no nameserver but a directory of zone files.
#include <fmt/format.h>

#include "lua/script_bindings.h"
#include "proxy/zone/zone_store.h"

namespace breakwater::lua {
namespace {

TextResult<void> ReadZoneServer(Options& options, BackendSettings* settings,
                                ZoneSourceSettings* source) {
  StringOrList pools;
  if (!options.Read("path", &source->path) || source->path.empty()) {
    options.Reject("option 'path' is missing: the directory of the zone files");
  }
  while (source->path.size() > 1 && source->path.back() == '/') source->path.pop_back();
  if (options.Read("interval", &source->interval_s) && source->interval_s < 1) {
    options.Reject("option 'interval': must be at least 1 (seconds)");
  }
  options.Read("name", &settings->name);
  options.Read("id", &settings->id);
  if (options.Read("pool", &pools)) settings->pools = pools.items;
  options.Read("order", &settings->order);
  if (options.Read("weight", &settings->weight) && settings->weight < 1) {
    options.Reject("option 'weight': must be at least 1");
  }
  options.Read("qps", &settings->qps_limit);
  if (options.Read("tier", &settings->tier) && settings->tier == 0) {
    options.Reject("option 'tier': must be 1 to 255");
  }
  return options.Finish();
}

TextResult<std::shared_ptr<Backend>> NewZoneServer(Call& call, Options options) {
  BackendSettings settings;
  ZoneSourceSettings source;
  if (auto read = ReadZoneServer(options, &settings, &source); !read) {
    return Fail(std::move(read.error()));
  }
  settings.address = *Address::Parse("0.0.0.0", 0);  // what ring entries name it by
  // No datagrams: its answers are whole, and policies compare the latency of streams.
  settings.tcp_only = true;
  auto backend = std::make_shared<Backend>(std::move(settings), nullptr,
                                           std::make_shared<ZoneStore>(std::move(source)));
  call.builder().AddBackendAndPools(backend);
  return backend;
}

constexpr FunctionRow kFunctions[] = {
    {"newZoneServer", Bind<&NewZoneServer>, "newZoneServer(options) -> Server",
     "Adds a server that answers from the zone files (NAME.zone) of a directory. TTLs of "
     "what it answers as a standby (tier=2) are bounded as newServer says. A file with a record of "
     "a type that is no DNS type, as PowerDNS's ALIAS or LUA, is not taken. It is not asked for "
     "zones that it has no file for."},
};

}  // namespace

FunctionPage ZoneFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
