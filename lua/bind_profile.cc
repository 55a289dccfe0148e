// useProfile: defaults that go together.
#include <fmt/format.h>

#include "lua/cache_options.h"
#include "lua/script_bindings.h"

namespace breakwater::lua {
namespace {

// The cache that the default pool gets where the file gives it none.
constexpr size_t kEntries = 200'000;
constexpr size_t kBytes = 512 << 20;
// Resolvers keep few connections, and may keep them for long.
constexpr uint32_t kConnectionsPerClient = 100;
constexpr uint32_t kConnectionSeconds = 3600;

// What the file sets, before or after, stays.
void BoundClients(Settings& settings) {
  uint32_t& connections = settings.client_limits.max_connections_per_client;
  if (connections == 0) connections = kConnectionsPerClient;
  uint32_t& duration = settings.max_tcp_connection_duration_s;
  if (duration == 0) duration = kConnectionSeconds;
}

// A front of authoritative servers.
TextResult<void> UseProfile(Call& call, const std::string& name) {
  if (name != "authoritative") {
    return Fail(fmt::format("there is no profile '{}'; there is \"authoritative\"", name));
  }
  Runtime::Profile& profile = call.runtime().profile();
  if (profile.caches_made > 0) {
    return Fail(std::string(
        "it says what newPacketCache() does by default: call it first, before any cache is made"));
  }
  profile.cache.last_good.emplace();
  profile.cache.refresh_ahead.emplace();
  profile.cache.join_misses = true;
  Settings& settings = call.builder().Edit().settings;
  settings.zone_health.failover = ZoneHealthSettings::Failover::kOn;
  settings.zone_health.serials.on = true;
  BoundClients(settings);
  PacketCacheSettings cache = profile.cache;
  cache.max_entries = kEntries;
  cache.max_bytes = kBytes;
  cache.maximum_entry_size = kLargestAnswer;
  auto made = MakeCache(call, std::move(cache));
  if (!made) return Fail(std::move(made.error()));
  Pool& pool = call.builder().EditPool("");
  if (pool.cache == nullptr) pool.cache = std::move(*made);
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"useProfile", Bind<&UseProfile>, "useProfile(\"authoritative\")",
     "What suits a front of authoritative servers: caches made from now on keep last good answers, "
     "join identical misses and refresh ahead, the default pool has one of 200,000 entries, "
     "queries "
     "avoid servers on which their zone is bad or older than it was, clients' connections are "
     "bounded.",
     Scope::kConfigOnly},
};

}  // namespace

FunctionPage ProfileFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
