#include "proxy/config/config_builder.h"

#include <algorithm>
#include <utility>

#include "proxy/base/random.h"

namespace breakwater {
namespace {

// Loopback, RFC 1918, RFC 6598, RFC 4193 and link-local.
constexpr const char* kDefaultAcl[] = {"127.0.0.0/8",    "10.0.0.0/8",     "100.64.0.0/10",
                                       "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12",
                                       "::1/128",        "fc00::/7",       "fe80::/10"};

bool ByOrder(const BackendPtr& a, const BackendPtr& b) {
  return a->order() < b->order();
}

}  // namespace

ConfigBuilder::ConfigBuilder() {
  for (const char* network : kDefaultAcl) (void)config_.acl.Add(network);
  for (const char* network : {"127.0.0.0/8", "::1/128"}) {
    (void)config_.console_acl.Add(network);
    (void)config_.web.acl.Add(network);
  }
  PolicySettings& policies = config_.settings.policies;
  while (policies.whashed_perturbation == 0) {
    policies.whashed_perturbation = static_cast<uint32_t>(RandomU64());
  }
  config_.policy = MakePolicy("leastOutstanding", policies);
  EditPool("");
}

Pool& ConfigBuilder::EditPool(std::string_view name) {
  changed_ = true;
  const auto mine = own_pools_.find(name);
  if (mine != own_pools_.end()) return *mine->second;
  std::shared_ptr<Pool> copy;
  const auto found = config_.pools.find(name);
  if (found == config_.pools.end()) {
    copy = std::make_shared<Pool>();
    copy->name = std::string(name);
  } else {
    copy = std::make_shared<Pool>(*found->second);
  }
  config_.pools[std::string(name)] = copy;
  own_pools_[std::string(name)] = copy;
  return *copy;
}

void ConfigBuilder::AddBackend(const BackendPtr& backend) {
  changed_ = true;
  config_.backends.push_back(backend);
  std::stable_sort(config_.backends.begin(), config_.backends.end(), ByOrder);
}

void ConfigBuilder::AddBackendAndPools(const BackendPtr& backend) {
  AddBackend(backend);
  const auto& pools = backend->settings().pools;
  if (pools.empty()) AddBackendToPool(backend, "");
  for (const std::string& pool : pools) AddBackendToPool(backend, pool);
}

bool ConfigBuilder::RemoveBackend(const BackendPtr& backend) {
  if (std::erase(config_.backends, backend) == 0) return false;
  changed_ = true;
  std::vector<std::string> names;
  for (const auto& [name, pool] : config_.pools) names.push_back(name);
  for (const std::string& name : names) RemoveBackendFromPool(backend, name);
  return true;
}

void ConfigBuilder::AddBackendToPool(const BackendPtr& backend, std::string_view pool) {
  auto& servers = EditPool(pool).servers;
  if (std::find(servers.begin(), servers.end(), backend) != servers.end()) return;
  servers.push_back(backend);
  std::stable_sort(servers.begin(), servers.end(), ByOrder);
}

bool ConfigBuilder::RemoveBackendFromPool(const BackendPtr& backend, std::string_view pool) {
  const Pool* const found = config_.FindPool(pool);
  if (found == nullptr) return false;
  if (std::find(found->servers.begin(), found->servers.end(), backend) == found->servers.end()) {
    return false;
  }
  std::erase(EditPool(pool).servers, backend);
  return true;
}

void ConfigBuilder::SortPools() {
  changed_ = true;
  std::stable_sort(config_.backends.begin(), config_.backends.end(), ByOrder);
  std::vector<std::string> unsorted;
  for (const auto& [name, pool] : config_.pools) {
    if (!std::is_sorted(pool->servers.begin(), pool->servers.end(), ByOrder)) {
      unsorted.push_back(name);
    }
  }
  for (const std::string& name : unsorted) {
    auto& servers = EditPool(name).servers;
    std::stable_sort(servers.begin(), servers.end(), ByOrder);
  }
}

void ConfigBuilder::RemakePolicies() {
  changed_ = true;
  const auto remake = [&](const PolicyPtr& old) {
    if (!old || old->IsLua()) return old;
    PolicyPtr fresh = MakePolicy(old->Name(), config_.settings.policies);
    return fresh ? fresh : old;
  };
  config_.policy = remake(config_.policy);
  std::vector<std::string> names;
  for (const auto& [name, pool] : config_.pools) {
    if (pool->policy) names.push_back(name);
  }
  for (const std::string& name : names) {
    Pool& pool = EditPool(name);
    pool.policy = remake(pool.policy);
  }
}

ConfigPtr ConfigBuilder::Publish() {
  if (!changed_) return published_;
  changed_ = false;
  for (const auto& [name, pool] : own_pools_) pool->SortIntoTiers();
  own_pools_.clear();
  ++config_.version;
  published_ = std::make_shared<const Config>(config_);
  if (listener_) listener_(published_);
  return published_;
}

}  // namespace breakwater
