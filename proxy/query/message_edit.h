// Changes to the whole message of a query or answer, for rules and Lua. All give false, and change
// nothing, where the result would not fit: more than 4096 octets over a datagram, or 65,535 over a
// stream. `query.question` and `query.edns` always describe what is in the buffer afterwards.
// Worker's thread, like the query itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/packet_pool.h"
#include "proxy/dns/name.h"
#include "proxy/query/query.h"

namespace breakwater {

// What stands behind the last record; empty too where the records cannot be read.
std::span<const uint8_t> TrailingData(const Query& query);
// `data` must not lie in the message.
bool SetTrailingData(Query& query, PacketPool& packets, std::span<const uint8_t> data);

// A query: asks for another name from now on, and its answer comes under that name. An answer:
// the question and the owners equal to its name get the new one. False as well for records that
// are not known to survive a move, and signed messages.
bool ChangeName(Query& query, PacketPool& packets, const dns::Name& name);

// Everything but the ID. Less than a header is refused. An answer (QR set) may be anything else, of
// up to 65,535 octets on datagrams too; a query that goes on must have a question that can be read.
bool SetContent(Query& query, PacketPool& packets, std::span<const uint8_t> content);

// The answer as the backend named it, before ChangeName: what the cache may keep. Empty where the
// names cannot be put back.
std::vector<uint8_t> UnderAskedName(const Query& query);

}  // namespace breakwater
