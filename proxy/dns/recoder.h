// Writes a message anew, record by record, from one that is being read, so that records may be
// left out and names changed. Names that may be compressed are decompressed and compressed again
// (RDATA only for the types of RFC 1035: RFC 3597, 4). A local of the functions in rewrite.h; it
// owns the memory it writes to.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/byte_writer.h"
#include "proxy/base/result.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/name.h"
#include "proxy/dns/name_compressor.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::dns {

class Recoder {
 public:
  // `source` holds one question that ends at `question_end`; it is read until Finish().
  Recoder(const EditBuffer& source, size_t question_end);

  // First: the header, and the question with `name` for its own name.
  void WriteQuestion(const Name& name);
  // Errors of the source's names are told; want of room is told by Finish().
  Result<void> WriteRecord(const Record& record, const Name& owner);
  // Appends what follows `records_end` in the source, and puts the result in place of it. Nothing
  // is changed on kNoSpace.
  Result<void> Finish(EditBuffer& target, size_t records_end);

 private:
  Result<void> WriteRdata(const Record& record);

  std::span<const uint8_t> source_;
  size_t question_end_;
  std::vector<uint8_t> out_;
  ByteWriter writer_;
  NameCompressor names_;
  std::array<uint16_t, 4> counts_{};
};

}  // namespace breakwater::dns
