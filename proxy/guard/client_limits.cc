#include "proxy/guard/client_limits.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <list>
#include <vector>

#include "proxy/base/guarded.h"

namespace breakwater {
namespace {

constexpr int64_t kBucketS = 60;
// Entries looked at, from the longest unseen, for one that may be forgotten.
constexpr int kEvictionProbes = 8;

struct Bucket {
  int64_t began_s;
  uint32_t connections = 0;
  uint32_t new_sessions = 0;
  uint32_t resumed_sessions = 0;
};

struct Client {
  ClientLimits::Key key;
  uint32_t connections = 0;
  MonoTime banned_until{-1};
  std::vector<Bucket> buckets;  // oldest first, at most one a minute of the interval and one more
};

bool AnyLimit(const ClientLimitSettings& s) {
  return s.max_connections_per_client != 0 || s.max_connection_rate != 0 ||
         s.max_tls_new_session_rate != 0 || s.max_tls_resumed_session_rate != 0 ||
         s.max_read_ios_per_query != 0;
}

bool KeepsHistory(const ClientLimitSettings& s) {
  return s.max_connection_rate != 0 || s.max_tls_new_session_rate != 0 ||
         s.max_tls_resumed_session_rate != 0;
}

// The bucket of `now`, after those that have left the interval are forgotten.
Bucket& BucketAt(Client& client, const ClientLimitSettings& settings, MonoTime now) {
  auto& buckets = client.buckets;
  const int64_t now_s = now.seconds();
  const int64_t oldest_s = now_s - int64_t{settings.rate_interval_min} * kBucketS - kBucketS;
  std::erase_if(buckets, [&](const Bucket& bucket) { return bucket.began_s <= oldest_s; });
  if (buckets.empty() || now_s - buckets.back().began_s >= kBucketS) buckets.push_back({now_s});
  return buckets.back();
}

bool Exceeds(const Client& client, uint32_t Bucket::*count, uint32_t limit_per_s, MonoTime now) {
  if (limit_per_s == 0 || client.buckets.empty()) return false;
  uint64_t sum = 0;
  for (const Bucket& bucket : client.buckets) sum += bucket.*count;
  const int64_t seconds = 1 + now.seconds() - client.buckets.front().began_s;
  return sum > uint64_t{limit_per_s} * static_cast<uint64_t>(seconds);
}

}  // namespace

// The clients of one part of the addresses. The list is in order of last use, the longest unseen
// first; clients with a connection are bounded by the descriptors, the others by max_idle.
class ClientLimits::Shard {
 public:
  Shard(const ClientLimitSettings& settings, size_t max_idle)
      : settings_(settings), max_idle_(max_idle) {}

  ClientLimitSettings settings() const {
    MutexLock lock(mutex_);
    return settings_;
  }
  void SetSettings(const ClientLimitSettings& settings) {
    MutexLock lock(mutex_);
    settings_ = settings;
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return clients_.size();
  }
  Verdict Opened(const Key& key, MonoTime now);
  void Closed(const Key& key, MonoTime now);
  void CountTlsSession(const Key& key, TlsSession kind, MonoTime now);
  void BanForReadIos(const Key& key, MonoTime now);

 private:
  Client& Touch(const Key& key) BW_REQUIRES(mutex_);
  Verdict CheckRates(Client& client, MonoTime now) BW_REQUIRES(mutex_);
  bool Overloaded(const Client& client) const BW_REQUIRES(mutex_);
  void Evict(MonoTime now) BW_REQUIRES(mutex_);

  mutable Mutex mutex_;
  ClientLimitSettings settings_ BW_GUARDED_BY(mutex_);
  const size_t max_idle_;
  size_t connected_ BW_GUARDED_BY(mutex_) = 0;  // clients with a connection
  std::list<Client> clients_ BW_GUARDED_BY(mutex_);
  absl::flat_hash_map<Key, std::list<Client>::iterator, AddressHash> index_ BW_GUARDED_BY(mutex_);
};

Client& ClientLimits::Shard::Touch(const Key& key) {
  const auto found = index_.find(key);
  if (found != index_.end()) {
    clients_.splice(clients_.end(), clients_, found->second);
    return clients_.back();
  }
  clients_.emplace_back().key = key;
  index_.emplace(key, std::prev(clients_.end()));
  return clients_.back();
}

ClientLimits::Verdict ClientLimits::Shard::CheckRates(Client& client, MonoTime now) {
  // A client without history is always let in.
  const bool known = !client.buckets.empty();
  ++BucketAt(client, settings_, now).connections;
  if (!known) return Verdict::kAllowed;
  Verdict verdict = Verdict::kAllowed;
  if (Exceeds(client, &Bucket::connections, settings_.max_connection_rate, now)) {
    verdict = Verdict::kTooFastConnections;
  } else if (Exceeds(client, &Bucket::new_sessions, settings_.max_tls_new_session_rate, now)) {
    verdict = Verdict::kTooManyNewSessions;
  } else if (Exceeds(client, &Bucket::resumed_sessions, settings_.max_tls_resumed_session_rate,
                     now)) {
    verdict = Verdict::kTooManyResumedSessions;
  }
  if (verdict != Verdict::kAllowed) {
    client.banned_until = now + MonoTime::FromMs(int64_t{settings_.ban_for_rate_s} * 1000);
  }
  return verdict;
}

bool ClientLimits::Shard::Overloaded(const Client& client) const {
  const uint32_t most = settings_.max_connections_per_client;
  return most != 0 && settings_.overload_threshold_percent != 0 &&
         uint64_t{client.connections} * 100 >=
             uint64_t{most} * settings_.overload_threshold_percent;
}

ClientLimits::Verdict ClientLimits::Shard::Opened(const Key& key, MonoTime now) {
  MutexLock lock(mutex_);
  if (!AnyLimit(settings_)) return Verdict::kAllowed;
  Client& client = Touch(key);
  Verdict verdict = Verdict::kAllowed;
  if (client.banned_until > now) {
    verdict = Verdict::kBanned;
  } else if (settings_.max_connections_per_client != 0 &&
             client.connections >= settings_.max_connections_per_client) {
    verdict = Verdict::kTooManyConnections;
  } else if (KeepsHistory(settings_)) {
    verdict = CheckRates(client, now);
  }
  if (!IsRefusal(verdict)) {
    if (client.connections++ == 0) ++connected_;
    if (Overloaded(client)) verdict = Verdict::kRestricted;
  }
  Evict(now);
  return verdict;
}

void ClientLimits::Shard::Closed(const Key& key, MonoTime now) {
  MutexLock lock(mutex_);
  const auto found = index_.find(key);
  // Not there where no limit was set when it opened.
  if (found == index_.end() || found->second->connections == 0) return;
  const auto client = found->second;
  if (--client->connections > 0) return;
  --connected_;
  if (client->buckets.empty() && client->banned_until <= now) {
    clients_.erase(client);
    index_.erase(found);
    return;
  }
  clients_.splice(clients_.end(), clients_, client);
  Evict(now);
}

void ClientLimits::Shard::CountTlsSession(const Key& key, TlsSession kind, MonoTime now) {
  MutexLock lock(mutex_);
  if (!KeepsHistory(settings_)) return;
  Bucket& bucket = BucketAt(Touch(key), settings_, now);
  ++(kind == TlsSession::kNew ? bucket.new_sessions : bucket.resumed_sessions);
  Evict(now);
}

void ClientLimits::Shard::BanForReadIos(const Key& key, MonoTime now) {
  MutexLock lock(mutex_);
  Client& client = Touch(key);
  const MonoTime until = now + MonoTime::FromMs(int64_t{settings_.ban_for_read_ios_s} * 1000);
  client.banned_until = std::max(client.banned_until, until);
  Evict(now);
}

// One goes for each that comes, so a step is enough; a few probes step over clients that must
// stay, which go to the young end.
void ClientLimits::Shard::Evict(MonoTime now) {
  for (int probe = 0; probe < kEvictionProbes && clients_.size() - connected_ > max_idle_;
       ++probe) {
    const auto oldest = clients_.begin();
    const bool banned = oldest->banned_until > now;
    const bool last_probe = probe + 1 == kEvictionProbes;
    if (oldest->connections > 0 || (banned && !last_probe)) {
      clients_.splice(clients_.end(), clients_, oldest);
      continue;
    }
    index_.erase(oldest->key);
    clients_.erase(oldest);
  }
}

ClientLimits::ClientLimits(const ClientLimitSettings& settings, size_t max_idle_clients) {
  for (auto& shard : shards_) {
    shard = std::make_unique<Shard>(settings, std::max<size_t>(1, max_idle_clients / kShards));
  }
}

ClientLimits::~ClientLimits() = default;

std::string_view ClientLimits::VerdictText(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAllowed:
      return "allowed";
    case Verdict::kRestricted:
      return "restricted";
    case Verdict::kBanned:
      return "the client is banned";
    case Verdict::kTooManyConnections:
      return "too many connections of one client";
    case Verdict::kTooFastConnections:
      return "connections of one client at too high a rate";
    case Verdict::kTooManyNewSessions:
      return "new TLS sessions of one client at too high a rate";
    case Verdict::kTooManyResumedSessions:
      return "resumed TLS sessions of one client at too high a rate";
  }
  return "unknown";
}

void ClientLimits::SetSettings(const ClientLimitSettings& settings) {
  for (auto& shard : shards_) shard->SetSettings(settings);
}

ClientLimitSettings ClientLimits::settings() const {
  return shards_[0]->settings();
}

ClientLimits::Key ClientLimits::KeyOf(const Address& client) const {
  const ClientLimitSettings s = settings();
  Key key = client.Truncated(client.IsV6() ? s.mask_v6 : s.mask_v4);
  uint16_t port = 0;
  if (client.IsV4() && s.mask_v4 == 32 && s.mask_v4_port > 0) {
    const unsigned low_bits = 16u - std::min<unsigned>(16, s.mask_v4_port);
    port = static_cast<uint16_t>(client.port() >> low_bits << low_bits);
  }
  key.set_port(port);
  return key;
}

ClientLimits::Shard& ClientLimits::ShardOf(const Key& key) const {
  // Other bits than those the shard's own table uses first.
  return *shards_[(AddressHash{}(key) >> 48) % kShards];
}

ClientLimits::Verdict ClientLimits::Opened(const Key& key, MonoTime now) {
  return ShardOf(key).Opened(key, now);
}
void ClientLimits::Closed(const Key& key, MonoTime now) {
  ShardOf(key).Closed(key, now);
}
void ClientLimits::CountTlsSession(const Key& key, TlsSession kind, MonoTime now) {
  ShardOf(key).CountTlsSession(key, kind, now);
}
void ClientLimits::BanForReadIos(const Key& key, MonoTime now) {
  ShardOf(key).BanForReadIos(key, now);
}

size_t ClientLimits::known_clients() const {
  size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->size();
  return sum;
}

}  // namespace breakwater
