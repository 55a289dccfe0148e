#include "proxy/guard/ip_limits.h"

#include <algorithm>

namespace breakwater {
namespace {

constexpr size_t kLine = 64;  // of the processor's caches

// Asks for all lines of a bucket at once: one wait for memory instead of one a line.
template <typename Bucket>
void Fetch(const Bucket& bucket) {
  const char* const begin = reinterpret_cast<const char*>(&bucket);
  for (size_t at = 0; at < sizeof(bucket); at += kLine) __builtin_prefetch(begin + at, 1);
}

}  // namespace

IpLimits::IpLimits(const IpLimitSettings& settings) : settings_(settings) {
  settings_.shards = std::max<uint32_t>(settings_.shards, 1);
  settings_.scan_fraction = std::max<uint32_t>(settings_.scan_fraction, 1);
  interval_ns_ = settings_.qps > 0 ? 1'000'000'000 / settings_.qps : 0;
  depth_ns_ = interval_ns_ * settings_.burst;
  most_buckets_ = std::max<size_t>(settings_.max_entries / settings_.shards / kWays, 1);
  for (uint32_t i = 0; i < settings_.shards; ++i) {
    shards_.push_back(std::make_unique<Guarded<Shard>>());
  }
}

IpLimits::Network IpLimits::NetworkOf(const Address& client) const {
  const Address network = client.Truncated(client.IsV6() ? settings_.mask_v6 : settings_.mask_v4);
  const auto raw = network.Raw();
  std::array<uint8_t, 17> bytes{};
  bytes[0] = static_cast<uint8_t>(raw.size());
  std::copy(raw.begin(), raw.end(), bytes.begin() + 1);
  return std::max<Network>(1, HashBytes(bytes, ProcessHashSeed()));
}

Guarded<IpLimits::Shard>& IpLimits::ShardOf(Network network) const {
  // Other bits than the bucket's.
  return *shards_[(network >> 40) % shards_.size()];
}

bool IpLimits::Fits(MonoTime full_at, MonoTime now) const {
  return settings_.qps > 0 && std::max(full_at, now).ns + interval_ns_ - now.ns <= depth_ns_;
}

bool IpLimits::Take(const Address& client, MonoTime now) {
  const Network network = NetworkOf(client);
  return ShardOf(network).With([&](Shard& shard) {
    Fetch(shard.buckets[shard.BucketOf(network)]);
    Cleanup(shard, now);
    Entry& entry = FindOrAdd(shard, network);
    entry.seen = now;
    if (!Fits(entry.full_at, now)) return false;
    entry.full_at = MonoTime{std::max(entry.full_at, now).ns + interval_ns_};
    return true;
  });
}

bool IpLimits::WouldTake(const Address& client, MonoTime now) const {
  const Network network = NetworkOf(client);
  return std::as_const(ShardOf(network)).With([&](const Shard& shard) {
    for (const Entry& entry : shard.buckets[shard.BucketOf(network)].entries) {
      if (entry.network == network) return Fits(entry.full_at, now);
    }
    return Fits(MonoTime{}, now);
  });
}

size_t IpLimits::size() const {
  size_t total = 0;
  for (const auto& shard : shards_) {
    total += std::as_const(*shard).With([](const Shard& s) { return s.used; });
  }
  return total;
}

IpLimits::Entry& IpLimits::FindOrAdd(Shard& shard, Network network) const {
  for (;;) {
    auto& entries = shard.buckets[shard.BucketOf(network)].entries;
    for (Entry& entry : entries) {
      if (entry.network == network) return entry;
    }
    Entry& place =
        *std::min_element(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
          if ((a.network == 0) != (b.network == 0)) return a.network == 0;
          return a.seen < b.seen;
        });
    if (place.network == 0) {
      ++shard.used;
    } else if (Grow(shard)) {
      continue;
    }
    place = {.network = network, .full_at = {}, .seen = {}};
    return place;
  }
}

// Twice as many buckets, as long as there may be more: those of each bucket go to two, so that
// there is room for all.
bool IpLimits::Grow(Shard& shard) const {
  if (shard.buckets.size() >= most_buckets_) return false;
  Buckets before = std::move(shard.buckets);
  shard.buckets = Buckets(std::min(before.size() * 2, most_buckets_));
  shard.used = 0;
  for (const Bucket& bucket : before) {
    for (const Entry& entry : bucket.entries) {
      if (entry.network == 0) continue;
      auto& entries = shard.buckets[shard.BucketOf(entry.network)].entries;
      const auto free = std::find_if(entries.begin(), entries.end(),
                                     [](const Entry& place) { return place.network == 0; });
      if (free == entries.end()) continue;  // the last step is not twice: one of too many goes
      *free = entry;
      ++shard.used;
    }
  }
  return true;
}

void IpLimits::Cleanup(Shard& shard, MonoTime now) const {
  // A delay of zero means that entries stay until they make room for others, as in dnsdist.
  if (settings_.cleanup_delay_s == 0) return;
  if ((now - shard.last_cleanup).seconds() < settings_.cleanup_delay_s) return;
  shard.last_cleanup = now;
  size_t left = shard.used / settings_.scan_fraction + 1;
  const size_t all = shard.buckets.size() * kWays;
  for (size_t i = 0; i < all && left > 0; ++i) {
    Entry& entry = shard.At(shard.cursor++ % all);
    if (entry.network == 0) continue;
    --left;
    if ((now - entry.seen).seconds() <= settings_.expiration_s) continue;
    entry = {};
    --shard.used;
  }
  shard.cursor %= all;
}

}  // namespace breakwater
