#include "proxy/zone/answer_writer.h"

#include "proxy/dns/header.h"
#include "proxy/dns/rdata_names.h"

namespace breakwater {
namespace {

constexpr size_t kOptSize = 11;

// RFC 3597, 4: the types of RFC 1035 alone.
bool MayCompress(dns::Type type) {
  const auto number = static_cast<uint16_t>(type);
  return (number >= 2 && number <= 9) || number == 12 || number == 14 || number == 15;
}

}  // namespace

AnswerWriter::AnswerWriter(std::span<uint8_t> room, size_t question_end, size_t reserve)
    : room_(room), reserve_(reserve), writer_(room, dns::kHeaderSize) {
  // The question's name is there already; written over itself, others can point to it.
  const auto name =
      dns::Name::FromWire(room.subspan(dns::kHeaderSize, question_end - dns::kHeaderSize - 4));
  if (name) names_.Write(writer_, *name);
  writer_ = ByteWriter(room.first(room.size() - reserve), question_end);
}

void AnswerWriter::Count(dns::Section section, uint16_t records) {
  dns::Header header(room_.data());
  header.set_count(section, static_cast<uint16_t>(header.count(section) + records));
}

bool AnswerWriter::Add(dns::Section section, const Set& set, size_t limit) {
  const size_t before = writer_.offset();
  const dns::NameCompressor names = names_;
  uint16_t records = 0;
  set.zone.ForEach(set.records, [&](std::span<const uint8_t> rdata) {
    if (set.covered != dns::Type{} && LoadU16(rdata.data()) != static_cast<uint16_t>(set.covered)) {
      return;
    }
    WriteRecord(set, rdata);
    ++records;
  });
  if (writer_.ok() && writer_.offset() + reserve_ <= limit) {
    Count(section, records);
    return true;
  }
  writer_ = ByteWriter(room_.first(room_.size() - reserve_), before);
  names_ = names;
  return false;
}

bool AnswerWriter::AddCname(const dns::Name& owner, const dns::Name& target, uint32_t ttl) {
  const size_t before = writer_.offset();
  const dns::NameCompressor names = names_;
  names_.Write(writer_, owner);
  writer_.U16(static_cast<uint16_t>(dns::Type::kCname));
  writer_.U16(static_cast<uint16_t>(dns::Class::kIn));
  writer_.U32(ttl);
  const size_t length_at = writer_.offset();
  writer_.U16(0);
  names_.Write(writer_, target);
  if (writer_.ok()) {
    StoreU16(room_.data() + length_at, static_cast<uint16_t>(writer_.offset() - length_at - 2));
    Count(dns::Section::kAnswer, 1);
    return true;
  }
  writer_ = ByteWriter(room_.first(room_.size() - reserve_), before);
  names_ = names;
  return false;
}

void AnswerWriter::WriteRecord(const Set& set, std::span<const uint8_t> rdata) {
  names_.Write(writer_, set.owner);
  const dns::Type type = set.records.type;
  writer_.U16(static_cast<uint16_t>(type));
  writer_.U16(static_cast<uint16_t>(dns::Class::kIn));
  writer_.U32(set.ttl);
  const size_t length_at = writer_.offset();
  writer_.U16(0);
  const dns::RdataNames where = dns::CompressibleNames(type);
  size_t at = 0;
  if (where.names > 0 && MayCompress(type)) {
    writer_.Bytes(rdata.first(where.prefix));
    at = where.prefix;
    for (int i = 0; i < where.names; ++i) {
      const dns::Name name = Zone::NameIn(rdata, at);
      names_.Write(writer_, name);
      at += name.length();
    }
  }
  writer_.Bytes(rdata.subspan(at));
  if (!writer_.ok()) return;
  StoreU16(room_.data() + length_at, static_cast<uint16_t>(writer_.offset() - length_at - 2));
}

void AnswerWriter::AddOpt(const dns::OptFields& fields) {
  if (reserve_ < kOptSize) return;
  writer_ = ByteWriter(room_, writer_.offset());
  writer_.U8(0);
  writer_.U16(static_cast<uint16_t>(dns::Type::kOpt));
  writer_.U16(fields.udp_size);
  writer_.U8(fields.extended_rcode);
  writer_.U8(0);
  writer_.U16(fields.dnssec_ok ? 0x8000 : 0);
  writer_.U16(0);
  Count(dns::Section::kAdditional, 1);
}

}  // namespace breakwater
