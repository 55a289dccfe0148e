// A key-value store in a file, filled by another program and only read here. Made on the script
// thread; looked up by all workers at once, without a system call or a wait for the file. A helper
// thread calls Tend() about once a second; nothing else opens or reads the file.
//
// A file that cannot be used is an error when the store is made. Later on what was read before
// stays in use; that is counted in load_errors() and logged.
#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/result.h"

namespace breakwater {

class KeyValueStore {
 public:
  // Gets the value, which lives no longer than the call. Must not look anything up.
  using Visitor = absl::FunctionRef<void(std::string_view value)>;
  using Key = std::span<const uint8_t>;

  KeyValueStore() = default;
  KeyValueStore(const KeyValueStore&) = delete;
  KeyValueStore& operator=(const KeyValueStore&) = delete;
  virtual ~KeyValueStore() = default;

  // False where there is no such key. Any thread, as the next one.
  virtual bool Find(Key key, Visitor visit) const = 0;
  bool Contains(Key key) const {
    return Find(key, [](std::string_view) {});
  }
  // The entry whose key is the last of a range and whose value begins with the first one, where
  // `key` lies in between; the value is handed over whole. Always false where keys have no order.
  virtual bool FindRange(Key /*key*/, Visitor /*visit*/) const { return false; }

  // Reads the file again if it has changed; true where it did so. Script thread.
  virtual bool Reload() { return false; }
  // The helper thread: what has to be done from time to time.
  virtual void Tend(MonoTime /*now*/) {}

  virtual std::string ToString() const = 0;  // "CDB \"/path\""

  uint64_t loads() const { return loads_.Get(); }  // after the first one
  uint64_t load_errors() const { return load_errors_.Get(); }
  uint64_t lookup_errors() const { return lookup_errors_.Get(); }

 protected:
  SharedCounter loads_, load_errors_;
  mutable SharedCounter lookup_errors_;
};
using KeyValueStorePtr = std::shared_ptr<KeyValueStore>;

}  // namespace breakwater
