// Steps through the records of a message, all sections behind the question, over the
// bounds-checked cursor. Owner names are skipped, not decompressed; `OwnerName()` decompresses.
//
//   RecordWalker walker(message, question.end());
//   while (walker.Next()) { use(walker.record()); }
//   if (!walker.ok()) ...   // the message does not hold what its counts say
#pragma once

#include <cstdint>
#include <span>

#include "proxy/base/byte_reader.h"
#include "proxy/base/result.h"
#include "proxy/dns/header.h"
#include "proxy/dns/name.h"
#include "proxy/dns/types.h"

namespace breakwater::dns {

struct Record {
  Section section{};
  Type type{};
  Class cls{};
  uint32_t ttl = 0;
  size_t owner_offset = 0;
  size_t ttl_offset = 0;
  size_t rdata_offset = 0;
  uint16_t rdata_length = 0;
  size_t end() const { return rdata_offset + rdata_length; }
};

class RecordWalker {
 public:
  // `message` must hold a header; `question_end` comes from ParseQuestion. More than one
  // question is an error (kBadCount) at the first Next().
  RecordWalker(std::span<const uint8_t> message, size_t question_end);

  bool Next();
  const Record& record() const { return record_; }
  bool ok() const { return reader_.ok(); }
  // Why it stopped; meaningful only where ok() is false. kBadCount: more than one question, or
  // the message ended where another record should begin.
  Error error() const { return error_; }
  // Where the last record ended; past the last one, the size of the message less trailing data.
  size_t end_offset() const { return reader_.offset(); }
  Result<Name> OwnerName() const;

 private:
  void SkipName();
  void MarkBad(Error error);

  ByteReader reader_;
  Error error_ = Error::kTruncated;
  uint16_t left_[4] = {};
  Record record_;
};

// Where the records start: behind the one question, or behind the header where there is none.
// More than one question gives kBadCount.
Result<size_t> RecordsStart(std::span<const uint8_t> message);

// Where the last record ends: what stands behind it is trailing data.
Result<size_t> RecordsEnd(std::span<const uint8_t> message, size_t question_end);

}  // namespace breakwater::dns
