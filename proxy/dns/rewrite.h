// Changes to a whole message, in place: TTLs, dropping records, another name in the question.
// `question_end` is Question::end() of the message. Functions that can fail change nothing when
// they do, TTLs of a message that turns out broken half way aside.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/name.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::dns {

// Calls `visit(record)`, which gives the record's new TTL, for each record up to the OPT; the
// OPT's TTL is none, and what stands behind it is not looked at.
template <typename Visit>
Result<void> VisitTtls(std::span<uint8_t> message, size_t question_end, Visit&& visit) {
  RecordWalker walker(message, question_end);
  while (walker.Next()) {
    const Record& record = walker.record();
    if (record.type == Type::kOpt) return Ok();
    const uint32_t ttl = visit(record);
    if (ttl != record.ttl) StoreU32(message.data() + record.ttl_offset, ttl);
  }
  if (!walker.ok()) return Fail(walker.error());
  return Ok();
}

struct TtlLimits {
  uint32_t min = 0;           // seconds; 0: none
  uint32_t max = UINT32_MAX;  // where both apply, this one wins; 0: changes nothing
  std::span<const Type> types =
      {};  // those alone, and records of classes other than IN; empty: all
};
// A TTL of 0 is never written; the old one stays then.
Result<void> LimitTtls(std::span<uint8_t> message, size_t question_end, const TtlLimits& limits);
// To so many percent, 0 to 100, rounded down; where that gives 0 the TTL stays.
Result<void> ReduceTtls(std::span<uint8_t> message, size_t question_end, unsigned percent);

// The lowest TTL of the records up to the OPT; nothing where there are none.
Result<std::optional<uint32_t>> LowestTtl(std::span<const uint8_t> message, size_t question_end);

// Takes all records of those types out of every section. False where there were none.
// kUnsupported: a record that would stay has RDATA with names that may be compressed, or the
// message is signed. kNoSpace: the owners did not fit (they are compressed anew).
Result<bool> ClearRecordTypes(EditBuffer& buffer, size_t question_end, std::span<const Type> types);

struct ChangeNameOptions {
  bool owners = false;  // also the owners equal to the old name (answers)
};
// Puts `name` in the question. RDATA keeps its names. kUnsupported: a record whose type is not
// known to survive a move, or a signed message. The question must be parsed again after.
Result<void> ChangeName(EditBuffer& buffer, const Question& question, const Name& name,
                        const ChangeNameOptions& options);

// Puts `data` behind the last record, in place of what stands there. kNoSpace where it does not
// fit.
Result<void> SetTrailingData(EditBuffer& buffer, size_t question_end,
                             std::span<const uint8_t> data);

struct DropOptions {
  bool keep_opt = true;  // the OPT with its options, where the message has a sound one
};
// Leaves header and question, and makes the counts say so.
void DropRecords(EditBuffer& buffer, size_t question_end, const DropOptions& options);
// What a client gets whose answer does not fit: header with TC, question, OPT (RFC 2181, 9).
void TruncateAnswer(EditBuffer& buffer, size_t question_end);

}  // namespace breakwater::dns
