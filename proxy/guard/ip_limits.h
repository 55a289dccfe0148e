// A query rate limit for each client network: the table behind MaxQPSIPRule. Shared by all
// workers: split into shards by address, each behind its own lock. Bounded: a full shard gives
// up the entry seen longest ago among a few, so that a flood of made-up addresses costs a fixed
// amount of memory. Entries not seen for `expiration_s` go, `scan_fraction` of a shard at a time.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/hash.h"

namespace breakwater {

struct IpLimitSettings {
  uint32_t qps = 0;  // 0: nothing passes
  uint8_t mask_v4 = 32;
  uint8_t mask_v6 = 64;
  uint32_t burst = 0;
  uint32_t expiration_s = 300;
  uint32_t cleanup_delay_s = 60;
  uint32_t scan_fraction = 10;  // a cleanup looks at one in so many entries
  uint32_t shards = 10;
  size_t max_entries = 1'000'000;  // in all shards together
};

class IpLimits {
 public:
  explicit IpLimits(const IpLimitSettings& settings);

  // Counts one query of `client`; false when its network is over the limit.
  bool Take(const Address& client, MonoTime now);
  // What Take would answer, without counting.
  bool WouldTake(const Address& client, MonoTime now) const;
  size_t size() const;
  const IpLimitSettings& settings() const { return settings_; }

 private:
  // Family and network bytes.
  using Key = std::array<uint8_t, 17>;
  struct KeyHash {
    size_t operator()(const Key& key) const { return HashBytes(key, ProcessHashSeed()); }
  };
  struct Entry {
    Key key;
    MonoTime full_at;  // when its bucket will be full again
    MonoTime seen;
  };
  struct Shard {
    absl::flat_hash_map<Key, uint32_t, KeyHash> index;  // into `entries`
    std::vector<Entry> entries;
    size_t cursor = 0;  // where the next scan begins
    MonoTime last_cleanup;
  };

  Key KeyOf(const Address& client) const;
  Guarded<Shard>& ShardOf(const Key& key) const;
  Entry& FindOrAdd(Shard& shard, const Key& key, MonoTime now) const;
  void Cleanup(Shard& shard, MonoTime now) const;
  void MakeRoom(Shard& shard) const;
  bool Fits(MonoTime full_at, MonoTime now) const;
  static void RemoveAt(Shard& shard, size_t position);

  IpLimitSettings settings_;
  int64_t interval_ns_;  // between two queries at the full rate
  int64_t depth_ns_;     // the burst, as time
  size_t shard_limit_;
  std::vector<std::unique_ptr<Guarded<Shard>>> shards_;
};

}  // namespace breakwater
