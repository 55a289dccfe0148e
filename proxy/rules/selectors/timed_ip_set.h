// TimedIPSetRule: matches clients that were put into it, each for a time of its own. Filled by Lua
// on any thread. Bounded: a set of the most entries takes no more until some have expired.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>

#include "proxy/base/guarded.h"
#include "proxy/base/hash.h"
#include "proxy/rules/selector.h"

namespace breakwater {

class TimedIpSet final : public Selector {
 public:
  static constexpr size_t kMostEntries = 1'000'000;

  // For so many seconds from `now` on; never shortens what was said before. The port does not
  // count. False where the set is full.
  bool Add(const Address& client, uint32_t seconds, MonoTime now);
  void Clear();
  // Frees expired entries, which match no more either way.
  void Cleanup(MonoTime now);
  size_t size() const;

  bool Matches(const Query& query, RuleContext& context) const override;
  std::string ToString() const override;

 private:
  // Family and address bytes.
  using Key = std::array<uint8_t, 17>;
  struct KeyHash {
    size_t operator()(const Key& key) const { return HashBytes(key, ProcessHashSeed()); }
  };
  static Key KeyOf(const Address& client);

  Guarded<absl::flat_hash_map<Key, MonoTime, KeyHash>> until_;
  MonoTime next_purge_;  // under the lock of until_
};

}  // namespace breakwater
