// Writes an answer's records front to back, with compressed names, behind a header and question
// that MessageBuilder wrote. RRsets are whole or not there. A local of the look-up.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/base/byte_writer.h"
#include "proxy/base/result.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/name_compressor.h"
#include "proxy/zone/zone.h"

namespace breakwater {

class AnswerWriter {
 public:
  // `room` begins with header and question; the records go behind `question_end`. As many octets
  // as `reserve` are kept free for the OPT.
  AnswerWriter(std::span<uint8_t> room, size_t question_end, size_t reserve);

  struct Set {
    const Zone& zone;
    const Zone::RrSet& records;
    const dns::Name& owner;
    uint32_t ttl;
    dns::Type covered{};  // RRSIG: of that type alone; zero: all
  };
  // False, and nothing written, where the message would become longer than `limit`.
  bool Add(dns::Section section, const Set& set, size_t limit);
  bool AddCname(const dns::Name& owner, const dns::Name& target, uint32_t ttl);
  void AddOpt(const dns::OptFields& fields);

  size_t size() const { return writer_.offset(); }

 private:
  void WriteRecord(const Set& set, std::span<const uint8_t> rdata);
  void Count(dns::Section section, uint16_t records);

  std::span<uint8_t> room_;
  size_t reserve_;
  ByteWriter writer_;
  dns::NameCompressor names_;
};

}  // namespace breakwater
