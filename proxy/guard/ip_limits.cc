#include "proxy/guard/ip_limits.h"

#include <algorithm>
#include <cstring>

namespace breakwater {
namespace {

// How many entries a full shard looks at to find one to give up.
constexpr size_t kEvictionSample = 8;

}  // namespace

IpLimits::IpLimits(const IpLimitSettings& settings) : settings_(settings) {
  settings_.shards = std::max<uint32_t>(settings_.shards, 1);
  settings_.scan_fraction = std::max<uint32_t>(settings_.scan_fraction, 1);
  interval_ns_ = settings_.qps > 0 ? 1'000'000'000 / settings_.qps : 0;
  depth_ns_ = interval_ns_ * settings_.burst;
  shard_limit_ = std::max<size_t>(settings_.max_entries / settings_.shards, 1);
  for (uint32_t i = 0; i < settings_.shards; ++i) {
    shards_.push_back(std::make_unique<Guarded<Shard>>());
  }
}

IpLimits::Key IpLimits::KeyOf(const Address& client) const {
  const Address network = client.Truncated(client.IsV6() ? settings_.mask_v6 : settings_.mask_v4);
  const auto raw = network.Raw();
  Key key{};
  key[0] = static_cast<uint8_t>(raw.size());
  std::copy(raw.begin(), raw.end(), key.begin() + 1);
  return key;
}

Guarded<IpLimits::Shard>& IpLimits::ShardOf(const Key& key) const {
  // Other bits than the hash map's own use of the same hash.
  return *shards_[(KeyHash()(key) >> 40) % shards_.size()];
}

bool IpLimits::Fits(MonoTime full_at, MonoTime now) const {
  return settings_.qps > 0 && std::max(full_at, now).ns + interval_ns_ - now.ns <= depth_ns_;
}

bool IpLimits::Take(const Address& client, MonoTime now) {
  const Key key = KeyOf(client);
  return ShardOf(key).With([&](Shard& shard) {
    Cleanup(shard, now);
    Entry& entry = FindOrAdd(shard, key, now);
    entry.seen = now;
    if (!Fits(entry.full_at, now)) return false;
    entry.full_at = MonoTime{std::max(entry.full_at, now).ns + interval_ns_};
    return true;
  });
}

bool IpLimits::WouldTake(const Address& client, MonoTime now) const {
  const Key key = KeyOf(client);
  return std::as_const(ShardOf(key)).With([&](const Shard& shard) {
    const auto found = shard.index.find(key);
    return Fits(found == shard.index.end() ? MonoTime{} : shard.entries[found->second].full_at,
                now);
  });
}

size_t IpLimits::size() const {
  size_t total = 0;
  for (const auto& shard : shards_) {
    total += std::as_const(*shard).With([](const Shard& s) { return s.entries.size(); });
  }
  return total;
}

IpLimits::Entry& IpLimits::FindOrAdd(Shard& shard, const Key& key, MonoTime now) const {
  const auto found = shard.index.find(key);
  if (found != shard.index.end()) return shard.entries[found->second];
  if (shard.entries.size() >= shard_limit_) MakeRoom(shard);
  shard.index.emplace(key, static_cast<uint32_t>(shard.entries.size()));
  shard.entries.push_back({key, MonoTime{}, now});
  return shard.entries.back();
}

void IpLimits::Cleanup(Shard& shard, MonoTime now) const {
  // A delay of zero means that entries stay until they make room for others, as in dnsdist.
  if (settings_.cleanup_delay_s == 0) return;
  if ((now - shard.last_cleanup).seconds() < settings_.cleanup_delay_s) return;
  shard.last_cleanup = now;
  size_t left = shard.entries.size() / settings_.scan_fraction + 1;
  while (left-- > 0 && !shard.entries.empty()) {
    if (shard.cursor >= shard.entries.size()) shard.cursor = 0;
    if ((now - shard.entries[shard.cursor].seen).seconds() > settings_.expiration_s) {
      RemoveAt(shard, shard.cursor);  // another entry took this position: look at it next
    } else {
      ++shard.cursor;
    }
  }
}

void IpLimits::MakeRoom(Shard& shard) const {
  size_t oldest = 0;
  for (size_t i = 0; i < kEvictionSample; ++i) {
    const size_t at = (shard.cursor + i) % shard.entries.size();
    if (i == 0 || shard.entries[at].seen < shard.entries[oldest].seen) oldest = at;
  }
  shard.cursor = (shard.cursor + kEvictionSample) % shard.entries.size();
  RemoveAt(shard, oldest);
}

void IpLimits::RemoveAt(Shard& shard, size_t position) {
  shard.index.erase(shard.entries[position].key);
  if (position + 1 < shard.entries.size()) {
    shard.entries[position] = shard.entries.back();
    shard.index[shard.entries[position].key] = static_cast<uint32_t>(position);
  }
  shard.entries.pop_back();
}

}  // namespace breakwater
