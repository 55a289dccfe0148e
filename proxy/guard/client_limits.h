// Limits on incoming stream connections by client (meaning-operation.md, "Limits on incoming
// connections"): connections at once, connection and TLS session rates, bans. Shared by all
// workers; sharded by address so that a flood on one client does not hold up the others.
#pragma once

#include <cstdint>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"

namespace breakwater {

struct ClientLimitSettings {
  uint32_t max_connections_per_client = 0;        // 0: no limit
  uint32_t max_connection_rate = 0;               // a second, over rate_interval_min
  uint32_t max_tls_new_session_rate = 0;
  uint32_t max_tls_resumed_session_rate = 0;
  uint32_t rate_interval_min = 5;
  uint32_t ban_for_rate_s = 10;
  uint32_t max_read_ios_per_query = 50;           // 0: no limit
  uint32_t ban_for_read_ios_s = 60;
  uint8_t mask_v4 = 32;
  uint8_t mask_v6 = 128;
  uint8_t mask_v4_port = 0;
  uint8_t overload_threshold_percent = 90;        // 0: off
};

}  // namespace breakwater
