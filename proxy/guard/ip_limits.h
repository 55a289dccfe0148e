// A query rate limit for each client network: the table behind MaxQPSIPRule. Shared by all
// workers: split into shards by address, each behind its own lock. Bounded: a network has its place
// in one bucket of a few, where that seen longest ago makes room once the shard may not grow, so
// that a flood of made-up addresses costs a fixed amount of memory, and each of its queries the way
// to one place of it. Entries not seen for `expiration_s` go, `scan_fraction` of a shard at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/hash.h"
#include "proxy/base/huge_pages.h"

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
  size_t max_entries = 1'000'000;  // in all shards together; at least eight in each
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
  // A hash with this process's seed of family and network bytes, never 0. All of its 64 bits stand
  // for the network: that two of a million share one is as likely as 1 to 10^7.
  using Network = uint64_t;
  struct Entry {
    Network network = 0;  // 0: free
    MonoTime full_at;     // when its bucket of tokens will be full again
    MonoTime seen;
  };
  static constexpr size_t kWays = 8;
  struct alignas(64) Bucket {
    std::array<Entry, kWays> entries;
  };
  using Buckets = std::vector<Bucket, HugePageAllocator<Bucket>>;
  struct Shard {
    Buckets buckets = Buckets(1);
    size_t used = 0;    // entries
    size_t cursor = 0;  // the entry where the next scan begins
    MonoTime last_cleanup;

    size_t BucketOf(Network network) const {
      return static_cast<size_t>((network & 0xffffffff) * buckets.size() >> 32);
    }
    Entry& At(size_t index) { return buckets[index / kWays].entries[index % kWays]; }
  };

  Network NetworkOf(const Address& client) const;
  Guarded<Shard>& ShardOf(Network network) const;
  Entry& FindOrAdd(Shard& shard, Network network) const;
  void Cleanup(Shard& shard, MonoTime now) const;
  bool Grow(Shard& shard) const;
  bool Fits(MonoTime full_at, MonoTime now) const;

  IpLimitSettings settings_;
  int64_t interval_ns_;  // between two queries at the full rate
  int64_t depth_ns_;     // the burst, as time
  size_t most_buckets_;  // of a shard
  std::vector<std::unique_ptr<Guarded<Shard>>> shards_;
};

}  // namespace breakwater
