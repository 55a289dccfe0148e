// Builds a message front to back in memory somebody else owns: self-made answers, negative
// answers, health checks, NOTIFY. Names are written uncompressed, but for owners equal to the
// question's name, which become a pointer to it. Errors stick and are told by Finish(). A local
// of the caller; it allocates nothing.
//
//   auto builder = MessageBuilder::OverQuestion(query.edit(), query.question);
//   builder.header().Set(kFlagQr, true);
//   builder.AddAddress({.ttl = 60}, address);
//   const auto size = builder.Finish();
#pragma once

#include <cstdint>
#include <span>

#include "proxy/base/address.h"
#include "proxy/base/byte_writer.h"
#include "proxy/base/result.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/header.h"
#include "proxy/dns/name.h"
#include "proxy/dns/question.h"
#include "proxy/dns/types.h"

namespace breakwater::dns {

struct RecordHead {
  Section section = Section::kAnswer;
  const Name* owner = nullptr;  // null: the question's name
  Type type{};                  // set by the builder for addresses, CNAME and SOA
  Class cls = Class::kIn;
  uint32_t ttl = 0;
};

struct SoaData {
  Name mname;
  Name rname;
  uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
};

class MessageBuilder {
 public:
  // A new message of the given ID and flags.
  MessageBuilder(std::span<uint8_t> room, uint16_t id, uint16_t flags);
  // Keeps header and question of the message in `buffer`, drops the records. Until Finish() the
  // buffer holds half a message; where the result may not fit, add up RecordSize() first.
  static MessageBuilder OverQuestion(const EditBuffer& buffer, const Question& question);

  Header header() { return Header(writer_.written().data()); }

  // Before any record, at most once.
  void AddQuestion(const Name& name, Type type, Class cls);

  // Records go in the order of their sections.
  void AddRecord(const RecordHead& head, std::span<const uint8_t> rdata);
  void AddAddress(RecordHead head, const Address& address);  // A or AAAA; must be set
  void AddName(const RecordHead& head, const Name& target);  // NS, PTR, DNAME ...
  void AddCname(RecordHead head, const Name& target);
  void AddSoa(RecordHead head, const SoaData& soa);
  void AddOpt(const OptFields& fields);

  // The size of the message. kNoSpace: it did not fit. kUnsupported: sections out of order, or a
  // record at the question's name without a question.
  Result<size_t> Finish();

  // Octets a record takes.
  static size_t RecordSize(const RecordHead& head, size_t rdata_size) {
    return (head.owner == nullptr ? 2 : head.owner->length()) + 10 + rdata_size;
  }

 private:
  MessageBuilder(std::span<uint8_t> room, size_t offset);
  void StartRecord(const RecordHead& head, size_t rdata_size);
  void Count(Section section);

  ByteWriter writer_;
  bool misused_ = false;
  Section last_ = Section::kQuestion;
};

}  // namespace breakwater::dns
