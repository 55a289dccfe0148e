// Limits on incoming stream connections by client (meaning-operation.md, "Limits on incoming
// connections"): connections at once, connection and TLS session rates, bans. Shared by all
// workers; sharded by address so that a flood on one client does not hold up the others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"

namespace breakwater {

struct ClientLimitSettings {
  uint32_t max_connections_per_client = 0;  // 0: no limit
  uint32_t max_connection_rate = 0;         // a second, over rate_interval_min
  uint32_t max_tls_new_session_rate = 0;
  uint32_t max_tls_resumed_session_rate = 0;
  uint32_t rate_interval_min = 5;
  uint32_t ban_for_rate_s = 10;
  uint32_t max_read_ios_per_query = 50;  // 0: no limit
  uint32_t ban_for_read_ios_s = 60;
  uint8_t mask_v4 = 32;
  uint8_t mask_v6 = 128;
  uint8_t mask_v4_port = 0;
  uint8_t overload_threshold_percent = 90;  // 0: off
};

class ClientLimits {
 public:
  enum class Verdict : uint8_t {
    kAllowed,
    kRestricted,  // near the client's limit: one query, short time-outs
    kBanned,      // the rest are refusals; nothing is counted for them
    kTooManyConnections,
    kTooFastConnections,
    kTooManyNewSessions,
    kTooManyResumedSessions,
  };
  static bool IsRefusal(Verdict verdict) { return verdict >= Verdict::kBanned; }
  // "too many connections of one client", for log lines.
  static std::string_view VerdictText(Verdict verdict);

  // The client as the limits see it: its address under the masks of the time it connected.
  using Key = Address;

  enum class TlsSession : uint8_t { kNew, kResumed };

  // `max_idle_clients`: how many clients without a connection are remembered; beyond that the one
  // not seen for longest is forgotten, those not banned first.
  explicit ClientLimits(const ClientLimitSettings& settings, size_t max_idle_clients = 100'000);
  ~ClientLimits();

  // All methods: any thread.
  void SetSettings(const ClientLimitSettings& settings);
  ClientLimitSettings settings() const;
  Key KeyOf(const Address& client) const;

  // A new connection of `key`, after the checks that concern no client. Unless it is a refusal the
  // connection counts until Closed(key).
  Verdict Opened(const Key& key, MonoTime now);
  void Closed(const Key& key, MonoTime now);
  // After the handshake; a client over its rate meets the limit at its next connection.
  void CountTlsSession(const Key& key, TlsSession kind, MonoTime now);
  // The client needed too many reads for one query. Its other connections live on.
  void BanForReadIos(const Key& key, MonoTime now);

  size_t known_clients() const;

 private:
  class Shard;
  static constexpr size_t kShards = 16;
  Shard& ShardOf(const Key& key) const;
  std::array<std::unique_ptr<Shard>, kShards> shards_;
};

}  // namespace breakwater
