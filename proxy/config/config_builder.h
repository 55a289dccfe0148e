// The working copy of the configuration. Edited by Lua bindings on the script thread (and while
// the file is read, on the main thread) alone. When the outermost Lua call has ended, Publish()
// checks it, copies it into an immutable Config and hands that to the workers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/config/config.h"

namespace breakwater {

class ConfigBuilder {
 public:
  ConfigBuilder();  // dnsdist's defaults: default ACL, leastOutstanding, the default pool

  const Config& config() const { return config_; }
  // Marks the configuration as changed and gives it for editing.
  Config& Edit() {
    changed_ = true;
    return config_;
  }
  bool changed() const { return changed_; }

  // Pools are copied on change.
  Pool& EditPool(std::string_view name);  // made where there is none of that name
  void AddBackend(const BackendPtr& backend);
  // And to the pools that its settings name, the default pool where they name none.
  void AddBackendAndPools(const BackendPtr& backend);
  bool RemoveBackend(const BackendPtr& backend);
  void AddBackendToPool(const BackendPtr& backend, std::string_view pool);
  bool RemoveBackendFromPool(const BackendPtr& backend, std::string_view pool);
  // After an order changed: sorts the servers of the pools it is in.
  void SortPools();

  // After a setting of the built-in policies changed: makes those in use anew.
  void RemakePolicies();

  // Called with each published configuration; replaced by tests and by the server.
  void OnPublish(std::function<void(ConfigPtr)> listener) { listener_ = std::move(listener); }
  // The newest configuration; publishes first where something changed.
  ConfigPtr Publish();

 private:
  Config config_;
  // The pools copied since the last publishing: nobody else holds these yet.
  std::map<std::string, std::shared_ptr<Pool>, std::less<>> own_pools_;
  ConfigPtr published_;
  bool changed_ = true;
  std::function<void(ConfigPtr)> listener_;
};

}  // namespace breakwater
