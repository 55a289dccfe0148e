// EDNS options that say something of one hop alone: padding (RFC 7830) and edns-tcp-keepalive
// (RFC 7828). What a client asked for is answered by us, whatever the nameserver said.
#pragma once

#include <cstdint>

#include "proxy/base/packet_pool.h"
#include "proxy/query/query.h"

namespace breakwater {

// DNS over TLS, over HTTPS, and DNSCrypt.
bool IsEncrypted(Protocol protocol);

// Of a query that came on a stream, with its EDNS found: sets client_pads and client_keepalive.
void NoteTransportOptions(Query& query);

// Of its answer, once nothing else changes: the connection may idle `idle_s` seconds (0: for ever),
// and the size is a multiple of 468 octets (RFC 8467, 4.1). An answer that cannot be changed
// (signed, no room in 65,535 octets) stays as it is.
void WriteTransportOptions(Query& query, PacketPool& pool, uint32_t idle_s);

}  // namespace breakwater
