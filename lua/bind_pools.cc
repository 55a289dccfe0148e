// Pools: getPool and the ServerPool class.
#include <fmt/format.h>

#include "lua/bindings.h"
#include "lua/pool_handle.h"

namespace breakwater::lua {
namespace {

// Made where there is none of that name, as dnsdist does.
std::shared_ptr<PoolHandle> GetPool(Call& call, const std::string& name) {
  if (call.builder().config().FindPool(name) == nullptr) call.builder().EditPool(name);
  return std::make_shared<PoolHandle>(PoolHandle{name});
}

std::vector<BackendPtr> GetPoolServers(Call& call, const std::string& name) {
  const Pool* pool = call.builder().config().FindPool(name);
  return pool == nullptr ? std::vector<BackendPtr>() : pool->servers;
}

std::vector<std::string> GetPoolNames(Call& call) {
  std::vector<std::string> names;
  for (const auto& [name, pool] : call.builder().config().pools) names.push_back(name);
  return names;
}

void ShowPools(Call& call) {
  const Config& config = call.builder().config();
  std::string text =
      fmt::format("{:<24} {:>20} {:>20} {}\n", "Name", "Cache", "ServerPolicy", "Servers");
  for (const auto& [name, pool] : config.pools) {
    std::string servers;
    for (const BackendPtr& server : pool->servers) {
      if (!servers.empty()) servers += ", ";
      const std::string called = server->name();
      servers += fmt::format("{} {}", called.empty() ? server->AddressText() : called,
                             server->AddressText());
    }
    const PolicyPtr& policy = pool->policy ? pool->policy : config.policy;
    text += fmt::format("{:<24} {:>20} {:>20} {}\n", name,
                        pool->cache ? pool->cache->ToString() : "", policy->Name(), servers);
  }
  call.Print(text);
}

const Pool& Find(Call& call, const PoolHandle& handle) {
  const Pool* pool = call.builder().config().FindPool(handle.name);
  return pool == nullptr ? call.builder().EditPool(handle.name) : *pool;
}

std::shared_ptr<PacketCache> GetCache(Call& call, const PoolHandle& pool) {
  return Find(call, pool).cache;
}
void SetCache(Call& call, const PoolHandle& pool, const std::shared_ptr<PacketCache>& cache) {
  call.builder().EditPool(pool.name).cache = cache;
}
void UnsetCache(Call& call, const PoolHandle& pool) {
  call.builder().EditPool(pool.name).cache = nullptr;
}
bool GetEcs(Call& call, const PoolHandle& pool) {
  return Find(call, pool).UsesClientSubnet();
}
void SetEcs(Call& call, const PoolHandle& pool, bool enabled) {
  call.builder().EditPool(pool.name).explicit_ecs = enabled;
}
bool GetZeroScope(Call& call, const PoolHandle& pool) {
  return Find(call, pool).ZeroScope();
}
void SetZeroScope(Call& call, const PoolHandle& pool, bool enabled) {
  call.builder().EditPool(pool.name).explicit_zero_scope = enabled;
}

constexpr FunctionRow kMethods[] = {
    {"getCache", Bind<&GetCache>, "ServerPool:getCache() -> PacketCache", "Its cache, or nil."},
    {"getECS", Bind<&GetEcs>, "ServerPool:getECS() -> bool",
     "Whether its queries carry the client's subnet."},
    {"getZeroScope", Bind<&GetZeroScope>, "ServerPool:getZeroScope() -> bool",
     "Whether answers of scope 0 serve all clients."},
    {"setCache", Bind<&SetCache>, "ServerPool:setCache(cache)", "Gives it a cache."},
    {"setECS", Bind<&SetEcs>, "ServerPool:setECS(enabled)",
     "Says so where its servers disagree or there are none."},
    {"setZeroScope", Bind<&SetZeroScope>, "ServerPool:setZeroScope(enabled)",
     "Says so where its servers disagree or there are none."},
    {"unsetCache", Bind<&UnsetCache>, "ServerPool:unsetCache()", "Takes its cache away."},
};

const ClassRow kClass = {
    "ServerPool",
    kMethods,
    {},
    [](const void* object) { return static_cast<const PoolHandle*>(object)->name; },
    [](const void* a, const void* b) {
      return static_cast<const PoolHandle*>(a)->name == static_cast<const PoolHandle*>(b)->name;
    },
    nullptr,
    nullptr,
    "A set of servers with, perhaps, a cache and a policy of its own."};

constexpr FunctionRow kFunctions[] = {
    {"getPool", Bind<&GetPool>, "getPool(name) -> ServerPool",
     "A pool by name, made where there is none; \"\" is the default pool."},
    {"getPoolNames", Bind<&GetPoolNames>, "getPoolNames() -> [string]", "The names of all pools."},
    {"getPoolServers", Bind<&GetPoolServers>, "getPoolServers(name) -> [Server]",
     "The servers of a pool."},
    {"showPools", Bind<&ShowPools>, "showPools()", "Prints all pools."},
};

}  // namespace

const ClassRow& PoolClass() {
  return kClass;
}
FunctionPage PoolFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
