// The client subnet option of a query on its way to a backend (RFC 7871). Worker's thread, like
// the query itself.
#pragma once

#include <cstdint>

#include "proxy/base/packet_pool.h"
#include "proxy/dns/edns.h"
#include "proxy/query/query.h"

namespace breakwater {

// What counts where rules said nothing of the query.
struct ClientSubnetDefaults {
  bool overriding = false;  // an option that is there is replaced
  uint8_t prefix_v4 = 24;
  uint8_t prefix_v6 = 56;
};

// Writes the option into `message`, which holds a copy of the query or the query itself, where that
// has none or its own is overridden (RFC 7871, 7.1.1 and 11.3). False where there is no room.
bool WriteClientSubnet(const Query& query, const ClientSubnetDefaults& defaults,
                       dns::EditBuffer& message);

// The option is put in, or replaced where the override says so (as
// WriteClientSubnet). Where there is no room the query stays as it came.
void AddClientSubnet(Query& query, PacketPool& packets, const ClientSubnetDefaults& defaults);

}  // namespace breakwater
