#include "proxy/dns/message_builder.h"

#include <algorithm>

namespace breakwater::dns {
namespace {

constexpr size_t kMaxMessageSize = 65535;
constexpr uint16_t kPointerToQuestion = 0xc000 | kHeaderSize;

std::span<uint8_t> Bounded(std::span<uint8_t> room) {
  return room.first(std::min(room.size(), kMaxMessageSize));
}

}  // namespace

MessageBuilder::MessageBuilder(std::span<uint8_t> room, size_t offset)
    : writer_(Bounded(room), offset) {}

MessageBuilder::MessageBuilder(std::span<uint8_t> room, uint16_t id, uint16_t flags)
    : writer_(Bounded(room)) {
  writer_.U16(id);
  writer_.U16(flags);
  for (int i = 0; i < 4; ++i) writer_.U16(0);
}

MessageBuilder MessageBuilder::OverQuestion(const EditBuffer& buffer, const Question& question) {
  MessageBuilder builder({buffer.data, buffer.capacity}, question.end());
  if (builder.writer_.ok()) {
    Header header(buffer.data);
    header.set_count(Section::kQuestion, 1);
    for (const Section section : {Section::kAnswer, Section::kAuthority, Section::kAdditional}) {
      header.set_count(section, 0);
    }
  }
  return builder;
}

void MessageBuilder::AddQuestion(const Name& name, Type type, Class cls) {
  if (writer_.offset() != kHeaderSize) misused_ = true;
  writer_.Bytes(name.wire());
  writer_.U16(static_cast<uint16_t>(type));
  writer_.U16(static_cast<uint16_t>(cls));
  Count(Section::kQuestion);
}

void MessageBuilder::AddRecord(const RecordHead& head, std::span<const uint8_t> rdata) {
  StartRecord(head, rdata.size());
  writer_.Bytes(rdata);
}

void MessageBuilder::AddAddress(RecordHead head, const Address& address) {
  head.type = address.IsV4() ? Type::kA : Type::kAaaa;
  AddRecord(head, address.Raw());
}

void MessageBuilder::AddName(const RecordHead& head, const Name& target) {
  AddRecord(head, target.wire());
}

void MessageBuilder::AddCname(RecordHead head, const Name& target) {
  head.type = Type::kCname;
  AddName(head, target);
}

void MessageBuilder::AddSoa(RecordHead head, const SoaData& soa) {
  head.type = Type::kSoa;
  StartRecord(head, soa.mname.length() + soa.rname.length() + 20);
  writer_.Bytes(soa.mname.wire());
  writer_.Bytes(soa.rname.wire());
  for (const uint32_t value : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) {
    writer_.U32(value);
  }
}

void MessageBuilder::AddOpt(const OptFields& fields) {
  const Name root;
  const uint32_t ttl =
      static_cast<uint32_t>(fields.extended_rcode) << 24 | (fields.dnssec_ok ? 0x8000u : 0u);
  StartRecord({.section = Section::kAdditional,
               .owner = &root,
               .type = Type::kOpt,
               .cls = static_cast<Class>(fields.udp_size),
               .ttl = ttl},
              0);
}

Result<size_t> MessageBuilder::Finish() {
  if (misused_) return Fail(Error::kUnsupported);
  if (!writer_.ok()) return Fail(Error::kNoSpace);
  return writer_.offset();
}

void MessageBuilder::StartRecord(const RecordHead& head, size_t rdata_size) {
  if (!writer_.ok()) return;
  const bool at_question = head.owner == nullptr;
  if (head.section < last_ || head.section == Section::kQuestion ||
      (at_question && header().count(Section::kQuestion) == 0)) {
    misused_ = true;
  }
  last_ = head.section;
  if (at_question) {
    writer_.U16(kPointerToQuestion);
  } else {
    writer_.Bytes(head.owner->wire());
  }
  writer_.U16(static_cast<uint16_t>(head.type));
  writer_.U16(static_cast<uint16_t>(head.cls));
  writer_.U32(head.ttl);
  // A length over 16 bits cannot fit the message either, so Finish() tells.
  writer_.U16(static_cast<uint16_t>(rdata_size));
  Count(head.section);
}

void MessageBuilder::Count(Section section) {
  if (!writer_.ok()) return;
  header().set_count(section, static_cast<uint16_t>(header().count(section) + 1));
}

}  // namespace breakwater::dns
