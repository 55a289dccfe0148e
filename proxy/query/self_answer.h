// Answers that we make ourselves: the query is turned into the answer in place. Used by rules,
// dynamic blocks and Lua. Worker's thread, like the query itself.
//
// All of them keep the question, restore the client's RD and CD, cut whatever stood behind the
// question, and add an OPT where the client sent one. Where the answer would be larger than 4096
// octets over a datagram, or 65,535 over a stream, nothing is changed and they return false.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "proxy/base/packet_pool.h"
#include "proxy/dns/types.h"
#include "proxy/query/query.h"

namespace breakwater {

struct SelfAnswerContext {
  PacketPool& packets;
  bool add_edns = true;      // setAddEDNSToSelfGeneratedResponses
  uint16_t udp_size = 1232;  // setPayloadSizeOnSelfGeneratedAnswers
};

// Set: that value. Unset: AA stays as in the query, AD is cleared, RA becomes RD.
struct AnswerFlags {
  std::optional<bool> aa;
  std::optional<bool> ad;
  std::optional<bool> ra;
};

struct AnswerShape {
  uint16_t rcode = 0;  // the upper eight bits are shown only where an OPT is written
  AnswerFlags flags;
  bool truncated = false;
};

struct AnswerRecord {
  dns::Section section = dns::Section::kAnswer;
  dns::Type type{};
  dns::Class cls = dns::Class::kIn;
  uint32_t ttl = 0;
  std::span<const uint8_t> owner;  // wire form; empty: the question's name, as a pointer
  std::span<const uint8_t> rdata;
};

inline constexpr size_t kMaxSelfAnswerUdp = 4096;
inline constexpr size_t kMaxSelfAnswerTcp = 65535;
inline size_t MaxSelfAnswerSize(const Query& query) {
  return query.tcp() ? kMaxSelfAnswerTcp : kMaxSelfAnswerUdp;
}

// `records` must be grouped by section, in the order answer, authority, additional; their bytes
// must not lie in the query's own message.
bool MakeAnswer(Query& query, const SelfAnswerContext& context, const AnswerShape& shape,
                std::span<const AnswerRecord> records = {});

// TC, no records: the client is to ask again over TCP.
bool MakeTruncatedAnswer(Query& query, const SelfAnswerContext& context);

// `packet`, at least a header, becomes the answer as it is but for the ID, RD and CD. Its
// EDNS is left alone.
bool MakePacketAnswer(Query& query, const SelfAnswerContext& context,
                      std::span<const uint8_t> packet);

// For a query that somebody turned into an answer by setting QR (Lua): restores RD and CD and
// replaces the client's OPT by one of ours.
void FinishTurnedAnswer(Query& query, const SelfAnswerContext& context);

}  // namespace breakwater
