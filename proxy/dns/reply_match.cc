#include "proxy/dns/reply_match.h"

#include <cstring>

#include "proxy/dns/header.h"
#include "proxy/dns/name.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::dns {
namespace {

// A header and no more, but for what says how it was sent: OPT (RFC 6891), TSIG (RFC 8945).
bool IsBare(std::span<const uint8_t> reply) {
  RecordWalker walker(reply, kHeaderSize);
  while (walker.Next()) {
    const Record& record = walker.record();
    const bool of_message = record.type == Type::kOpt || record.type == Type::kTsig;
    if (record.section != Section::kAdditional || !of_message) return false;
  }
  return walker.ok() && walker.end_offset() == reply.size();
}

}  // namespace

ReplyMatch MatchReply(std::span<const uint8_t> query, size_t name_length,
                      std::span<const uint8_t> reply, const ReplyMatchOptions& options) {
  if (reply.size() < kHeaderSize) return ReplyMatch::kNotAReply;
  const Header header = ConstHeader(reply.data());
  if (!header.Has(kFlagQr)) return ReplyMatch::kNotAReply;
  if (header.opcode() != ConstHeader(query.data()).opcode()) return ReplyMatch::kOtherOpcode;
  const uint16_t questions = header.count(Section::kQuestion);
  if (questions == 0) {
    const bool error = header.rcode() != RCode::kNoError && header.rcode() != RCode::kNxDomain;
    const bool bare_error = error && IsBare(reply);
    if (bare_error || options.allow_empty_response || options.allow_no_question) {
      return ReplyMatch::kMatch;
    }
  }
  if (questions != 1) return ReplyMatch::kBadQuestion;
  // The reply's question must be the query's, octet by octet but for letter case, so comparing
  // says as much as parsing would.
  const size_t end = kHeaderSize + name_length + 4;
  if (reply.size() < end) {
    return ParseQuestion(reply) ? ReplyMatch::kOtherQuestion : ReplyMatch::kBadQuestion;
  }
  if (!EqualFold(query.subspan(kHeaderSize, name_length),
                 reply.subspan(kHeaderSize, name_length))) {
    return ParseQuestion(reply) ? ReplyMatch::kOtherQuestion : ReplyMatch::kBadQuestion;
  }
  const size_t type_at = end - 4;
  return std::memcmp(query.data() + type_at, reply.data() + type_at, 4) == 0
             ? ReplyMatch::kMatch
             : ReplyMatch::kOtherQuestion;
}

}  // namespace breakwater::dns
