// The configuration: a value that the script thread edits and publishes whole. Workers hold a
// `ConfigPtr` and pick a newer one up between two messages; nothing in a published Config
// changes. What keeps state across versions (backends, caches, rule counters, frontends) is held
// by shared_ptr and is thread-safe by itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/netmask_tree.h"
#include "proxy/config/settings.h"
#include "proxy/pool/pool.h"
#include "proxy/query/frontend.h"
#include "proxy/rules/chains.h"

namespace breakwater {

struct WebServerSettings {
  std::vector<Address> addresses;
  std::string password;  // plain or "$scrypt$..."; empty: none set
  std::string api_key;
  NetmaskGroup acl;
  std::map<std::string, std::string> custom_headers;
  bool stats_require_authentication = true;
  bool dashboard_requires_authentication = true;
  bool api_requires_authentication = true;
  bool allow_cross_origin_requests = false;
  bool prometheus_add_instance_label = false;
  uint32_t max_concurrent_connections = 100;
  bool api_read_write = false;
  std::string api_config_directory;  // where the API keeps a changed access list; empty: nowhere
};

struct Config {
  uint64_t version = 0;
  Settings settings;
  NetmaskGroup acl;  // who may ask
  NetmaskGroup console_acl;
  NetmaskGroup proxy_acl;                            // whose queries begin with a PROXY header
  std::vector<std::shared_ptr<Frontend>> frontends;  // repeated lines keep their rows
  std::vector<BackendPtr> backends;                  // in the order of the file
  std::map<std::string, std::shared_ptr<const Pool>, std::less<>> pools;  // "" always exists
  PolicyPtr policy;  // the global one; never null once built
  Chains chains;
  WebServerSettings web;
  // In force whatever the version; changed by itself, see dyn_block_table.h. Never null.
  std::shared_ptr<DynBlockTable> dyn_blocks = MakeDynBlockTable();

  const Pool* FindPool(std::string_view name) const {
    // "" sorts first: most queries need no search.
    const auto found = name.empty() ? pools.begin() : pools.find(name);
    return found == pools.end() ? nullptr : found->second.get();
  }
};
using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace breakwater
