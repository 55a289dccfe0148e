#include "proxy/query/self_answer.h"

#include <array>

#include "proxy/base/byte_writer.h"

namespace breakwater {
namespace {

constexpr size_t kOptSize = 11;
constexpr size_t kRecordFixedSize = 10;  // type, class, TTL, RDLENGTH
constexpr uint16_t kQuestionPointer = 0xc000 | dns::kHeaderSize;
constexpr uint16_t kClientFlags = dns::kFlagRd | dns::kFlagCd;

size_t OwnerSize(const AnswerRecord& record) {
  return record.owner.empty() ? 2 : record.owner.size();
}

uint16_t FlagsFor(const Query& query, const AnswerShape& shape) {
  const uint16_t flags = query.header().flags();
  const auto pick = [](std::optional<bool> wanted, bool otherwise, uint16_t flag) {
    return wanted.value_or(otherwise) ? flag : uint16_t{0};
  };
  const bool aa = (flags & dns::kFlagAa) != 0;
  const bool rd = (flags & dns::kFlagRd) != 0;
  const unsigned answer =
      dns::kFlagQr | (flags & dns::kOpcodeMask) | (query.client_flags & kClientFlags) |
      pick(shape.flags.aa, aa, dns::kFlagAa) | pick(shape.flags.ad, false, dns::kFlagAd) |
      pick(shape.flags.ra, rd, dns::kFlagRa) | (shape.truncated ? dns::kFlagTc : 0u) |
      (shape.rcode & dns::kRcodeMask);
  return static_cast<uint16_t>(answer);
}

void WriteOpt(ByteWriter& writer, const Query& query, const SelfAnswerContext& context,
              uint16_t rcode) {
  writer.U8(0);
  writer.U16(static_cast<uint16_t>(dns::Type::kOpt));
  writer.U16(context.udp_size);
  writer.U8(static_cast<uint8_t>(rcode >> 4));
  writer.U8(0);
  writer.U16(query.client_dnssec_ok ? 0x8000 : 0);
  writer.U16(0);
}

void WriteRecord(ByteWriter& writer, const AnswerRecord& record) {
  if (record.owner.empty()) {
    writer.U16(kQuestionPointer);
  } else {
    writer.Bytes(record.owner);
  }
  writer.U16(static_cast<uint16_t>(record.type));
  writer.U16(static_cast<uint16_t>(record.cls));
  writer.U32(record.ttl);
  writer.U16(static_cast<uint16_t>(record.rdata.size()));
  writer.Bytes(record.rdata);
}

bool GetsOpt(const Query& query, const SelfAnswerContext& context) {
  return query.client_has_edns && context.add_edns;
}

void MarkAnswered(Query& query) {
  query.is_response = true;
  query.self_answered = true;
}

void DescribeOpt(Query& query, const SelfAnswerContext& context, uint16_t rcode, size_t offset) {
  query.edns = {};
  if (!GetsOpt(query, context)) return;
  query.edns.present = true;
  query.edns.dnssec_ok = query.client_dnssec_ok;
  query.edns.extended_rcode = static_cast<uint8_t>(rcode >> 4);
  query.edns.udp_size = context.udp_size;
  query.edns.offset = offset;
}

// Where Lua took the question away: the client's, for an answer has one.
void PutQuestionBack(Query& query, PacketPool& packets) {
  std::array<uint8_t, dns::kHeaderSize + dns::kMaxNameLength + 4> bytes;
  ByteWriter writer(bytes);
  writer.Bytes(query.message().first(dns::kHeaderSize));
  writer.Bytes({query.client_name.data(), query.client_name_length});
  writer.U16(static_cast<uint16_t>(query.question.type));
  writer.U16(static_cast<uint16_t>(query.question.cls));
  query.question.name_length = query.client_name_length;
  query.ReplaceMessage(packets, std::span(bytes).first(writer.offset()));
  query.question_left_out = false;
}

}  // namespace

bool MakeAnswer(Query& query, const SelfAnswerContext& context, const AnswerShape& shape,
                std::span<const AnswerRecord> records) {
  if (query.question_left_out) PutQuestionBack(query, context.packets);
  // Its question could not be read, and nothing of it was kept.
  if (query.question.end() > query.size) return false;
  const size_t question_end = query.question.end();
  size_t size = question_end;
  for (const AnswerRecord& record : records) {
    if (record.rdata.size() > UINT16_MAX) return false;
    size += OwnerSize(record) + kRecordFixedSize + record.rdata.size();
  }
  const size_t opt_offset = size;
  if (GetsOpt(query, context)) size += kOptSize;
  if (size > MaxSelfAnswerSize(query)) return false;

  const uint16_t flags = FlagsFor(query, shape);
  if (size > query.capacity) {
    query.SaveClientName();
    query.ReplaceMessage(context.packets, query.message().first(question_end), size - question_end);
  }
  uint16_t counts[4] = {1, 0, 0, 0};
  ByteWriter writer({query.data, size}, question_end);
  for (const AnswerRecord& record : records) {
    WriteRecord(writer, record);
    ++counts[static_cast<size_t>(record.section)];
  }
  if (GetsOpt(query, context)) {
    WriteOpt(writer, query, context, shape.rcode);
    ++counts[static_cast<size_t>(dns::Section::kAdditional)];
  }
  query.size = size;
  dns::Header header = query.header();
  header.set_flags(flags);
  for (size_t section = 0; section < 4; ++section) {
    header.set_count(static_cast<dns::Section>(section), counts[section]);
  }
  MarkAnswered(query);
  DescribeOpt(query, context, shape.rcode, opt_offset);
  return true;
}

bool MakeTruncatedAnswer(Query& query, const SelfAnswerContext& context) {
  AnswerShape shape;
  shape.flags.aa = false;
  shape.truncated = true;
  return MakeAnswer(query, context, shape);
}

bool MakePacketAnswer(Query& query, const SelfAnswerContext& context,
                      std::span<const uint8_t> packet) {
  if (packet.size() < dns::kHeaderSize || packet.size() > MaxSelfAnswerSize(query)) return false;
  const uint16_t id = query.header().id();
  if (packet.size() > query.capacity) {
    query.SaveClientName();
    query.ReplaceMessage(context.packets, packet);
  } else {
    std::memmove(query.data, packet.data(), packet.size());
    query.size = packet.size();
  }
  dns::Header header = query.header();
  header.set_id(id);
  header.set_flags(static_cast<uint16_t>((header.flags() & ~kClientFlags) |
                                         (query.client_flags & kClientFlags) | dns::kFlagQr));
  MarkAnswered(query);
  query.raw_answer = true;
  query.edns = {};
  return true;
}

void FinishTurnedAnswer(Query& query, const SelfAnswerContext& context) {
  dns::Header header = query.header();
  header.set_flags(static_cast<uint16_t>((header.flags() & ~kClientFlags) |
                                         (query.client_flags & kClientFlags)));
  MarkAnswered(query);
  if (query.raw_answer || !GetsOpt(query, context)) return;
  const auto found = dns::FindEdns(query.message(), query.records_start());
  if (!found) return;  // Lua wrote what is no DNS message: it goes out as it is
  query.Reserve(context.packets, kOptSize);
  auto buffer = query.edit();
  if (found->present && !dns::RemoveOpt(buffer, query.records_start())) return;
  dns::OptFields fields;
  fields.udp_size = context.udp_size;
  fields.dnssec_ok = query.client_dnssec_ok;
  fields.extended_rcode = found->extended_rcode;
  const size_t offset = buffer.size;
  const bool added = dns::AddOpt(buffer, fields).has_value();
  query.Take(buffer);
  query.edns = {};
  if (added) DescribeOpt(query, context, static_cast<uint16_t>(fields.extended_rcode << 4), offset);
}

}  // namespace breakwater
