// A question and a set of zones in, the answer of an authoritative server out (RFC 1034, 4.3.2;
// RFC 4592; RFC 6672; RFC 8499). Pure: no clock, no sockets; any thread.
//
// Signatures that stand in a zone go along where DNSSEC OK is set; proofs of non-existence do not
// (NSEC, NSEC3), so that a validating client takes negative answers and wildcards of a signed zone
// for bogus. ANY gets every set of the name. Zone transfers, NOTIFY and classes other than IN are
// refused.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/base/result.h"
#include "proxy/zone/zone_set.h"

namespace breakwater {

// Room that any answer fits.
inline constexpr size_t kAnswerRoom = 65535;

// Writes the answer to `query` into `room` (at least kAnswerRoom octets; not the query's own) and
// gives its size. What may be left out - the zone's name servers beside an answer, addresses that
// are no glue - is left out where the message would become longer than `comfortable`. TC is set
// where even that does not fit the room. An error where there is nothing to answer: no header, or
// an answer.
Result<size_t> AnswerFromZones(const ZoneSet& zones, std::span<const uint8_t> query,
                               std::span<uint8_t> room, size_t comfortable);

// How long an answer the sender of `query` takes in a datagram: 512 octets or what its OPT says
// (RFC 6891, 6.2.3).
size_t DatagramLimit(std::span<const uint8_t> query);

}  // namespace breakwater
