// Is this the reply to that query? Asked for everything a backend sends, before anything else
// looks at it. The caller has matched the socket and the ID already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace breakwater::dns {

struct ReplyMatchOptions {
  // A reply without the question says less about whom it answers. A bare header, or one with OPT
  // and TSIG alone, with REFUSED and the like comes from servers that did not understand the query
  // (NSD: a class that it has no zone of, a key it does not know), and matches; anything else only
  // with this.
  bool allow_empty_response = false;
  // A message of a transfer behind the first one may come without the question (RFC 5936, 2.2.2).
  bool allow_no_question = false;
};

enum class ReplyMatch : uint8_t {
  kMatch,
  kNotAReply,  // shorter than a header, or QR is not set
  kOtherOpcode,
  kBadQuestion,    // not exactly one question that parses
  kOtherQuestion,  // name (ASCII case aside), type or class differ
};

// `query` is the message as sent: it holds one question that was parsed, its name `name_length`
// octets long.
ReplyMatch MatchReply(std::span<const uint8_t> query, size_t name_length,
                      std::span<const uint8_t> reply, const ReplyMatchOptions& options);

}  // namespace breakwater::dns
